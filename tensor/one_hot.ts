/**
 * Indices as vectors.
 *
 * @module
 */

import { cast } from "./cast.ts";
import { equal } from "./comparison.ts";
import { arange, type DTypeOptions } from "./creation.ts";
import { ArgumentError } from "./errors.ts";
import { expandDims } from "./reshape.ts";
import { checkInt32, commonDevice } from "./_run.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Turns indices into vectors of zeros with a one.
 *
 * @param indices `int32`, any shape.
 * @param classes The length of the vectors.
 * @param options The dtype.
 * @returns `[...indices.shape, classes]`; an index out of range gives zeros.
 * @throws {ArgumentError} If `classes` is not a whole number of at least 0.
 * @throws {DTypeError} If the indices are not `int32`, or the device has no such dtype.
 *
 * @example Two of three classes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { oneHot, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const vectors = oneHot(tensor(device, [2, 0], { dtype: "int32" }), 3);
 * assertEquals([...await vectors.data()], [0, 0, 1, 1, 0, 0]);
 * ```
 */
export function oneHot(
  indices: Tensor,
  classes: number,
  options: DTypeOptions = {},
): Tensor {
  const { dtype = "float32" } = options;
  const device = commonDevice("oneHot", indices);
  checkInt32("oneHot", indices);
  if (!Number.isSafeInteger(classes) || classes < 0) {
    throw new ArgumentError(
      `Cannot run "oneHot" with ${classes} classes: expected a whole number of at least 0`,
    );
  }
  using column = expandDims(indices, -1);
  using row = arange(device, classes, { dtype: "int32" });
  using ones = equal(column, row);
  return cast(ones, dtype);
}
