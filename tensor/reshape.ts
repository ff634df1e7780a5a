/**
 * Other shapes of the same elements.
 *
 * @module
 */

import { ArgumentError, ShapeError } from "./errors.ts";
import { announceResult, commonDevice } from "./_run.ts";
import {
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sizeOf,
} from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Gives a tensor another shape, in which the elements keep their row-major
 * order. The result shares the memory of x.
 *
 * @param x Any dtype, any shape.
 * @param shape The new shape; one size may be -1, and is then what the others leave.
 * @returns The same elements in the new shape.
 * @throws {ShapeError} If the numbers of elements differ, or more than one size is -1.
 *
 * @example Rows of two
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, reshape, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const rows = reshape(tensor(device, [1, 2, 3, 4, 5, 6]), [-1, 2]);
 * assertEquals(rows.shape, [3, 2]);
 * ```
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  commonDevice("reshape", x);
  const resolved = resolveShape(x, shape);
  return announceResult("reshape", [x], [x.view(0, resolved)], {});
}

/** The shape with its -1 filled in. */
function resolveShape(x: Tensor, shape: Shape): Shape {
  const open = shape.indexOf(-1);
  if (shape.lastIndexOf(-1) !== open) {
    throw new ShapeError(
      `Cannot reshape ${x} to ${formatShape(shape)}: only one size may be -1`,
    );
  }
  const rest = shape.filter((_, axis) => axis !== open);
  checkShape(rest);
  const resolved = open < 0 ? shape : shape.with(open, x.size / sizeOf(rest));
  if (
    !Number.isInteger(resolved[open] ?? 0) || sizeOf(resolved) !== x.size
  ) {
    throw new ShapeError(
      `Cannot reshape ${x} to ${formatShape(shape)}: it has ${x.size} elements`,
    );
  }
  return resolved;
}

/**
 * Merges all axes into one. The result shares the memory of x.
 *
 * @param x Any dtype, any shape.
 * @returns The elements in row-major order, with one axis.
 * @throws {DisposedError} If x was disposed of.
 *
 * @example A matrix
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { flatten, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * assertEquals(flatten(tensor(device, [[1, 2], [3, 4]])).shape, [4]);
 * ```
 */
export function flatten(x: Tensor): Tensor {
  return reshape(x, [x.size]);
}

/** Options of {@linkcode squeeze}. */
export interface SqueezeOptions {
  /** The axes to leave out; all of size 1 if they are not given. Negative ones count from the last. */
  readonly axes?: number | readonly number[];
}

/**
 * Leaves out axes of size 1. The result shares the memory of x.
 *
 * @param x Any dtype, any shape.
 * @param options Which axes.
 * @returns The same elements with fewer axes.
 * @throws {ArgumentError} If an axis does not exist or is not of size 1.
 *
 * @example A column
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, squeeze, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * assertEquals(squeeze(tensor(device, [[1], [2]])).shape, [2]);
 * ```
 */
export function squeeze(x: Tensor, options: SqueezeOptions = {}): Tensor {
  if (options.axes === undefined) {
    return reshape(x, x.shape.filter((length) => length !== 1));
  }
  const axes = normalizeAxes(options.axes, x.rank);
  for (const axis of axes) {
    if (x.shape[axis] !== 1) {
      throw new ArgumentError(
        `Cannot squeeze axis ${axis} of ${x}: its size is ${x.shape[axis]}`,
      );
    }
  }
  return reshape(x, x.shape.filter((_, axis) => !axes.includes(axis)));
}

/**
 * Inserts an axis of size 1. The result shares the memory of x.
 *
 * @param x Any dtype, any shape.
 * @param axis Where the new axis stands in the result; negative ones count from the last.
 * @returns The same elements with one more axis.
 * @throws {ArgumentError} If the result has no such axis.
 *
 * @example A row as a column
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { expandDims, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * assertEquals(expandDims(tensor(device, [1, 2]), -1).shape, [2, 1]);
 * ```
 */
export function expandDims(x: Tensor, axis: number): Tensor {
  return reshape(x, x.shape.toSpliced(normalizeAxis(axis, x.rank + 1), 0, 1));
}
