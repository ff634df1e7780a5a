/**
 * The dropout layer.
 *
 * @module
 */

import {
  ArgumentError,
  dropout,
  type DropoutOptions,
  type Tensor,
} from "@cram/tensor";
import type { ForwardContext } from "./forward_context.ts";
import { Layer, type Members } from "./module.ts";

/** Drops elements in training, and passes everything in evaluation. */
export class Dropout extends Layer {
  /** How probable it is that an element is dropped. */
  readonly rate: number;

  /**
   * Makes the layer.
   *
   * @param rate How probable it is that an element is dropped, in [0, 1).
   */
  constructor(rate: number) {
    super();
    this.rate = rate;
  }

  /** Nothing. */
  override members(): Members {
    return {};
  }

  /**
   * What is to be dropped in a pass, by a random stream of its own.
   *
   * @param context What the pass is for.
   * @returns Options of `dropout()`, or `undefined` if nothing is to be dropped.
   * @throws {ArgumentError} If the context has no random streams to train with.
   */
  draw(
    { training, random }: ForwardContext,
  ): Required<DropoutOptions> | undefined {
    if (!training || this.rate === 0) return undefined;
    if (random === undefined) {
      throw new ArgumentError(
        `Cannot train with dropout ${this.rate} and no random streams: expected a context of trainingContext()`,
      );
    }
    return { rate: this.rate, training, ...random.next() };
  }

  /** Drops elements of a tensor of any shape. */
  override forward(x: Tensor, context: ForwardContext): Tensor {
    const options = this.draw(context);
    return options === undefined ? x : dropout(x, options);
  }
}
