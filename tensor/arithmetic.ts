/**
 * Arithmetic of tensors and numbers, elementwise with broadcasting.
 *
 * @module
 */

import { differentiableBinary, differentiableUnary } from "./_elementwise.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Adds two tensors, or a tensor and a number.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a + b` in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example A row added to each row
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { add, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = add(tensor(device, [[1, 2], [3, 4]]), tensor(device, [10, 20]));
 * assertEquals([...await result.data()], [11, 22, 13, 24]);
 * ```
 */
export function add(a: Tensor | number, b: Tensor | number): Tensor {
  return differentiableBinary("add", a, b);
}

/**
 * Subtracts a tensor or a number from another.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a - b` in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example From a number
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, sub, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = sub(10, tensor(device, [1, 2]));
 * assertEquals([...await result.data()], [9, 8]);
 * ```
 */
export function sub(a: Tensor | number, b: Tensor | number): Tensor {
  return differentiableBinary("sub", a, b);
}

/**
 * Multiplies two tensors elementwise, or a tensor by a number.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a · b` in the broadcast shape; integers wrap.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example A column times a row
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mul, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = mul(tensor(device, [[1], [2]]), tensor(device, [3, 4]));
 * assertEquals([...await result.data()], [3, 4, 6, 8]);
 * ```
 */
export function mul(a: Tensor | number, b: Tensor | number): Tensor {
  return differentiableBinary("mul", a, b);
}

/**
 * Divides a tensor or a number by another, by IEEE 754.
 *
 * @param a Float, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a / b` in the broadcast shape; x / 0 is ±∞, 0 / 0 is NaN.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are not float.
 *
 * @example Halves
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { div, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = div(tensor(device, [1, -3]), 2);
 * assertEquals([...await result.data()], [0.5, -1.5]);
 * ```
 */
export function div(a: Tensor | number, b: Tensor | number): Tensor {
  return differentiableBinary("div", a, b);
}

/**
 * Raises a tensor or a number to a power. A negative base with a whole
 * exponent is defined, as in IEEE 754; any other is NaN.
 *
 * @param a Float, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a ^ b` in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are not float.
 *
 * @example Cubes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, pow, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = pow(tensor(device, [2, -2]), 3);
 * assertEquals([...await result.data()], [8, -8]);
 * ```
 */
export function pow(a: Tensor | number, b: Tensor | number): Tensor {
  return differentiableBinary("pow", a, b);
}

/**
 * The larger of two elements. NaN if either is; the gradient of equal elements is
 * shared.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `max(a, b)` in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example No less than zero
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { maximum, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = maximum(tensor(device, [-1, 2]), 0);
 * assertEquals([...await result.data()], [0, 2]);
 * ```
 */
export function maximum(a: Tensor | number, b: Tensor | number): Tensor {
  return differentiableBinary("maximum", a, b);
}

/**
 * The smaller of two elements. NaN if either is; the gradient of equal elements is
 * shared.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `min(a, b)` in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example No more than one
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { minimum, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = minimum(tensor(device, [-1, 2]), 1);
 * assertEquals([...await result.data()], [-1, 1]);
 * ```
 */
export function minimum(a: Tensor | number, b: Tensor | number): Tensor {
  return differentiableBinary("minimum", a, b);
}

/**
 * Changes the sign.
 *
 * @param x Float or int32, any shape.
 * @returns `-x`; int32 wraps.
 * @throws {DTypeError} If x is neither float nor int32.
 *
 * @example Both signs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { neg, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = neg(tensor(device, [1, -2]));
 * assertEquals([...await result.data()], [-1, 2]);
 * ```
 */
export function neg(x: Tensor): Tensor {
  return differentiableUnary("neg", x);
}

/**
 * Takes absolute values.
 *
 * @param x Float or integer, any shape.
 * @returns `|x|`.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example Both signs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { abs, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = abs(tensor(device, [1, -2]));
 * assertEquals([...await result.data()], [1, 2]);
 * ```
 */
export function abs(x: Tensor): Tensor {
  return differentiableUnary("abs", x);
}

/**
 * Takes signs; the gradient is 0.
 *
 * @param x Float or integer, any shape.
 * @returns -1, 0 or 1; NaN where x is NaN.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example Three signs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, sign, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = sign(tensor(device, [3, 0, -2]));
 * assertEquals([...await result.data()], [1, 0, -1]);
 * ```
 */
export function sign(x: Tensor): Tensor {
  return differentiableUnary("sign", x);
}

/**
 * Squares.
 *
 * @param x Float or integer, any shape.
 * @returns `x²`; integers wrap.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example Both signs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, square, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = square(tensor(device, [3, -2]));
 * assertEquals([...await result.data()], [9, 4]);
 * ```
 */
export function square(x: Tensor): Tensor {
  return differentiableUnary("square", x);
}

/**
 * Takes reciprocals, by IEEE 754.
 *
 * @param x Float, any shape.
 * @returns `1 / x`; ±∞ where x is ±0.
 * @throws {DTypeError} If x is not float.
 *
 * @example A quarter
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, reciprocal, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = reciprocal(tensor(device, [4, -2]));
 * assertEquals([...await result.data()], [0.25, -0.5]);
 * ```
 */
export function reciprocal(x: Tensor): Tensor {
  return differentiableUnary("reciprocal", x);
}
