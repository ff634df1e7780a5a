/**
 * Initial weights.
 *
 * @module
 */

import {
  ArgumentError,
  type Device,
  type DType,
  randomNormal,
  type RandomSource,
  randomUniform,
  type Shape,
  type Tensor,
} from "@cram/tensor";

/**
 * Weights of a convolution before a ReLU: normal with variance 2 / (kh·kw·out),
 * which keeps the size of gradients (PyTorch's `kaiming_normal_` with
 * `fan_out`).
 *
 * He et al., "Delving Deep into Rectifiers", ICCV 2015.
 *
 * @param device Where the tensor lives.
 * @param shape `[kh, kw, in, out]`.
 * @param random Where the numbers come from.
 * @returns The weights.
 */
export function kaimingNormal(
  device: Device,
  shape: Shape,
  random: RandomSource,
): Tensor {
  const [height, width, , out] = shape;
  return randomNormal(device, shape, {
    ...random.next(),
    standardDeviation: Math.sqrt(2 / (height * width * out)),
  });
}

/**
 * Weights or biases of a linear layer as PyTorch begins with: uniform in
 * ±1 / √fanIn.
 *
 * @param device Where the tensor lives.
 * @param shape Its shape.
 * @param fanIn How many inputs the layer has.
 * @param random Where the numbers come from.
 * @param dtype `float32` if it is not given.
 * @returns The weights.
 * @throws {ArgumentError} If there are no inputs.
 */
export function fanInUniform(
  device: Device,
  shape: Shape,
  fanIn: number,
  random: RandomSource,
  dtype?: DType,
): Tensor {
  if (!(fanIn >= 1)) {
    throw new ArgumentError(
      `Cannot begin with weights for ${fanIn} inputs: expected at least 1`,
    );
  }
  const bound = 1 / Math.sqrt(fanIn);
  return randomUniform(device, shape, {
    ...random.next(),
    low: -bound,
    high: bound,
    dtype,
  });
}
