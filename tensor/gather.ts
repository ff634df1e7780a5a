/**
 * Slices picked by index.
 *
 * @module
 */

import { ShapeError } from "./errors.ts";
import { axisLayout } from "./_reduce.ts";
import { reshape } from "./reshape.ts";
import {
  announceResult,
  checkInt32,
  checkKind,
  checkSameDType,
  commonDevice,
  produce,
} from "./_run.ts";
import {
  checkShape,
  formatShape,
  normalizeAxis,
  sameShape,
  type Shape,
} from "./shape.ts";
import { computeCopy } from "./_strided.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Options of {@linkcode gather} and {@linkcode scatterAdd}. */
export interface GatherOptions {
  /** The axis that the indices count along; the first if it is not given. Negative ones count from the last. */
  readonly axis?: number;
}

/**
 * Picks slices of a tensor by index. An index out of range gives NaN (floats)
 * or 0, because devices cannot throw without a wait.
 *
 * @param x Float, integer or `bool`, any shape but a scalar.
 * @param indices `int32`, any shape.
 * @param options Along which axis.
 * @returns x's shape with the axis replaced by the shape of the indices.
 * @throws {ArgumentError} If there is no such axis.
 * @throws {DTypeError} If the indices are not `int32`, or x is neither float, integer nor `bool`.
 *
 * @example Rows in another order
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { gather, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = tensor(device, [[1, 2], [3, 4]]);
 * const rows = gather(x, tensor(device, [1, 0, 1], { dtype: "int32" }));
 * assertEquals([...await rows.data()], [3, 4, 1, 2, 3, 4]);
 * ```
 */
export function gather(
  x: Tensor,
  indices: Tensor,
  options: GatherOptions = {},
): Tensor {
  const device = commonDevice("gather", x, indices);
  checkKind("gather", x, "float", "int", "bool");
  checkInt32("gather", indices);
  const axis = normalizeAxis(options.axis ?? 0, x.rank);
  checkShape(gatheredShape(x.shape, axis, indices.shape));
  using flat = reshape(indices, [indices.size]);
  const out = produce(
    device,
    "gather",
    gatheredShape(x.shape, axis, flat.shape),
    x.dtype,
    (out) =>
      device.backend.gather(viewOf(x), viewOf(flat), out, {
        ...axisLayout(x.shape, axis),
        count: flat.size,
      }),
  );
  using rows = announceResult("gather", [x, flat], [out], { axis });
  return reshape(rows, gatheredShape(x.shape, axis, indices.shape));
}

/** A shape with an axis replaced by the shape of indices into it. */
function gatheredShape(shape: Shape, axis: number, indices: Shape): number[] {
  return shape.toSpliced(axis, 1, ...indices);
}

/**
 * Adds slices to those of a tensor at given indices; slices for the same index
 * add up, in their order. Indices out of range are left out.
 *
 * @param x Float or integer, any shape but a scalar.
 * @param indices `int32`, any shape.
 * @param updates The slices: x's dtype, and x's shape with the axis replaced
 *   by the shape of the indices.
 * @param options Along which axis.
 * @returns A copy of x with the slices added.
 * @throws {ShapeError} If the updates have another shape.
 * @throws {ArgumentError} If there is no such axis.
 * @throws {DTypeError} If the indices are not `int32`, or the others differ or are neither float nor integer.
 *
 * @example Counting
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ones, openDevice, scatterAdd, tensor, zeros } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const indices = tensor(device, [0, 2, 2], { dtype: "int32" });
 * const counts = scatterAdd(zeros(device, [3]), indices, ones(device, [3]));
 * assertEquals([...await counts.data()], [1, 0, 2]);
 * ```
 */
export function scatterAdd(
  x: Tensor,
  indices: Tensor,
  updates: Tensor,
  options: GatherOptions = {},
): Tensor {
  const device = commonDevice("scatterAdd", x, indices, updates);
  for (const tensor of [x, updates]) {
    checkKind("scatterAdd", tensor, "float", "int");
  }
  checkSameDType("scatterAdd", x, updates);
  checkInt32("scatterAdd", indices);
  const axis = normalizeAxis(options.axis ?? 0, x.rank);
  const expected = gatheredShape(x.shape, axis, indices.shape);
  if (!sameShape(updates.shape, expected)) {
    throw new ShapeError(
      `Cannot run "scatterAdd" on ${x} at axis ${axis} with indices ${indices} and updates ${updates}: the updates must have shape ${
        formatShape(expected)
      }`,
    );
  }
  using flat = reshape(indices, [indices.size]);
  using slices = reshape(updates, gatheredShape(x.shape, axis, flat.shape));
  const out = computeCopy("scatterAdd", x);
  if (slices.size > 0) {
    device.backend.scatterAdd(viewOf(flat), viewOf(slices), viewOf(out), {
      ...axisLayout(x.shape, axis),
      count: flat.size,
    });
  }
  return announceResult("scatterAdd", [x, flat, slices], [out], { axis });
}

/**
 * Looks up rows of a table: {@linkcode gather} along its first axis.
 *
 * @param table The rows `[entries, width]`, float.
 * @param indices Which rows, `int32`, any shape.
 * @returns The rows, `[...indices.shape, width]`.
 * @throws {ShapeError} If the table has not two axes.
 * @throws {DTypeError} If the indices are not `int32`, or the table is not float.
 *
 * @example Two words
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { embedding, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const table = tensor(device, [[0, 1], [2, 3], [4, 5]]);
 * const words = embedding(table, tensor(device, [[2, 0]], { dtype: "int32" }));
 * assertEquals(words.shape, [1, 2, 2]);
 * assertEquals([...await words.data()], [4, 5, 0, 1]);
 * ```
 */
export function embedding(table: Tensor, indices: Tensor): Tensor {
  commonDevice("embedding", table, indices);
  checkKind("embedding", table, "float");
  if (table.rank !== 2) {
    throw new ShapeError(
      `Cannot run "embedding" on ${table}: expected a table of shape [entries, width]`,
    );
  }
  return gather(table, indices);
}
