/** Views for tests of kernels. */

import type { DType } from "../dtype.ts";
import { dtypeInfo } from "../dtype.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { elementsOf, ReferenceBuffer, type ReferenceView } from "./buffer.ts";

/** A view of its own memory, with given elements as they are stored. */
export function view(
  values: readonly number[],
  dtype: DType = "float32",
  shape: Shape = [values.length],
): ReferenceView {
  const result = empty(shape, dtype);
  elementsOf(result).set(values);
  return result;
}

/** A view of its own memory, with unspecified elements. */
export function empty(
  shape: Shape,
  dtype: DType = "float32",
): ReferenceView {
  const byteLength = Math.max(4, sizeOf(shape) * dtypeInfo(dtype).byteSize);
  return {
    buffer: new ReferenceBuffer(byteLength),
    byteOffset: 0,
    shape,
    dtype,
  };
}

/** The elements of a view as they are stored. */
export function numbers(view: ReferenceView): number[] {
  return [...elementsOf(view)];
}

/** Numbers that look random, in float64. */
export function noise(shape: Shape, seed: number): ReferenceView {
  const values = Array.from(
    { length: sizeOf(shape) },
    (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453 % 1,
  );
  return view(values, "float64", shape);
}

/** The inner product of two views. */
export function dot(a: ReferenceView, b: ReferenceView): number {
  const other = elementsOf(b);
  return numbers(a).reduce((sum, x, i) => sum + x * other[i], 0);
}
