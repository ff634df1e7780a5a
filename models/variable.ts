/**
 * What a model holds: tensors that training changes.
 *
 * @module
 */

import type { Tensor } from "@cram/tensor";

/**
 * How the axes of a tensor are ordered here, where PyTorch orders them
 * differently: `convolution` is `[height, width, in, out]` (PyTorch: `[out, in,
 * height, width]`), `linear` is `[in, out]` (PyTorch: `[out, in]`).
 */
export type AxisOrder = "convolution" | "linear" | "same";

/** Options of a {@linkcode Variable}. */
export interface VariableOptions {
  /** Whether optimizers change it; running statistics are not trainable. Default: true. */
  readonly trainable?: boolean;
  /** How its axes are ordered. Default: `same`. */
  readonly axisOrder?: AxisOrder;
}

/**
 * A tensor of a model. Its handle stays the same: optimizers that keep all
 * parameters in one piece of memory move the elements behind it.
 */
export class Variable implements Disposable {
  /** The tensor. */
  readonly value: Tensor;
  /** Whether optimizers change it. */
  readonly trainable: boolean;
  /** How its axes are ordered. */
  readonly axisOrder: AxisOrder;

  /**
   * Takes a tensor over.
   *
   * @param value The tensor.
   * @param options What it is.
   */
  constructor(value: Tensor, options: VariableOptions = {}) {
    this.value = value;
    this.trainable = options.trainable ?? true;
    this.axisOrder = options.axisOrder ?? "same";
  }

  /** Disposes of the tensor. */
  [Symbol.dispose](): void {
    this.value.dispose();
  }
}
