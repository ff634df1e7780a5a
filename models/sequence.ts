/**
 * Layers one after the other.
 *
 * @module
 */

import type { Tensor } from "@cram/tensor";
import type { ForwardContext } from "./forward_context.ts";
import { Layer, type Members } from "./module.ts";

/** Layers one after the other, named by their number: `0`, `1`, … */
export class Sequence<L extends Layer = Layer> extends Layer {
  /** The layers. */
  readonly layers: readonly L[];

  /**
   * Takes layers over.
   *
   * @param layers The layers in the order of their use.
   */
  constructor(layers: readonly L[]) {
    super();
    this.layers = layers;
  }

  /** The layers by number. */
  override members(): Members {
    return Object.fromEntries(this.layers.entries());
  }

  /** Applies all layers. */
  override forward(x: Tensor, context: ForwardContext): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y, context), x);
  }
}
