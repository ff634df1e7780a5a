/**
 * The fully connected layer.
 *
 * @module
 */

import {
  type Device,
  matmul,
  type RandomSource,
  type Tensor,
} from "@cram/tensor";
import { fanInUniform } from "./initialization.ts";
import { Layer, type Members } from "./module.ts";
import { Variable } from "./variable.ts";

/** Options of {@linkcode Linear}. */
export interface LinearOptions {
  /** How many numbers come in. */
  readonly inFeatures: number;
  /** How many numbers go out. */
  readonly outFeatures: number;
}

/** A product with a matrix, plus a bias; both from {@linkcode fanInUniform}. */
export class Linear extends Layer {
  /** `[inFeatures, outFeatures]`. */
  readonly weight: Variable;
  /** `[outFeatures]`. */
  readonly bias: Variable;

  /**
   * Makes the layer.
   *
   * @param device Where the weights live.
   * @param options Sizes.
   * @param random Where the weights come from.
   */
  constructor(
    device: Device,
    { inFeatures, outFeatures }: LinearOptions,
    random: RandomSource,
  ) {
    super();
    this.weight = new Variable(
      fanInUniform(device, [inFeatures, outFeatures], inFeatures, random),
      { axisOrder: "linear" },
    );
    this.bias = new Variable(
      fanInUniform(device, [outFeatures], inFeatures, random),
    );
  }

  /** `weight` and `bias`. */
  override members(): Members {
    return { weight: this.weight, bias: this.bias };
  }

  /** Maps `[…, inFeatures]` to `[…, outFeatures]`. */
  override forward(x: Tensor): Tensor {
    return matmul(x, this.weight.value, { bias: this.bias.value });
  }
}
