/**
 * Logic of `bool` tensors, elementwise with broadcasting.
 *
 * @module
 */

import { computeBinary, computeUnary } from "./_elementwise.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Whether both elements are true.
 *
 * @param a `bool`, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns A `bool` tensor in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are not `bool`.
 *
 * @example The truth table
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logicalAnd, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = logicalAnd(
 *   tensor(device, [[true], [false]]),
 *   tensor(device, [true, false]),
 * );
 * assertEquals([...await result.data()], [1, 0, 0, 0]);
 * ```
 */
export function logicalAnd(a: Tensor, b: Tensor): Tensor {
  return computeBinary("and", a, b, "logicalAnd");
}

/**
 * Whether at least one of two elements is true.
 *
 * @param a `bool`, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns A `bool` tensor in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are not `bool`.
 *
 * @example The truth table
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logicalOr, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = logicalOr(
 *   tensor(device, [[true], [false]]),
 *   tensor(device, [true, false]),
 * );
 * assertEquals([...await result.data()], [1, 1, 1, 0]);
 * ```
 */
export function logicalOr(a: Tensor, b: Tensor): Tensor {
  return computeBinary("or", a, b, "logicalOr");
}

/**
 * Whether exactly one of two elements is true.
 *
 * @param a `bool`, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns A `bool` tensor in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are not `bool`.
 *
 * @example The truth table
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logicalXor, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = logicalXor(
 *   tensor(device, [[true], [false]]),
 *   tensor(device, [true, false]),
 * );
 * assertEquals([...await result.data()], [0, 1, 1, 0]);
 * ```
 */
export function logicalXor(a: Tensor, b: Tensor): Tensor {
  return computeBinary("xor", a, b, "logicalXor");
}

/**
 * Whether elements are false.
 *
 * @param x `bool`, any shape.
 * @returns A `bool` tensor of the same shape.
 * @throws {DTypeError} If x is not `bool`.
 *
 * @example Both values
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logicalNot, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = logicalNot(tensor(device, [true, false]));
 * assertEquals([...await result.data()], [0, 1]);
 * ```
 */
export function logicalNot(x: Tensor): Tensor {
  return computeUnary("not", x, "logicalNot");
}
