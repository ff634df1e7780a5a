/**
 * The convolution layer.
 *
 * @module
 */

import {
  conv2d,
  type Device,
  type RandomSource,
  type Tensor,
  zeros,
} from "@cram/tensor";
import { inPrecision } from "./_precision.ts";
import type { ForwardContext } from "./forward_context.ts";
import { kaimingNormal } from "./initialization.ts";
import { Layer, type Members } from "./module.ts";
import { Variable } from "./variable.ts";

/** Options of {@linkcode Conv2d}. */
export interface Conv2dLayerOptions {
  /** Channels of the input. */
  readonly inChannels: number;
  /** Channels of the output. */
  readonly outChannels: number;
  /** Height and width of the weights. */
  readonly kernelSize: number;
  /** Rows and columns between neighbouring outputs. Default: 1. */
  readonly stride?: number;
  /** Zeros on each side of the image. Default: 0. */
  readonly padding?: number;
  /** How many groups of channels are convolved apart. Default: 1. */
  readonly groups?: number;
  /** Whether a bias, at first 0, is added. Default: false. */
  readonly bias?: boolean;
}

/** A convolution of images `[N, H, W, C]`, with weights from {@linkcode kaimingNormal}. */
export class Conv2d extends Layer {
  /** `[kernelSize, kernelSize, inChannels / groups, outChannels]`. */
  readonly weight: Variable;
  /** `[outChannels]`. */
  readonly bias: Variable | undefined;
  readonly #options: Conv2dLayerOptions;

  /**
   * Makes the layer.
   *
   * @param device Where the weights live.
   * @param options Sizes.
   * @param random Where the weights come from.
   */
  constructor(
    device: Device,
    options: Conv2dLayerOptions,
    random: RandomSource,
  ) {
    super();
    const { inChannels, outChannels, kernelSize, groups = 1 } = options;
    this.#options = options;
    const shape = [kernelSize, kernelSize, inChannels / groups, outChannels];
    this.weight = new Variable(kaimingNormal(device, shape, random), {
      axisOrder: "convolution",
    });
    if (options.bias) this.bias = new Variable(zeros(device, [outChannels]));
  }

  /** `weight` and `bias`. */
  override members(): Members {
    return { weight: this.weight, bias: this.bias };
  }

  /**
   * Convolves images.
   *
   * @param x `[N, H, W, inChannels]`.
   * @param context What is computed with.
   * @returns The output `[N, H', W', outChannels]`, which belongs to the open scope.
   */
  override forward(x: Tensor, context?: ForwardContext): Tensor {
    const { stride, padding, groups } = this.#options;
    const weight = inPrecision(this.weight.value, context);
    return conv2d(inPrecision(x, context), weight, {
      bias: this.bias?.value,
      stride,
      padding,
      groups,
    });
  }
}
