/**
 * Tensors seen as matrices.
 *
 * @module
 */

import type { MatrixLayout } from "./backend.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** The matrix whose columns are the last `axes` axes of a shape, and whose rows are the others. */
export function matrixLayout(shape: Shape, axes: number): MatrixLayout {
  const split = shape.length - axes;
  return {
    rows: sizeOf(shape.slice(0, split)),
    columns: sizeOf(shape.slice(split)),
  };
}
