/**
 * Broadcast layouts, as the elementwise kernels take them.
 *
 * @module
 */

import type { BroadcastLayout } from "./backend.ts";
import { type Shape, stridesOf } from "./shape.ts";

/**
 * The layout in which operands of the given shapes (`undefined` for a number)
 * broadcast to `shape`, with neighbouring axes merged where every operand
 * allows it.
 */
export function broadcastLayout(
  shape: Shape,
  operands: readonly (Shape | undefined)[],
): BroadcastLayout {
  const full = operands.map((operand) => broadcastStrides(shape, operand));
  const mergedShape: number[] = [];
  const merged: number[][] = operands.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const last = mergedShape.length - 1;
    const joins = last >= 0 &&
      full.every((strides, i) => merged[i][last] === strides[axis] * shape[axis]);
    if (joins) {
      mergedShape[last] *= shape[axis];
      full.forEach((strides, i) => merged[i][last] = strides[axis]);
    } else {
      mergedShape.push(shape[axis]);
      full.forEach((strides, i) => merged[i].push(strides[axis]));
    }
  }
  if (mergedShape.length === 0) {
    mergedShape.push(1);
    operands.forEach((operand, i) => merged[i].push(operand ? 1 : 0));
  }
  return { shape: mergedShape, strides: merged };
}

/** Strides with which an operand is read along the axes of a shape that it broadcasts to. */
export function broadcastStrides(
  shape: Shape,
  operand: Shape | undefined,
): number[] {
  const result = new Array<number>(shape.length).fill(0);
  if (operand === undefined) return result;
  const strides = stridesOf(operand);
  const offset = shape.length - operand.length;
  for (let axis = 0; axis < operand.length; axis++) {
    if (operand[axis] !== 1) result[offset + axis] = strides[axis];
  }
  return result;
}
