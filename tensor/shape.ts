/**
 * Shapes: checking, broadcasting, axes. A shape lists the sizes of a tensor's
 * axes; tensors are contiguous and row-major.
 *
 * @module
 */

import { ArgumentError, ShapeError } from "./errors.ts";

/** Sizes of the axes of a tensor; `[]` is a scalar. */
export type Shape = readonly number[];

/** The largest number of axes that a tensor may have. */
export const MAX_RANK = 8;

/**
 * A shape as it is written in messages.
 *
 * @param shape The shape.
 * @returns For instance `[2, 3]`.
 */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/**
 * Checks that a value is a shape: whole, non-negative, at most
 * {@linkcode MAX_RANK} axes and 2^53 - 1 elements.
 *
 * @param shape The shape to check.
 * @throws {ShapeError} If it is not.
 */
export function checkShape(shape: Shape): void {
  if (shape.length > MAX_RANK) {
    throw new ShapeError(
      `Cannot use shape ${
        formatShape(shape)
      }: it has ${shape.length} axes, at most ${MAX_RANK} are supported`,
    );
  }
  let size = 1;
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new ShapeError(
        `Cannot use shape ${
          formatShape(shape)
        }: sizes must be whole numbers from 0 to 2^53 - 1`,
      );
    }
    size *= length;
  }
  if (!Number.isSafeInteger(size)) {
    throw new ShapeError(
      `Cannot use shape ${
        formatShape(shape)
      }: it has more than 2^53 - 1 elements`,
    );
  }
}

/**
 * The number of elements of a shape.
 *
 * @param shape The shape.
 * @returns The product of its sizes; 1 for a scalar.
 */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/**
 * Whether two shapes are the same.
 *
 * @param a The one shape.
 * @param b The other shape.
 * @returns True if they have the same axes.
 */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/**
 * The row-major strides of a shape, in elements.
 *
 * @param shape The shape.
 * @returns One stride for each axis.
 */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/**
 * The shape that several shapes broadcast to, by NumPy's rule: shapes are
 * aligned at their last axes, and sizes of 1 are stretched.
 *
 * @param shapes The shapes to broadcast.
 * @returns Their common shape.
 * @throws {ShapeError} If two sizes differ and neither is 1.
 */
export function broadcastShapes(...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    for (const [i, length] of shape.entries()) {
      const axis = offset + i;
      if (length === 1 || length === result[axis]) continue;
      if (result[axis] !== 1) {
        throw new ShapeError(
          `Cannot broadcast shapes ${
            shapes.map(formatShape).join(" and ")
          }: sizes ${result[axis]} and ${length} of axis ${axis} differ`,
        );
      }
      result[axis] = length;
    }
  }
  return result;
}

/**
 * Whether a shape can be stretched to another, by NumPy's rule.
 *
 * @param shape The shape to stretch.
 * @param target The shape to stretch it to.
 * @returns True if its sizes, aligned at the last axes, are 1 or those of the target.
 */
export function broadcastsTo(shape: Shape, target: Shape): boolean {
  const offset = target.length - shape.length;
  return offset >= 0 &&
    shape.every((length, i) => length === 1 || length === target[offset + i]);
}

/**
 * An axis as a number from 0, where negative axes count from the last one.
 *
 * @param axis The axis, from `-rank` to `rank - 1`.
 * @param rank The number of axes.
 * @returns The same axis from 0.
 * @throws {ArgumentError} If there is no such axis.
 */
export function normalizeAxis(axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ArgumentError(
      `Cannot use axis ${axis} of a tensor with ${rank} ${
        rank === 1 ? "axis" : "axes"
      }`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/**
 * Distinct axes in ascending order; `undefined` stands for all axes.
 *
 * @param axes One axis, several, or all.
 * @param rank The number of axes of the tensor.
 * @returns The axes from 0, sorted.
 * @throws {ArgumentError} If an axis does not exist or is named twice.
 */
export function normalizeAxes(
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : [...axes])
    .map((axis) => normalizeAxis(axis, rank))
    .sort((a, b) => a - b);
  for (let i = 1; i < list.length; i++) {
    if (list[i] === list[i - 1]) {
      throw new ArgumentError(`Cannot use axis ${list[i]} twice in [${axes}]`);
    }
  }
  return list;
}
