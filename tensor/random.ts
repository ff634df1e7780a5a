/**
 * Random tensors, from an explicit seed and counted through: element `i` of a
 * sequence is a function of seed, stream and `i` alone (Philox4x32-10), so
 * that the same call gives the same bits on every device.
 *
 * @module
 */

import type { Device } from "./device.ts";
import { type DType, type HostArray, hostArray } from "./dtype.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import { erf } from "./_erf.ts";
import { normalQuantile } from "./_normal_quantile.ts";
import { philoxWords } from "./_philox.ts";
import { type RandomSequence, randomState } from "./_random_state.ts";
import { produce } from "./_run.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

export type { RandomSequence } from "./_random_state.ts";

/** Options of {@linkcode randomUniform}. */
export interface RandomUniformOptions extends RandomSequence {
  /** The smallest number. Default: 0. */
  readonly low?: number;
  /** What numbers stay below, but for rounding. Default: 1. */
  readonly high?: number;
  /** `float32` or `float64`. Default: `float32`. */
  readonly dtype?: DType;
}

/** Options of {@linkcode randomNormal}. */
export interface RandomNormalOptions extends RandomSequence {
  /** Default: 0. */
  readonly mean?: number;
  /** At least 0. Default: 1. */
  readonly standardDeviation?: number;
  /** `float32` or `float64`. Default: `float32`. */
  readonly dtype?: DType;
}

/** Options of {@linkcode randomTruncatedNormal}. */
export interface RandomTruncatedNormalOptions extends RandomNormalOptions {
  /** How many standard deviations a number may be off the mean. Default: 2. */
  readonly limit?: number;
}

/** Options of {@linkcode randomBernoulli}. */
export interface RandomBernoulliOptions extends RandomSequence {
  /** How probable `true` is, in [0, 1]. */
  readonly probability: number;
}

/**
 * Draws evenly distributed numbers.
 *
 * @param device Where the tensor lives.
 * @param shape Its shape.
 * @param options Seed, stream, range, dtype.
 * @returns Multiples of 2^-24 in [0, 1), scaled and shifted to [low, high).
 * @throws {ShapeError} If `shape` is none.
 * @throws {ArgumentError} If seed, stream or range are none.
 * @throws {DTypeError} If the device has no such float dtype.
 *
 * @example The same seed, the same numbers
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, randomUniform } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const a = randomUniform(device, [3], { seed: 1n });
 * const b = randomUniform(device, [3], { seed: 1n });
 * assertEquals(await a.data(), await b.data());
 * ```
 */
export function randomUniform(
  device: Device,
  shape: Shape,
  options: RandomUniformOptions,
): Tensor {
  const op = "randomUniform";
  const { low = 0, high = 1, dtype = "float32" } = options;
  const state = randomState(op, options);
  checkFloat(op, dtype);
  if (!Number.isFinite(high - low) || low > high) {
    throw new ArgumentError(
      `Cannot run "${op}" from ${low} to ${high}: expected finite numbers in ascending order`,
    );
  }
  return produce(device, op, shape, dtype, (out) => {
    const { backend } = device;
    const layout = { shape: [sizeOf(shape)], strides: [[1], [0]] };
    backend.randomUniform(out, state);
    // Two kernels: in one, some devices would contract them to a fused
    // multiply-add and round differently from the others.
    if (high - low !== 1) backend.binary("mul", out, high - low, out, layout);
    if (low !== 0) backend.binary("add", out, low, out, layout);
  });
}

/**
 * Draws normally distributed numbers.
 *
 * @param device Where the tensor lives.
 * @param shape Its shape.
 * @param options Seed, stream, mean, standard deviation, dtype.
 * @returns Numbers within 6.4 standard deviations of the mean.
 * @throws {ShapeError} If `shape` is none.
 * @throws {ArgumentError} If seed, stream, mean or standard deviation are none.
 * @throws {DTypeError} If the device has no such float dtype.
 *
 * @example Weights of a layer
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, randomNormal } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const options = { seed: 1n, standardDeviation: Math.sqrt(2 / 64) };
 * const weight = randomNormal(device, [64, 32], options);
 * assertEquals(weight.shape, [64, 32]);
 * ```
 */
export function randomNormal(
  device: Device,
  shape: Shape,
  options: RandomNormalOptions,
): Tensor {
  return quantiles("randomNormal", device, shape, options, 1);
}

/**
 * Draws normally distributed numbers, but none that are far from the mean.
 *
 * @param device Where the tensor lives.
 * @param shape Its shape.
 * @param options Seed, stream, mean, standard deviation (of the whole distribution), limit, dtype.
 * @returns Numbers within `limit` standard deviations of the mean.
 * @throws {ShapeError} If `shape` is none.
 * @throws {ArgumentError} If seed, stream, mean, standard deviation or limit are none.
 * @throws {DTypeError} If the device has no such float dtype.
 *
 * @example Embeddings of BERT
 * ```ts
 * import { assert } from "@std/assert";
 * import { openDevice, randomTruncatedNormal } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const options = { seed: 1n, standardDeviation: 0.02 };
 * const table = randomTruncatedNormal(device, [100, 8], options);
 * assert((await table.data()).every((x) => Math.abs(x) < 0.04));
 * ```
 */
export function randomTruncatedNormal(
  device: Device,
  shape: Shape,
  options: RandomTruncatedNormalOptions,
): Tensor {
  const op = "randomTruncatedNormal";
  const { limit = 2 } = options;
  if (!(limit > 0)) {
    throw new ArgumentError(
      `Cannot run "${op}" with limit ${limit}: expected a number above 0`,
    );
  }
  return quantiles(op, device, shape, options, erf(limit * Math.SQRT1_2));
}

/**
 * Draws booleans.
 *
 * @param device Where the tensor lives.
 * @param shape Its shape.
 * @param options Probability, seed, stream.
 * @returns A `bool` tensor: whether {@linkcode randomUniform} of the same seed and stream is below `probability`.
 * @throws {ShapeError} If `shape` is none.
 * @throws {ArgumentError} If seed, stream or probability are none.
 *
 * @example A fair coin
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, randomBernoulli } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const coins = randomBernoulli(device, [10], { seed: 1n, probability: 0.5 });
 * assertEquals(coins.dtype, "bool");
 * ```
 */
export function randomBernoulli(
  device: Device,
  shape: Shape,
  options: RandomBernoulliOptions,
): Tensor {
  const op = "randomBernoulli";
  const { probability, seed, stream } = options;
  if (!(probability >= 0 && probability <= 1)) {
    throw new ArgumentError(
      `Cannot run "${op}" with probability ${probability}: expected a number from 0 to 1`,
    );
  }
  using uniform = randomUniform(device, shape, { seed, stream });
  return produce(
    device,
    op,
    shape,
    "bool",
    (out) =>
      device.backend.binary("less", viewOf(uniform), probability, out, {
        shape: [sizeOf(shape)],
        strides: [[1], [0]],
      }),
  );
}

/**
 * Normal numbers whose distance in probability from the mean is at most half
 * of `range`. They are computed on the host: logarithms differ from device to
 * device in their last bits.
 */
function quantiles(
  op: string,
  device: Device,
  shape: Shape,
  options: RandomNormalOptions,
  range: number,
): Tensor {
  const { mean = 0, standardDeviation = 1, dtype = "float32" } = options;
  const state = randomState(op, options);
  checkFloat(op, dtype);
  if (!Number.isFinite(mean)) {
    throw new ArgumentError(
      `Cannot run "${op}" with mean ${mean}: expected a finite number`,
    );
  }
  if (!(standardDeviation >= 0 && standardDeviation < Infinity)) {
    throw new ArgumentError(
      `Cannot run "${op}" with standardDeviation ${standardDeviation}: expected a finite number of at least 0`,
    );
  }
  return produce(device, op, shape, dtype, (out) => {
    const words = philoxWords(state, sizeOf(shape));
    const values: HostArray = hostArray(dtype, words.length);
    for (let i = 0; i < words.length; i++) {
      // Half a unit keeps the tails finite and the middle of 2^32 cells even.
      const q = ((words[i] + 0.5) * 2 ** -32 - 0.5) * range;
      values[i] = mean + standardDeviation * normalQuantile(q);
    }
    const bytes = new Uint8Array(values.buffer);
    device.backend.write(out.buffer, out.byteOffset, bytes);
  });
}

function checkFloat(op: string, dtype: DType): void {
  if (dtype !== "float32" && dtype !== "float64") {
    throw new DTypeError(
      `Cannot run "${op}" for ${dtype}: expected float32 or float64`,
    );
  }
}
