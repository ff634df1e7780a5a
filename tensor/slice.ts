/**
 * Parts of tensors.
 *
 * @module
 */

import { ArgumentError, ShapeError } from "./errors.ts";
import { announceResult } from "./_run.ts";
import { checkCopied, readStrided } from "./_strided.ts";
import {
  checkShape,
  formatShape,
  normalizeAxis,
  type Shape,
  stridesOf,
} from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Options of {@linkcode slice}. */
export interface SliceOptions {
  /** The distance of neighbouring elements along each axis, at least 1; 1 if it is not given. */
  readonly steps?: readonly number[];
}

/**
 * Copies a box out of a tensor.
 *
 * @param x Float, integer or `bool`, any shape.
 * @param starts The first element along each axis.
 * @param sizes The number of elements along each axis; -1 for as many as there are.
 * @param options Steps along the axes.
 * @returns The elements, of shape `sizes`.
 * @throws {ShapeError} If the box does not lie within x.
 * @throws {ArgumentError} If there is not one number for each axis, or a start or step is none.
 * @throws {DTypeError} If x is neither float, integer nor `bool`.
 *
 * @example The last column
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, slice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const column = slice(tensor(device, [[1, 2], [3, 4]]), [0, 1], [-1, 1]);
 * assertEquals([...await column.data()], [2, 4]);
 * ```
 */
export function slice(
  x: Tensor,
  starts: readonly number[],
  sizes: Shape,
  options: SliceOptions = {},
): Tensor {
  checkCopied("slice", x);
  const { steps = x.shape.map(() => 1) } = options;
  const box = `from [${starts}] with sizes ${
    formatShape(sizes)
  } and steps [${steps}]`;
  for (const list of [starts, sizes, steps]) {
    if (list.length !== x.rank) {
      throw new ArgumentError(
        `Cannot slice ${x} ${box}: expected ${x.rank} numbers each`,
      );
    }
  }
  if (
    !starts.every((start) => Number.isSafeInteger(start) && start >= 0) ||
    !steps.every((step) => Number.isSafeInteger(step) && step >= 1)
  ) {
    throw new ArgumentError(
      `Cannot slice ${x} ${box}: expected whole starts of at least 0 and steps of at least 1`,
    );
  }
  const shape = sizes.map((size, axis) =>
    size === -1
      ? Math.max(0, Math.ceil((x.shape[axis] - starts[axis]) / steps[axis]))
      : size
  );
  checkShape(shape);
  for (const [axis, size] of shape.entries()) {
    const end = size === 0
      ? starts[axis]
      : starts[axis] + (size - 1) * steps[axis] + 1;
    if (end > x.shape[axis]) {
      throw new ShapeError(
        `Cannot slice ${x} ${box}: axis ${axis} ends at ${x.shape[axis]}`,
      );
    }
  }
  const strides = stridesOf(x.shape);
  const out = readStrided(
    "slice",
    x,
    shape,
    strides.map((stride, axis) => stride * steps[axis]),
    starts.reduce((sum, start, axis) => sum + start * strides[axis], 0),
  );
  return announceResult("slice", [x], [out], {
    starts: [...starts],
    steps: [...steps],
  });
}

/** Options of {@linkcode split}. */
export interface SplitOptions {
  /** The axis to split; the first if it is not given. Negative ones count from the last. */
  readonly axis?: number;
}

/**
 * Cuts a tensor into parts along an axis.
 *
 * @param x Float, integer or `bool`, any shape but a scalar.
 * @param parts The number of equal parts, or the size of each.
 * @param options Along which axis.
 * @returns The parts, copied.
 * @throws {ShapeError} If the parts do not make up the axis.
 * @throws {ArgumentError} If there is no such axis.
 * @throws {DTypeError} If x is neither float, integer nor `bool`.
 *
 * @example One and two
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, split, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const [first, rest] = split(tensor(device, [1, 2, 3]), [1, 2]);
 * assertEquals([...await first.data()], [1]);
 * assertEquals([...await rest.data()], [2, 3]);
 * ```
 */
export function split(
  x: Tensor,
  parts: number | readonly number[],
  options: SplitOptions = {},
): Tensor[] {
  checkCopied("split", x);
  const axis = normalizeAxis(options.axis ?? 0, x.rank);
  const length = x.shape[axis];
  const sizes = typeof parts === "object"
    ? parts
    : Number.isSafeInteger(parts) && parts > 0
    ? new Array<number>(parts).fill(length / parts)
    : [];
  const ends: number[] = [];
  let end = 0;
  for (const size of sizes) ends.push(end += size);
  if (
    end !== length || sizes.length === 0 ||
    !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)
  ) {
    throw new ShapeError(
      `Cannot split axis ${axis} of ${x} into ${
        typeof parts === "object" ? `parts of ${formatShape(parts)}` : parts
      }: its size is ${length}`,
    );
  }
  const outs: Tensor[] = [];
  try {
    for (const [i, size] of sizes.entries()) {
      outs.push(slice(
        x,
        x.shape.map((_, a) => a === axis ? ends[i] - size : 0),
        x.shape.with(axis, size),
      ));
    }
    return outs;
  } catch (error) {
    for (const out of outs) out.dispose();
    throw error;
  }
}
