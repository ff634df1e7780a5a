/**
 * Comparisons, elementwise with broadcasting.
 *
 * @module
 */

import { computeBinary, computeUnary } from "./_elementwise.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Whether elements are equal; false for NaN.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a = b` as `bool`, in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example With a number
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { equal, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = equal(tensor(device, [1, 2, 3]), 2);
 * assertEquals([...await result.data()], [0, 1, 0]);
 * ```
 */
export function equal(a: Tensor | number, b: Tensor | number): Tensor {
  return computeBinary("equal", a, b);
}

/**
 * Whether elements differ; true for NaN.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a ≠ b` as `bool`, in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example With a number
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { notEqual, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = notEqual(tensor(device, [1, 2, 3]), 2);
 * assertEquals([...await result.data()], [1, 0, 1]);
 * ```
 */
export function notEqual(a: Tensor | number, b: Tensor | number): Tensor {
  return computeBinary("notEqual", a, b);
}

/**
 * Whether elements are less than others; false for NaN.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a < b` as `bool`, in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example With a number
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { less, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = less(tensor(device, [1, 2, 3]), 2);
 * assertEquals([...await result.data()], [1, 0, 0]);
 * ```
 */
export function less(a: Tensor | number, b: Tensor | number): Tensor {
  return computeBinary("less", a, b);
}

/**
 * Whether elements are at most others; false for NaN.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a ≤ b` as `bool`, in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example With a number
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { lessEqual, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = lessEqual(tensor(device, [1, 2, 3]), 2);
 * assertEquals([...await result.data()], [1, 1, 0]);
 * ```
 */
export function lessEqual(a: Tensor | number, b: Tensor | number): Tensor {
  return computeBinary("lessEqual", a, b);
}

/**
 * Whether elements are greater than others; false for NaN.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a > b` as `bool`, in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example With a number
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { greater, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = greater(tensor(device, [1, 2, 3]), 2);
 * assertEquals([...await result.data()], [0, 0, 1]);
 * ```
 */
export function greater(a: Tensor | number, b: Tensor | number): Tensor {
  return computeBinary("greater", a, b);
}

/**
 * Whether elements are at least others; false for NaN.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a ≥ b` as `bool`, in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example With a number
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { greaterEqual, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = greaterEqual(tensor(device, [1, 2, 3]), 2);
 * assertEquals([...await result.data()], [0, 1, 1]);
 * ```
 */
export function greaterEqual(a: Tensor | number, b: Tensor | number): Tensor {
  return computeBinary("greaterEqual", a, b);
}

/**
 * Whether elements are NaN.
 *
 * @param x Float, any shape.
 * @returns A `bool` tensor of the same shape.
 * @throws {DTypeError} If x is not float.
 *
 * @example One of two
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { isNaN, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = isNaN(tensor(device, [1, NaN]));
 * assertEquals([...await result.data()], [0, 1]);
 * ```
 */
export function isNaN(x: Tensor): Tensor {
  return computeUnary("isNaN", x);
}
