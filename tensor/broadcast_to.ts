/**
 * Stretched tensors.
 *
 * @module
 */

import { broadcastStrides } from "./_broadcast.ts";
import { ShapeError } from "./errors.ts";
import { announceResult } from "./_run.ts";
import { checkCopied, readStrided } from "./_strided.ts";
import { broadcastsTo, checkShape, formatShape, type Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Stretches a tensor to a shape, by NumPy's rule: shapes are aligned at their
 * last axes, and sizes of 1 are repeated. Elementwise operations do so
 * themselves, without a copy.
 *
 * @param x Float, integer or `bool`, any shape.
 * @param shape The shape to stretch to.
 * @returns A copy of that shape.
 * @throws {ShapeError} If x does not broadcast to the shape.
 * @throws {DTypeError} If x is neither float, integer nor `bool`.
 *
 * @example Two equal rows
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { broadcastTo, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const rows = broadcastTo(tensor(device, [1, 2]), [2, 2]);
 * assertEquals([...await rows.data()], [1, 2, 1, 2]);
 * ```
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  checkCopied("broadcastTo", x);
  checkShape(shape);
  if (!broadcastsTo(x.shape, shape)) {
    throw new ShapeError(
      `Cannot broadcast ${x} to ${
        formatShape(shape)
      }: its sizes are neither 1 nor those of the shape`,
    );
  }
  const out = readStrided(
    "broadcastTo",
    x,
    shape,
    broadcastStrides(shape, x.shape),
  );
  return announceResult("broadcastTo", [x], [out], { shape: [...shape] });
}
