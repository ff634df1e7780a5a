/** Walking over strided operands. */

import { type Shape, sizeOf } from "../shape.ts";

/**
 * Visits every index of a shape in row-major order, with the offset that each
 * operand's strides give it.
 */
export function walk(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (index: number, offsets: readonly number[]) => void,
): void {
  const size = sizeOf(shape);
  const position = new Array<number>(shape.length).fill(0);
  const offsets = new Array<number>(strides.length).fill(0);
  for (let index = 0; index < size; index++) {
    visit(index, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis]++;
      const wraps = position[axis] === shape[axis];
      const steps = wraps ? 1 - shape[axis] : 1;
      for (let i = 0; i < strides.length; i++) {
        offsets[i] += steps * strides[i][axis];
      }
      if (!wraps) break;
      position[axis] = 0;
    }
  }
}
