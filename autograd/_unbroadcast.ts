/**
 * The opposite of broadcasting.
 *
 * @module
 */

import { cast, reshape, sameShape, type Tensor } from "@cram/tensor";
import { sumBroadcast } from "@cram/tensor/backward";
import type { TensorSpec } from "./_rule.ts";

/**
 * The gradient of an operand, from the gradient in the shape that it was
 * broadcast to: the sum over the stretched axes. Operands that are float32
 * beside float16 ones, such as a bias, get it in their own dtype.
 */
export function unbroadcast(
  gradient: Tensor,
  { shape, dtype }: TensorSpec,
): Tensor {
  if (sameShape(gradient.shape, shape)) {
    return gradient.dtype === dtype ? gradient : cast(gradient, dtype);
  }
  const added = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((length, axis) =>
    axis < added || (shape[axis - added] === 1 && length !== 1) ? [axis] : []
  );
  return reshape(sumBroadcast(gradient, axes, dtype), shape);
}
