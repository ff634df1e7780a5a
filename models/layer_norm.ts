/**
 * The layer normalization layer.
 *
 * @module
 */

import {
  type Device,
  type DType,
  layerNorm,
  ones,
  type Tensor,
  zeros,
} from "@cram/tensor";
import type { ForwardContext } from "./forward_context.ts";
import { Layer, type Members } from "./module.ts";
import { Variable } from "./variable.ts";

/** Options of {@linkcode LayerNorm}. */
export interface LayerNormLayerOptions {
  /** How many numbers are normalized together: the size of the last axis. */
  readonly width: number;
  /** Added to the variance. Default: 1e-5. */
  readonly epsilon?: number;
  /** What the weights are made of. Default: `float32`. */
  readonly dtype?: DType;
}

/** What precedes a normalization, fused with it. */
export interface LayerNormPrologue {
  /** What is added to the input first, of its shape. */
  readonly residual?: Tensor;
}

/** Layer normalization over the last axis, with scale 1 and shift 0 at first. */
export class LayerNorm extends Layer {
  /** Scale γ, `[width]`. */
  readonly weight: Variable;
  /** Shift β, `[width]`. */
  readonly bias: Variable;
  readonly #epsilon: number | undefined;

  /**
   * Makes the layer.
   *
   * @param device Where it lives.
   * @param options Size and ε.
   */
  constructor(
    device: Device,
    { width, epsilon, dtype }: LayerNormLayerOptions,
  ) {
    super();
    this.#epsilon = epsilon;
    this.weight = new Variable(ones(device, [width], { dtype }));
    this.bias = new Variable(zeros(device, [width], { dtype }));
  }

  /** `weight` and `bias`. */
  override members(): Members {
    return { weight: this.weight, bias: this.bias };
  }

  /**
   * Normalizes `[…, width]`.
   *
   * @param x The input.
   * @param _context Makes no difference.
   * @param prologue What precedes.
   * @returns A tensor of x's shape, which belongs to the open scope.
   */
  override forward(
    x: Tensor,
    _context?: ForwardContext,
    prologue: LayerNormPrologue = {},
  ): Tensor {
    const parameters = { scale: this.weight.value, bias: this.bias.value };
    return layerNorm(x, parameters, { epsilon: this.#epsilon, ...prologue });
  }
}
