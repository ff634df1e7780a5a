/**
 * Reductions over axes.
 *
 * @module
 */

import type { ReduceOp } from "./backend.ts";
import { mul, square, sub } from "./arithmetic.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import {
  axisLayout,
  computeReduce,
  reducedShape,
  reducedSize,
} from "./_reduce.ts";
import {
  announceResult,
  checkKind,
  commonDevice,
  type Kind,
  produce,
} from "./_run.ts";
import { normalizeAxes, normalizeAxis } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Options of reductions. */
export interface ReduceOptions {
  /** The axes to reduce; all if they are not given. Negative ones count from the last. */
  readonly axes?: number | readonly number[];
  /** Whether reduced axes stay with size 1; they are left out if it is not given. */
  readonly keepDims?: boolean;
}

/** Computes and announces a reduction. */
function reduce(
  op: ReduceOp,
  x: Tensor,
  { axes, keepDims = false }: ReduceOptions,
  ...kinds: readonly Kind[]
): Tensor {
  commonDevice(op, x);
  checkKind(op, x, ...kinds);
  const reduced = normalizeAxes(axes, x.rank);
  const out = computeReduce(op, x, reduced, keepDims);
  return announceResult(op, [x], [out], { axes: reduced, keepDims });
}

/**
 * Adds elements up.
 *
 * @param x Float or integer, any shape.
 * @param options Which axes.
 * @returns The sums; 0 over nothing. Integers wrap.
 * @throws {ArgumentError} If an axis does not exist or is named twice.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example Of rows
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, sum, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = sum(tensor(device, [[1, 2], [3, 4]]), { axes: 1 });
 * assertEquals([...await result.data()], [3, 7]);
 * ```
 */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("sum", x, options, "float", "int");
}

/**
 * Takes means.
 *
 * @param x Float, any shape.
 * @param options Which axes.
 * @returns The means; NaN over nothing.
 * @throws {ArgumentError} If an axis does not exist or is named twice.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of columns
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mean, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = mean(tensor(device, [[1, 2], [3, 4]]), { axes: 0 });
 * assertEquals([...await result.data()], [2, 3]);
 * ```
 */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("mean", x, options, "float");
}

/**
 * Takes the largest elements. NaN if there is one; equal elements share the
 * gradient.
 *
 * @param x Float or integer, any shape.
 * @param options Which axes.
 * @returns The maxima; -∞ over nothing, for integers the smallest value.
 * @throws {ArgumentError} If an axis does not exist or is named twice.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example Of all
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { max, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = max(tensor(device, [[1, 2], [4, 3]]));
 * assertEquals([...await result.data()], [4]);
 * ```
 */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("max", x, options, "float", "int");
}

/**
 * Takes the smallest elements. NaN if there is one; equal elements share the
 * gradient.
 *
 * @param x Float or integer, any shape.
 * @param options Which axes.
 * @returns The minima; ∞ over nothing, for integers the largest value.
 * @throws {ArgumentError} If an axis does not exist or is named twice.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example Of all
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { min, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = min(tensor(device, [[1, 2], [4, 3]]));
 * assertEquals([...await result.data()], [1]);
 * ```
 */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("min", x, options, "float", "int");
}

/**
 * Takes the logarithm of the sum of exponentials, without overflow.
 *
 * @param x Float, any shape.
 * @param options Which axes.
 * @returns `log Σ e ^ x`; -∞ over nothing.
 * @throws {ArgumentError} If an axis does not exist or is named twice.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of one and of infinities
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logSumExp, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = logSumExp(tensor(device, [[1000], [-Infinity]]), { axes: 1 });
 * assertEquals([...await result.data()], [1000, -Infinity]);
 * ```
 */
export function logSumExp(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("logSumExp", x, options, "float");
}

/**
 * Takes Euclidean norms; the gradient at 0 is 0.
 *
 * @param x Float, any shape.
 * @param options Which axes.
 * @returns `√Σx²`; 0 over nothing.
 * @throws {ArgumentError} If an axis does not exist or is named twice.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of a vector
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { l2Norm, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = l2Norm(tensor(device, [3, 4]));
 * assertEquals([...await result.data()], [5]);
 * ```
 */
export function l2Norm(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("l2Norm", x, options, "float");
}

/** Options of {@linkcode variance}. */
export interface VarianceOptions extends ReduceOptions {
  /** What is subtracted from the number of elements in the divisor: 1 for the unbiased estimate, 0 (if it is not given) for the population. */
  readonly correction?: number;
}

/**
 * Takes variances, in two passes: the mean first, then the squares of the
 * differences from it.
 *
 * @param x Float, any shape.
 * @param options Which axes, and the correction.
 * @returns `Σ(x - mean)² / max(0, n - correction)`; NaN over nothing.
 * @throws {ArgumentError} If an axis does not exist or is named twice, or the correction is negative or not finite.
 * @throws {DTypeError} If x is not float.
 *
 * @example Biased and unbiased
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tensor, variance } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = tensor(device, [1, 3]);
 * assertEquals(await variance(x).item(), 1);
 * assertEquals(await variance(x, { correction: 1 }).item(), 2);
 * ```
 */
export function variance(x: Tensor, options: VarianceOptions = {}): Tensor {
  const { axes, keepDims = false, correction = 0 } = options;
  commonDevice("variance", x);
  checkKind("variance", x, "float");
  const reduced = normalizeAxes(axes, x.rank);
  if (!Number.isFinite(correction) || correction < 0) {
    throw new ArgumentError(
      `Cannot run "variance" with correction ${correction}: expected a finite number of at least 0`,
    );
  }
  using center = mean(x, { axes: reduced, keepDims: true });
  using differences = sub(x, center);
  using squares = square(differences);
  using total = sum(squares, { axes: reduced, keepDims });
  const divisor = Math.max(0, reducedSize(x.shape, reduced) - correction);
  return mul(total, 1 / divisor);
}

/** Options of {@linkcode argmax}. */
export interface ArgmaxOptions {
  /** The axis to reduce; if it is not given, the tensor is seen as one axis. Negative ones count from the last. */
  readonly axis?: number;
  /** Whether the reduced axis stays with size 1; it is left out if it is not given. */
  readonly keepDims?: boolean;
}

/**
 * Finds the largest elements: the first of equals; NaN counts as largest.
 *
 * @param x Float or integer, any shape.
 * @param options Which axis.
 * @returns The indices along the axis, `int32`.
 * @throws {ArgumentError} If there is no such axis.
 * @throws {ShapeError} If the axis has no elements.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example The most likely class
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { argmax, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const classes = argmax(tensor(device, [[0, 2, 1], [5, 4, 3]]), { axis: 1 });
 * assertEquals([...await classes.data()], [1, 0]);
 * ```
 */
export function argmax(x: Tensor, options: ArgmaxOptions = {}): Tensor {
  const { axis, keepDims = false } = options;
  const device = commonDevice("argmax", x);
  checkKind("argmax", x, "float", "int");
  const axes = axis === undefined
    ? x.shape.map((_, i) => i)
    : [normalizeAxis(axis, x.rank)];
  const layout = axis === undefined
    ? { outer: 1, length: x.size, inner: 1 }
    : axisLayout(x.shape, axes[0]);
  if (layout.length === 0) {
    throw new ShapeError(
      `Cannot run "argmax" on ${x}: there is nothing to compare`,
    );
  }
  return produce(
    device,
    "argmax",
    reducedShape(x.shape, axes, keepDims),
    "int32",
    (out) => device.backend.argmax(viewOf(x), out, layout),
  );
}
