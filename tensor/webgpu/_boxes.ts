/** Working on strided operands box by box, where they are larger than one binding. */

import type { GpuView } from "./_buffer.ts";
import { elementBytes, movedTypeOf } from "./_element_type.ts";
import type { BindingLimits } from "./_slots.ts";

/** A part of an index space. */
export interface Box {
  /** Its size along each axis. */
  readonly shape: readonly number[];
  /** Its first element in each operand, in elements. */
  readonly offsets: readonly number[];
}

/**
 * Calls `run` for boxes that together are the whole index space, and in each
 * of which every operand stays within one binding. The longest axis of the
 * operand that reaches farthest is halved until that is so; boxes of a
 * contiguous operand that no other exceeds are contiguous.
 *
 * @param shape The index space.
 * @param strides For each operand, of elements of at most 4 bytes: its stride along each axis.
 * @param limits The device's limits.
 * @param run Records the work on a box.
 */
export function forBoxes(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  { maxBindingBytes, alignment }: BindingLimits,
  run: (box: Box) => void,
): void {
  const maxElements = Math.max(1, (maxBindingBytes - alignment) / 4);
  const divide = (box: Box): void => {
    const reaches = strides.map((operand) => reachOf(box.shape, operand));
    const farthest = Math.max(...reaches);
    if (farthest <= maxElements) {
      run(box);
      return;
    }
    const operand = strides[reaches.indexOf(farthest)];
    const spans = operand.map((stride, axis) =>
      Math.abs(stride) * (box.shape[axis] - 1)
    );
    const axis = spans.indexOf(Math.max(...spans));
    const size = box.shape[axis];
    // Multiples of 4 keep the alignment of vector access.
    const half = size < 8 ? Math.ceil(size / 2) : Math.ceil(size / 8) * 4;
    divide({ ...box, shape: box.shape.with(axis, half) });
    divide({
      shape: box.shape.with(axis, size - half),
      offsets: box.offsets.map((offset, i) => offset + half * strides[i][axis]),
    });
  };
  divide({ shape, offsets: strides.map(() => 0) });
}

/** How many elements lie between the first and the last one that a box touches, both included. */
function reachOf(
  shape: readonly number[],
  strides: readonly number[],
): number {
  let reach = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    reach += Math.abs(strides[axis]) * (shape[axis] - 1);
  }
  return reach;
}

/**
 * The part of an operand that a box touches.
 *
 * @param view The operand.
 * @param offset The box's first element in it.
 * @param shape The box's shape.
 * @param strides The operand's strides.
 * @returns The part, and where the box's first element lies in it: not at 0 where strides are negative.
 */
export function boxOf(
  view: GpuView,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): { readonly view: GpuView; readonly first: number } {
  let first = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    if (strides[axis] < 0) first -= strides[axis] * (shape[axis] - 1);
  }
  const bytes = elementBytes(movedTypeOf(view.dtype));
  return {
    view: {
      ...view,
      byteOffset: view.byteOffset + bytes * (offset - first),
      shape: [reachOf(shape, strides)],
    },
    first,
  };
}
