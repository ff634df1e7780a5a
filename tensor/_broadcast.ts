/**
 * Broadcast layouts, as the elementwise kernels take them.
 *
 * @module
 */

import type { BroadcastLayout } from "./backend.ts";
import { type Shape, sizeOf, stridesOf } from "./shape.ts";

/**
 * The layout in which operands of the given shapes (`undefined` for a number)
 * broadcast to `shape`, with neighbouring axes merged where every operand
 * allows it.
 */
export function broadcastLayout(
  shape: Shape,
  operands: readonly (Shape | undefined)[],
): BroadcastLayout {
  if (sizeOf(shape) === 1) {
    return {
      shape: [1],
      strides: operands.map((operand) => [operand ? 1 : 0]),
    };
  }
  return mergeAxes(
    shape,
    operands.map((operand) => broadcastStrides(shape, operand)),
  );
}

/**
 * Merges neighbouring axes of a shape along which every list of strides goes
 * on evenly, and leaves out axes of size 1. At least one axis remains.
 */
export function mergeAxes(
  shape: Shape,
  strides: readonly (readonly number[])[],
): BroadcastLayout {
  const mergedShape: number[] = [];
  const merged: number[][] = strides.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const last = mergedShape.length - 1;
    const joins = last >= 0 &&
      strides.every((list, i) => merged[i][last] === list[axis] * shape[axis]);
    if (joins) {
      mergedShape[last] *= shape[axis];
      strides.forEach((list, i) => merged[i][last] = list[axis]);
    } else {
      mergedShape.push(shape[axis]);
      strides.forEach((list, i) => merged[i].push(list[axis]));
    }
  }
  if (mergedShape.length === 0) {
    mergedShape.push(1);
    for (const list of merged) list.push(0);
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
