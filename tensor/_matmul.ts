/**
 * The kernel of matrix products.
 *
 * @module
 */

import type { MatmulLayout } from "./backend.ts";
import { produce } from "./_run.ts";
import type { Shape } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Multiplies matrices into a tensor of a given shape, without bias and without announcing it. */
export function computeMatmul(
  a: Tensor,
  b: Tensor,
  shape: Shape,
  layout: MatmulLayout,
): Tensor {
  const { backend } = a.device;
  return produce(
    a.device,
    "matmul",
    shape,
    a.dtype,
    (out) =>
      backend.matmul(viewOf(a), viewOf(b), out, layout, undefined, undefined),
  );
}
