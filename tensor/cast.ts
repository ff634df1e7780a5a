/**
 * Conversions between dtypes.
 *
 * @module
 */

import type { DType } from "./dtype.ts";
import { reshape } from "./reshape.ts";
import { announceResult, commonDevice, produce } from "./_run.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/**
 * Converts elements to another dtype. Floats become integers by truncation,
 * limited to their range (NaN becomes 0), `float16` and `bfloat16` by rounding
 * to the nearest, ties to even, and `bool` by `x ≠ 0`. Gradients flow
 * between the floats that the device computes with.
 *
 * @param x Any dtype, any shape.
 * @param dtype The dtype of the result.
 * @returns The same shape; the same memory if x has the dtype already.
 * @throws {DTypeError} If the device has no such dtype.
 *
 * @example Truncation
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cast, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const whole = cast(tensor(device, [1.9, -1.9]), "int32");
 * assertEquals([...await whole.data()], [1, -1]);
 * ```
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  const device = commonDevice("cast", x);
  const kind = device.kindOf(dtype);
  if (x.dtype === dtype) return reshape(x, x.shape);
  const out = produce(
    device,
    "cast",
    x.shape,
    dtype,
    (out) => device.backend.cast(viewOf(x), out),
  );
  const differentiable = kind === "float" &&
    device.kindOf(x.dtype) === "float";
  return differentiable ? announceResult("cast", [x], [out], { dtype }) : out;
}
