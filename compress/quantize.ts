/**
 * Quantization of weights to few bits.
 *
 * @module
 */

import {
  add,
  ArgumentError,
  assign,
  clip,
  div,
  equal,
  fullLike,
  less,
  max,
  maximum,
  min,
  minimum,
  mul,
  neg,
  round,
  square,
  sub,
  sum,
  type Tensor,
  where,
} from "@cram/tensor";
import type { Compressor } from "./compressor.ts";
import { checkWeights } from "./weight.ts";

/** Options of {@linkcode quantize}. */
export interface QuantizeOptions {
  /** Bits of a weight, 2 to 8. */
  readonly bits: number;
  /**
   * `symmetric`: codes -(2^(bits-1) - 1) … 2^(bits-1) - 1, zero is code 0.
   * `affine`: codes 0 … 2^bits - 1 over the range of the weights and 0.
   * Default: `symmetric`.
   */
  readonly scheme?: "symmetric" | "affine";
  /** Whether each output channel (last axis) has a scale of its own. Default: true. */
  readonly perChannel?: boolean;
  /**
   * `absmax`: the range of the codes is that of the weights. `mse`: it is
   * shrunk to where the squared error is least. Default: `absmax`.
   */
  readonly clipping?: "absmax" | "mse";
}

/** Options of a quantizer, complete. */
export type Quantizer = Required<QuantizeOptions>;

/** What maps codes to weights: `(code - zeroPoint) · scale`. */
export interface Grid {
  /** `[1, …, out]`, or of one element. */
  readonly scale: Tensor;
  /** A whole number as a float, of the shape of the scale; 0 if symmetric. */
  readonly zeroPoint: Tensor;
}

/** The parts of the full range that `mse` tries. */
const SHRINKS = Array.from({ length: 40 }, (_, i) => 1 - i / 50);

/**
 * Checks options and fills in what is not given.
 *
 * @param options The options.
 * @returns All of them.
 * @throws {ArgumentError} If one is not what it may be.
 */
export function quantizer(options: QuantizeOptions): Quantizer {
  const {
    bits,
    scheme = "symmetric",
    perChannel = true,
    clipping = "absmax",
  } = options;
  if (!(Number.isInteger(bits) && bits >= 2 && bits <= 8)) {
    throw new ArgumentError(
      `Cannot quantize to ${bits} bits: expected a whole number from 2 to 8`,
    );
  }
  if (scheme !== "symmetric" && scheme !== "affine") {
    throw new ArgumentError(
      `Cannot quantize by scheme "${scheme}": expected "symmetric" or "affine"`,
    );
  }
  if (clipping !== "absmax" && clipping !== "mse") {
    throw new ArgumentError(
      `Cannot quantize with clipping "${clipping}": expected "absmax" or "mse"`,
    );
  }
  return { bits, scheme, perChannel, clipping };
}

/**
 * Rounds weights to the nearest of few values. Used as the C of CrAM this is
 * quantization-aware training with straight-through gradients: there is no
 * mask, so that gradients pass as if nothing had happened.
 *
 * @param options Bits, scheme, channels and clipping.
 * @returns The compressor.
 * @throws {ArgumentError} If an option is not what it may be.
 *
 * @example Two bits: -1, 0 and 1 times a scale
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { quantize } from "@cram/compress";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const weight = tensor(device, [[0.25], [-2], [1.5]]);
 * quantize({ bits: 2 }).compress([{ name: "weight", tensor: weight }]);
 * assertEquals([...await weight.data()], [0, -2, 2]);
 * ```
 */
export function quantize(options: QuantizeOptions): Compressor {
  const settings = quantizer(options);
  const { bits, scheme, perChannel, clipping } = settings;
  const name = [
    `${bits} bits`,
    scheme === "affine" ? " affine" : "",
    perChannel ? "" : " per tensor",
    clipping === "mse" ? " with least squared error" : "",
  ].join("");
  return {
    name,
    compress(weights) {
      checkWeights(`quantize to ${name}`, weights);
      for (const { tensor } of weights) {
        if (tensor.size === 0) continue;
        using _scope = tensor.device.scope();
        const grid = chooseGrid(tensor, settings);
        assign(tensor, decode(encode(tensor, grid, settings), grid));
      }
      return undefined;
    },
  };
}

/** Chooses the grid of a tensor's codes, by its range or by the least squared error. */
export function chooseGrid(x: Tensor, settings: Quantizer): Grid {
  const axes = settings.perChannel
    ? x.shape.map((_, axis) => axis).slice(0, -1)
    : x.shape.map((_, axis) => axis);
  const reduced = { axes, keepDims: true };
  const high = maximum(max(x, reduced), 0);
  const low = minimum(min(x, reduced), 0);
  let best = gridOf(low, high, settings);
  if (settings.clipping === "absmax") return best;
  let leastError: Tensor | undefined;
  for (const shrink of SHRINKS) {
    const grid = gridOf(mul(low, shrink), mul(high, shrink), settings);
    const decoded = decode(encode(x, grid, settings), grid);
    const error = sum(square(sub(decoded, x)), reduced);
    if (leastError === undefined) {
      leastError = error;
      continue;
    }
    const better = less(error, leastError);
    leastError = where(better, error, leastError);
    best = {
      scale: where(better, grid.scale, best.scale),
      zeroPoint: where(better, grid.zeroPoint, best.zeroPoint),
    };
  }
  return best;
}

function gridOf(low: Tensor, high: Tensor, settings: Quantizer): Grid {
  if (settings.scheme === "symmetric") {
    const step = div(maximum(high, neg(low)), codesOf(settings).high);
    const scale = where(equal(step, 0), 1, step);
    return { scale, zeroPoint: fullLike(scale, 0) };
  }
  const step = div(sub(high, low), codesOf(settings).high);
  const scale = where(equal(step, 0), 1, step);
  return { scale, zeroPoint: round(div(neg(low), scale)) };
}

/** The smallest and the largest code. */
export function codesOf(
  { bits, scheme }: Quantizer,
): { low: number; high: number } {
  const high = 2 ** (bits - 1) - 1;
  return scheme === "symmetric"
    ? { low: -high, high }
    : { low: 0, high: 2 ** bits - 1 };
}

/** The codes of a tensor, whole numbers as floats. */
export function encode(x: Tensor, grid: Grid, settings: Quantizer): Tensor {
  const { low, high } = codesOf(settings);
  const codes = add(round(div(x, grid.scale)), grid.zeroPoint);
  return clip(codes, { low, high });
}

/** The values that codes stand for. */
export function decode(codes: Tensor, { scale, zeroPoint }: Grid): Tensor {
  return mul(sub(codes, zeroPoint), scale);
}
