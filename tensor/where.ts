/**
 * Choice between two tensors.
 *
 * @module
 */

import { computeWhere } from "./_elementwise.ts";
import {
  announceResult,
  checkKind,
  checkNumbers,
  checkSameDType,
  commonDevice,
} from "./_run.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Chooses each element from one of two operands, with broadcasting.
 *
 * @param condition `bool`, any shape.
 * @param a The elements where the condition is true: float or integer, of a
 *   shape that broadcasts.
 * @param b The elements where it is false: the same dtype, of a shape that broadcasts.
 * @returns The chosen elements in the broadcast shape; `float32` for two numbers.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the condition is not `bool`, or the dtypes of a and b differ or are neither float nor integer.
 * @throws {ArgumentError} If a number is no value of an integer dtype.
 *
 * @example Only where it is wanted
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tensor, where } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const wanted = tensor(device, [true, false]);
 * const result = where(wanted, tensor(device, [1, 2]), 0);
 * assertEquals([...await result.data()], [1, 0]);
 * ```
 */
export function where(
  condition: Tensor,
  a: Tensor | number,
  b: Tensor | number,
): Tensor {
  commonDevice("where", condition, a, b);
  checkKind("where", condition, "bool");
  for (const x of [a, b]) {
    if (typeof x !== "number") checkKind("where", x, "float", "int");
  }
  const dtype = typeof a === "number" && typeof b === "number"
    ? "float32"
    : checkSameDType("where", a, b);
  checkNumbers("where", dtype, [a, b]);
  const out = computeWhere(condition, a, b, dtype);
  return announceResult("where", [condition, a, b], [out], {});
}
