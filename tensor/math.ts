/**
 * Mathematical functions of one tensor, elementwise.
 *
 * @module
 */

import { differentiableUnary } from "./_elementwise.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The exponential function.
 *
 * @param x Float, any shape.
 * @returns `e ^ x`.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of zero
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { exp, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = exp(tensor(device, [0, -Infinity]));
 * assertEquals([...await result.data()], [1, 0]);
 * ```
 */
export function exp(x: Tensor): Tensor {
  return differentiableUnary("exp", x);
}

/**
 * The natural logarithm.
 *
 * @param x Float, any shape.
 * @returns `ln x`; -∞ at 0, NaN below.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of one and zero
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { log, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = log(tensor(device, [1, 0]));
 * assertEquals([...await result.data()], [0, -Infinity]);
 * ```
 */
export function log(x: Tensor): Tensor {
  return differentiableUnary("log", x);
}

/**
 * The square root.
 *
 * @param x Float, any shape.
 * @returns `√x`; NaN below 0.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of squares
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, sqrt, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = sqrt(tensor(device, [4, 9]));
 * assertEquals([...await result.data()], [2, 3]);
 * ```
 */
export function sqrt(x: Tensor): Tensor {
  return differentiableUnary("sqrt", x);
}

/**
 * The reciprocal of the square root.
 *
 * @param x Float, any shape.
 * @returns `1 / √x`; ∞ at 0, NaN below.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of squares
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, rsqrt, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = rsqrt(tensor(device, [4, 0.25]));
 * assertEquals([...await result.data()], [0.5, 2]);
 * ```
 */
export function rsqrt(x: Tensor): Tensor {
  return differentiableUnary("rsqrt", x);
}

/**
 * The sine of angles in radians.
 *
 * @param x Float, any shape.
 * @returns `sin x`.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of zero
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, sin, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = sin(tensor(device, [0]));
 * assertEquals([...await result.data()], [0]);
 * ```
 */
export function sin(x: Tensor): Tensor {
  return differentiableUnary("sin", x);
}

/**
 * The cosine of angles in radians.
 *
 * @param x Float, any shape.
 * @returns `cos x`.
 * @throws {DTypeError} If x is not float.
 *
 * @example Of zero
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cos, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = cos(tensor(device, [0]));
 * assertEquals([...await result.data()], [1]);
 * ```
 */
export function cos(x: Tensor): Tensor {
  return differentiableUnary("cos", x);
}

/**
 * The error function, `2 / √π · ∫₀ˣ e ^ -t² dt`.
 *
 * @param x Float, any shape.
 * @returns `erf x`, in [-1, 1].
 * @throws {DTypeError} If x is not float.
 *
 * @example Of infinities
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { erf, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = erf(tensor(device, [0, Infinity, -Infinity]));
 * assertEquals([...await result.data()], [0, 1, -1]);
 * ```
 */
export function erf(x: Tensor): Tensor {
  return differentiableUnary("erf", x);
}

/**
 * Rounds down; the gradient is 0.
 *
 * @param x Float, any shape.
 * @returns The largest whole number ≤ x.
 * @throws {DTypeError} If x is not float.
 *
 * @example Both signs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { floor, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = floor(tensor(device, [1.5, -1.5]));
 * assertEquals([...await result.data()], [1, -2]);
 * ```
 */
export function floor(x: Tensor): Tensor {
  return differentiableUnary("floor", x);
}

/**
 * Rounds up; the gradient is 0.
 *
 * @param x Float, any shape.
 * @returns The smallest whole number ≥ x.
 * @throws {DTypeError} If x is not float.
 *
 * @example Both signs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ceil, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = ceil(tensor(device, [1.5, -1.25]));
 * assertEquals([...await result.data()], [2, -1]);
 * ```
 */
export function ceil(x: Tensor): Tensor {
  return differentiableUnary("ceil", x);
}

/**
 * Rounds to the nearest whole number, halves to the even one; the gradient
 * is 0.
 *
 * @param x Float, any shape.
 * @returns The nearest whole number.
 * @throws {DTypeError} If x is not float.
 *
 * @example Halves
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, round, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = round(tensor(device, [0.5, 1.5, 2.25]));
 * assertEquals([...await result.data()], [0, 2, 2]);
 * ```
 */
export function round(x: Tensor): Tensor {
  return differentiableUnary("round", x);
}
