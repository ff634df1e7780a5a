/**
 * What compressors work on.
 *
 * @module
 */

import {
  ArgumentError,
  DeviceError,
  DTypeError,
  type Tensor,
} from "@cram/tensor";

/**
 * A weight of a model: a convolution's `[kh, kw, in, out]` or a linear
 * layer's `[in, out]`. The last axis are output channels.
 */
export interface Weight {
  /** The name of the parameter, for reports and saved masks. */
  readonly name: string;
  /** Its elements, which compressors write in place. */
  readonly tensor: Tensor;
}

/**
 * Checks what a compressor was given.
 *
 * @param action What is about to be done, for messages.
 * @param weights The weights.
 * @throws {ArgumentError} If there are none, or a name or a tensor occurs twice.
 * @throws {DTypeError} If one is not float, or dtypes differ.
 * @throws {DeviceError} If they live on different devices.
 */
export function checkWeights(
  action: string,
  weights: readonly Weight[],
): void {
  if (weights.length === 0) {
    throw new ArgumentError(`Cannot ${action}: there are no weights`);
  }
  const [first] = weights;
  const names = new Set<string>();
  const tensors = new Map<Tensor, string>();
  for (const { name, tensor } of weights) {
    if (names.has(name)) {
      throw new ArgumentError(
        `Cannot ${action}: two weights are called "${name}"`,
      );
    }
    names.add(name);
    const twin = tensors.get(tensor);
    if (twin !== undefined) {
      throw new ArgumentError(
        `Cannot ${action}: "${twin}" and "${name}" are the same tensor`,
      );
    }
    tensors.set(tensor, name);
    if (tensor.dtype !== "float32" && tensor.dtype !== "float64") {
      throw new DTypeError(
        `Cannot ${action}: weight "${name}" is ${tensor.dtype}, expected float32 or float64`,
      );
    }
    if (tensor.dtype !== first.tensor.dtype) {
      throw new DTypeError(
        `Cannot ${action}: weight "${name}" is ${tensor.dtype}, but "${first.name}" is ${first.tensor.dtype}`,
      );
    }
    if (tensor.device !== first.tensor.device) {
      throw new DeviceError(
        `Cannot ${action}: weights "${first.name}" and "${name}" live on different devices`,
      );
    }
  }
}
