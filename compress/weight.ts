/**
 * What compressors work on.
 *
 * @module
 */

import {
  ArgumentError,
  DTypeError,
  dtypeInfo,
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
 * @throws {ArgumentError} If there are none, or two have the same name.
 * @throws {DTypeError} If one is not float.
 */
export function checkWeights(
  action: string,
  weights: readonly Weight[],
): void {
  if (weights.length === 0) {
    throw new ArgumentError(`Cannot ${action}: there are no weights`);
  }
  const names = new Set<string>();
  for (const { name, tensor } of weights) {
    if (names.has(name)) {
      throw new ArgumentError(
        `Cannot ${action}: two weights are called "${name}"`,
      );
    }
    names.add(name);
    if (dtypeInfo(tensor.dtype).kind !== "float") {
      throw new DTypeError(
        `Cannot ${action}: weight "${name}" is ${tensor.dtype}, expected a float dtype`,
      );
    }
  }
}
