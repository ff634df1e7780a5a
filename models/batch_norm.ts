/**
 * The batch normalization layer.
 *
 * @module
 */

import { batchNorm, type Device, ones, type Tensor, zeros } from "@cram/tensor";
import type { ForwardContext } from "./forward_context.ts";
import { Layer, type Members } from "./module.ts";
import { Variable } from "./variable.ts";

/** Options of {@linkcode BatchNorm2d}. */
export interface BatchNorm2dOptions {
  /** Added to the variance. Default: 1e-5. */
  readonly epsilon?: number;
  /** How far running statistics move towards those of a batch. Default: 0.1. */
  readonly momentum?: number;
}

/** What follows a normalization, fused with it. */
export interface BatchNorm2dEpilogue {
  /** Whether a ReLU follows, behind the residual. Default: false. */
  readonly relu?: boolean;
  /** What is added, of the input's shape. */
  readonly residual?: Tensor;
}

/**
 * Batch normalization of images `[N, H, W, C]`, with scale 1, shift 0, running
 * mean 0 and running variance 1 at first.
 */
export class BatchNorm2d extends Layer {
  /** Scale γ, `[channels]`. */
  readonly weight: Variable;
  /** Shift β, `[channels]`. */
  readonly bias: Variable;
  /** Running mean, `[channels]`. */
  readonly runningMean: Variable;
  /** Running variance, `[channels]`. */
  readonly runningVariance: Variable;
  readonly #options: BatchNorm2dOptions;

  /**
   * Makes the layer.
   *
   * @param device Where it lives.
   * @param channels How many channels there are.
   * @param options ε and momentum.
   */
  constructor(
    device: Device,
    channels: number,
    options: BatchNorm2dOptions = {},
  ) {
    super();
    this.#options = options;
    this.weight = new Variable(ones(device, [channels]));
    this.bias = new Variable(zeros(device, [channels]));
    this.runningMean = new Variable(zeros(device, [channels]), {
      trainable: false,
    });
    this.runningVariance = new Variable(ones(device, [channels]), {
      trainable: false,
    });
  }

  /** `weight`, `bias`, `running_mean` and `running_var`. */
  override members(): Members {
    return {
      weight: this.weight,
      bias: this.bias,
      running_mean: this.runningMean,
      running_var: this.runningVariance,
    };
  }

  /**
   * Normalizes each channel.
   *
   * @param x `[N, H, W, channels]`.
   * @param context Which statistics are used, and whether the running ones move.
   * @param epilogue What follows.
   * @returns A tensor of x's shape.
   */
  override forward(
    x: Tensor,
    context: ForwardContext,
    epilogue: BatchNorm2dEpilogue = {},
  ): Tensor {
    const parameters = {
      scale: this.weight.value,
      bias: this.bias.value,
      mean: this.runningMean.value,
      variance: this.runningVariance.value,
    };
    return batchNorm(x, parameters, {
      ...this.#options,
      ...context,
      ...epilogue,
    });
  }
}
