/**
 * The kernels that reduce axes.
 *
 * @module
 */

import type { AxisLayout, ReduceOp } from "./backend.ts";
import type { DType } from "./dtype.ts";
import { produce } from "./_run.ts";
import { computeTranspose } from "./_strided.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** A shape seen along one of its axes. */
export function axisLayout(shape: Shape, axis: number): AxisLayout {
  return blockLayout(shape, axis, axis + 1);
}

/** A shape seen along a block of neighbouring axes. */
function blockLayout(shape: Shape, from: number, to: number): AxisLayout {
  return {
    outer: sizeOf(shape.slice(0, from)),
    length: sizeOf(shape.slice(from, to)),
    inner: sizeOf(shape.slice(to)),
  };
}

/** The shape that is left of a reduction. */
export function reducedShape(
  shape: Shape,
  axes: readonly number[],
  keepDims: boolean,
): number[] {
  return keepDims
    ? shape.map((length, axis) => axes.includes(axis) ? 1 : length)
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** How many elements a reduction makes one of. */
export function reducedSize(shape: Shape, axes: readonly number[]): number {
  return sizeOf(axes.map((axis) => shape[axis]));
}

/** Reduces axes (ascending), without announcing it, to the operand's dtype or, of float16, to float32. Axes that are no neighbours are brought together first. */
export function computeReduce(
  op: ReduceOp,
  x: Tensor,
  axes: readonly number[],
  keepDims: boolean,
  dtype: DType = x.dtype,
): Tensor {
  const rest = x.shape.map((_, axis) => axis)
    .filter((axis) => !axes.includes(axis));
  const from = axes.length === 0 ? 0 : axes[0];
  const to = axes.length === 0 ? 0 : axes[axes.length - 1] + 1;
  const apart = rest.some((axis) =>
    axis > from && axis < to && x.shape[axis] !== 1
  );
  using moved = apart ? computeTranspose(x, [...rest, ...axes]) : undefined;
  const source = moved ?? x;
  const layout = moved === undefined
    ? blockLayout(x.shape, from, to)
    : blockLayout(moved.shape, rest.length, x.rank);
  return produce(
    x.device,
    op,
    reducedShape(x.shape, axes, keepDims),
    dtype,
    (out) => x.device.backend.reduce(op, viewOf(source), out, layout),
  );
}
