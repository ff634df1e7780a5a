/**
 * The opposite of broadcasting.
 *
 * @module
 */

import { reshape, sameShape, type Shape, sum, type Tensor } from "@cram/tensor";

/** The gradient of an operand of the given shape, from the gradient in the shape that it was broadcast to: the sum over the stretched axes. */
export function unbroadcast(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const added = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((length, axis) =>
    axis < added || (shape[axis - added] === 1 && length !== 1) ? [axis] : []
  );
  return reshape(sum(gradient, { axes }), shape);
}
