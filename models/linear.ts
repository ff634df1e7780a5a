/**
 * The fully connected layer.
 *
 * @module
 */

import {
  type Device,
  type DType,
  matmul,
  type MatmulOptions,
  randomNormal,
  type RandomSource,
  type Tensor,
  zeros,
} from "@cram/tensor";
import { inPrecision } from "./_precision.ts";
import type { ForwardContext } from "./forward_context.ts";
import { fanInUniform } from "./initialization.ts";
import { Layer, type Members } from "./module.ts";
import { Variable } from "./variable.ts";

/** Options of {@linkcode Linear}. */
export interface LinearOptions {
  /** How many numbers come in. */
  readonly inFeatures: number;
  /** How many numbers go out. */
  readonly outFeatures: number;
  /**
   * If it is given, weights are normal with this standard deviation and biases
   * 0 at first, as in transformers; else both are from {@linkcode fanInUniform}.
   */
  readonly standardDeviation?: number;
  /** What the weights are made of. Default: `float32`. */
  readonly dtype?: DType;
}

/** What follows a product, fused with it. */
export interface LinearEpilogue {
  /** What follows behind the bias. */
  readonly activation?: MatmulOptions["activation"];
}

/** A product with a matrix, plus a bias. */
export class Linear extends Layer {
  /** `[inFeatures, outFeatures]`. */
  readonly weight: Variable;
  /** `[outFeatures]`. */
  readonly bias: Variable;

  /**
   * Makes the layer.
   *
   * @param device Where the weights live.
   * @param options Sizes and initial weights.
   * @param random Where the weights come from.
   * @throws {ArgumentError} If no numbers come in.
   */
  constructor(
    device: Device,
    { inFeatures, outFeatures, standardDeviation, dtype }: LinearOptions,
    random: RandomSource,
  ) {
    super();
    const shapes = [[inFeatures, outFeatures], [outFeatures]];
    const [weight, bias] = standardDeviation === undefined
      ? shapes.map((shape) =>
        fanInUniform(device, shape, inFeatures, random, dtype)
      )
      : [
        randomNormal(device, shapes[0], {
          ...random.next(),
          standardDeviation,
          dtype,
        }),
        zeros(device, shapes[1], { dtype }),
      ];
    this.weight = new Variable(weight, { axisOrder: "linear" });
    this.bias = new Variable(bias);
  }

  /** `weight` and `bias`. */
  override members(): Members {
    return { weight: this.weight, bias: this.bias };
  }

  /**
   * Maps `[…, inFeatures]` to `[…, outFeatures]`.
   *
   * @param x The input.
   * @param context What is computed with.
   * @param epilogue What follows.
   * @returns The output, which belongs to the open scope.
   */
  override forward(
    x: Tensor,
    context?: ForwardContext,
    epilogue: LinearEpilogue = {},
  ): Tensor {
    const weight = inPrecision(this.weight.value, context);
    return matmul(inPrecision(x, context), weight, {
      bias: this.bias.value,
      activation: epilogue.activation,
    });
  }
}
