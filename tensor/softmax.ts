/**
 * Softmax and its logarithm.
 *
 * @module
 */

import { matrixLayout } from "./_matrix.ts";
import { announceResult, checkKind, commonDevice, produce } from "./_run.ts";
import { normalizeAxis } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";
import { transpose } from "./transpose.ts";

/** Options of {@linkcode softmax} and {@linkcode logSoftmax}. */
export interface SoftmaxOptions {
  /** The axis whose elements sum to 1; the last if it is not given. Negative ones count from the last. */
  readonly axis?: number;
}

/**
 * Turns scores into probabilities: `e ^ x / Σ e ^ x`, without overflow. Where
 * all scores are -∞ the result is NaN.
 *
 * @param x Float, any shape but a scalar.
 * @param options Along which axis.
 * @returns A tensor of x's shape.
 * @throws {ArgumentError} If there is no such axis.
 * @throws {DTypeError} If x is not float.
 *
 * @example Equal scores
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, softmax, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = softmax(tensor(device, [1000, 1000]));
 * assertEquals([...await result.data()], [0.5, 0.5]);
 * ```
 */
export function softmax(x: Tensor, options: SoftmaxOptions = {}): Tensor {
  return alongAxis("softmax", x, options);
}

/**
 * The logarithm of {@linkcode softmax}: `x - log Σ e ^ x`, without overflow.
 *
 * @param x Float, any shape but a scalar.
 * @param options Along which axis.
 * @returns A tensor of x's shape.
 * @throws {ArgumentError} If there is no such axis.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of one score
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logSoftmax, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = logSoftmax(tensor(device, [7, -Infinity]));
 * assertEquals([...await result.data()], [0, -Infinity]);
 * ```
 */
export function logSoftmax(x: Tensor, options: SoftmaxOptions = {}): Tensor {
  return alongAxis("logSoftmax", x, options);
}

function alongAxis(
  op: "softmax" | "logSoftmax",
  x: Tensor,
  options: SoftmaxOptions,
): Tensor {
  commonDevice(op, x);
  checkKind(op, x, "float");
  const last = x.rank - 1;
  const axis = normalizeAxis(options.axis ?? -1, x.rank);
  if (axis === last) return alongRows(op, x);
  const swap = x.shape.map((_, i) => i).with(axis, last).with(last, axis);
  using rows = transpose(x, swap);
  using out = alongRows(op, rows);
  return transpose(out, swap);
}

function alongRows(op: "softmax" | "logSoftmax", x: Tensor): Tensor {
  const layout = { ...matrixLayout(x.shape, 1), log: op === "logSoftmax" };
  const out = produce(
    x.device,
    op,
    x.shape,
    x.dtype,
    (out) => x.device.backend.softmax(viewOf(x), out, layout),
  );
  return announceResult(op, [x], [out], {});
}
