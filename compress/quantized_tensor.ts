/**
 * Weights stored in few bits.
 *
 * @module
 */

import {
  ArgumentError,
  cast,
  type Device,
  formatShape,
  reshape,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
} from "@cram/tensor";
import {
  chooseGrid,
  codesOf,
  decode,
  encode,
  type QuantizeOptions,
  type Quantizer,
  quantizer,
} from "./quantize.ts";
import { checkWeights } from "./weight.ts";

/** Codes of up to this many bits are packed two in a byte. */
const NIBBLE_BITS = 4;

/**
 * A weight as packed integers on the host: up to 4 bits two in a byte, the
 * first in the low half; else one in a byte. Codes are stored from 0 on.
 */
export class QuantizedTensor {
  /** The shape of the weight. */
  readonly shape: Shape;
  /** How the codes were made. */
  readonly settings: Quantizer;
  /** The packed codes. */
  readonly codes: Uint8Array;
  /** The shape of scales and zero points: `[1, …, out]`, or all ones. */
  readonly gridShape: Shape;
  /** What a code is worth. */
  readonly scales: Float32Array;
  /** The code of 0, as it is before codes are shifted to begin at 0. */
  readonly zeroPoints: Float32Array;

  /**
   * Made by {@linkcode quantizeTensor}, or of saved parts.
   *
   * @param parts The fields.
   * @throws {ArgumentError} If their lengths do not fit the shapes.
   */
  constructor(
    parts: Pick<
      QuantizedTensor,
      | "shape"
      | "settings"
      | "codes"
      | "gridShape"
      | "scales"
      | "zeroPoints"
    >,
  ) {
    this.shape = parts.shape;
    this.settings = parts.settings;
    this.codes = parts.codes;
    this.gridShape = parts.gridShape;
    this.scales = parts.scales;
    this.zeroPoints = parts.zeroPoints;
    const size = sizeOf(parts.shape);
    const codeBytes = parts.settings.bits > NIBBLE_BITS
      ? size
      : Math.ceil(size / 2);
    const scales = sizeOf(parts.gridShape);
    if (
      parts.codes.length !== codeBytes || parts.scales.length !== scales ||
      parts.zeroPoints.length !== scales
    ) {
      throw new ArgumentError(
        `Cannot make a weight of shape ${
          formatShape(parts.shape)
        } in ${parts.settings.bits} bits of ${parts.codes.length} bytes of codes, ${parts.scales.length} scales and ${parts.zeroPoints.length} zero points: expected ${codeBytes}, ${scales} and ${scales}`,
      );
    }
  }

  /** The bytes of codes, scales and, for affine codes, zero points. */
  get byteLength(): number {
    const { codes, scales, zeroPoints, settings } = this;
    return codes.byteLength + scales.byteLength +
      (settings.scheme === "affine" ? zeroPoints.byteLength : 0);
  }

  /** How many times smaller this is than float32. */
  get compression(): number {
    return 4 * sizeOf(this.shape) / this.byteLength;
  }

  /**
   * The weight that the codes stand for: the same, bit for bit in float32,
   * that `quantize()` with the same options leaves in place.
   *
   * @param device Where it shall live.
   * @returns A float32 tensor of the weight's shape.
   */
  dequantize(device: Device): Tensor {
    using scope = device.scope();
    const bytes = unpack(this.codes, sizeOf(this.shape), this.settings.bits);
    const shift = codesOf(this.settings).low;
    const codes = cast(
      tensor(device, bytes, { shape: this.shape, dtype: "uint8" }),
      "float32",
    );
    const zeroPoints = this.zeroPoints.map((zero) => zero - shift);
    return scope.keep(decode(codes, {
      scale: tensor(device, this.scales, { shape: this.gridShape }),
      zeroPoint: tensor(device, zeroPoints, { shape: this.gridShape }),
    }));
  }
}

/**
 * Stores a weight in few bits.
 *
 * @param x A float weight; the last axis are output channels.
 * @param options As for `quantize()`.
 * @returns Its packed codes.
 * @throws {ArgumentError} If an option is not what it may be.
 * @throws {DTypeError} If the weight is not float.
 *
 * @example Four bits
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { quantizeTensor } from "@cram/compress";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const weight = tensor(device, [[-7], [3], [0], [7]]);
 * const packed = await quantizeTensor(weight, { bits: 4 });
 * assertEquals(packed.codes.byteLength, 2);
 * assertEquals([...await packed.dequantize(device).data()], [-7, 3, 0, 7]);
 * ```
 */
export async function quantizeTensor(
  x: Tensor,
  options: QuantizeOptions,
): Promise<QuantizedTensor> {
  const settings = quantizer(options);
  checkWeights("quantize", [{ name: "x", tensor: x }]);
  const parts = codesAndGrid(x, settings);
  // The scope is closed by now: other work may go on while codes are read.
  const [codes, scales, zeroPoints] = await Promise.all(
    parts.map(async (part) => {
      using tensor = part;
      return await tensor.data();
    }),
  );
  const { low } = codesOf(settings);
  return new QuantizedTensor({
    shape: x.shape,
    settings,
    codes: pack(Uint8Array.from(codes, (code) => code - low), settings.bits),
    gridShape: parts[1].shape,
    scales: Float32Array.from(scales),
    zeroPoints: Float32Array.from(zeroPoints),
  });
}

function codesAndGrid(x: Tensor, settings: Quantizer): Tensor[] {
  using scope = x.device.scope();
  const grid = chooseGrid(x, settings);
  const codes = reshape(encode(x, grid, settings), [x.size]);
  return [codes, grid.scale, grid.zeroPoint].map((part) => scope.keep(part));
}

function pack(codes: Uint8Array, bits: number): Uint8Array {
  if (bits > NIBBLE_BITS) return codes;
  const packed = new Uint8Array(Math.ceil(codes.length / 2));
  for (const [i, code] of codes.entries()) {
    packed[i >> 1] |= code << (i % 2 * NIBBLE_BITS);
  }
  return packed;
}

function unpack(packed: Uint8Array, length: number, bits: number): Uint8Array {
  if (bits > NIBBLE_BITS) return packed;
  const mask = 2 ** NIBBLE_BITS - 1;
  return Uint8Array.from(
    { length },
    (_, i) => packed[i >> 1] >> (i % 2 * NIBBLE_BITS) & mask,
  );
}
