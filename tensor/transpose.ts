/**
 * Reordered axes.
 *
 * @module
 */

import { ArgumentError } from "./errors.ts";
import { announceResult } from "./_run.ts";
import { normalizeAxes, normalizeAxis } from "./shape.ts";
import { checkCopied, computeTranspose } from "./_strided.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Reorders axes.
 *
 * @param x Float, integer or `bool`, any shape.
 * @param permutation For each axis of the result, which axis of x it is;
 *   negative ones count from the last. The axes in reverse if it is not given.
 * @returns A copy whose axis i is axis `permutation[i]` of x.
 * @throws {ArgumentError} If `permutation` does not name each axis once.
 * @throws {DTypeError} If x is neither float, integer nor `bool`.
 *
 * @example A matrix
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tensor, transpose } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const columns = transpose(tensor(device, [[1, 2], [3, 4]]));
 * assertEquals([...await columns.data()], [1, 3, 2, 4]);
 * ```
 */
export function transpose(
  x: Tensor,
  permutation: readonly number[] = x.shape.map((_, i) => x.rank - 1 - i),
): Tensor {
  checkCopied("transpose", x);
  const axes = permutation.map((axis) => normalizeAxis(axis, x.rank));
  if (normalizeAxes(axes, x.rank).length !== x.rank) {
    throw new ArgumentError(
      `Cannot transpose ${x} by [${permutation}]: expected each axis once`,
    );
  }
  const out = computeTranspose(x, axes);
  return announceResult("transpose", [x], [out], { permutation: axes });
}
