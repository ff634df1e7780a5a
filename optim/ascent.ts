/**
 * What optimizers with two passes do between them.
 *
 * @module
 */

import type { Masks, Weight } from "@cram/compress";
import type { Tensor } from "@cram/tensor";

/** θ and the first pass's gradient, at the time of the ascent. */
export interface AscentContext {
  /** θ, flat; the ascent changes it in place. */
  readonly chunks: readonly Tensor[];
  /** The gradient of the first pass, in the same layout. */
  readonly gradients: readonly Tensor[];
  /** Receives θ. */
  readonly saved: readonly Tensor[];
  /** The prunable parameters, which are views of the chunks. */
  readonly weights: readonly Weight[];
  /** The number of this step, from 1. */
  readonly step: number;
}

/** The way from θ to where the second gradient is taken. */
export interface Ascent extends Disposable {
  /** Whether the step is along the sum of both gradients. */
  readonly plus: boolean;
  /** Whether the second gradient counts only where the masks keep weights. */
  readonly sparseGradient: boolean;
  /**
   * Moves θ, within a scope of its own.
   *
   * @param context θ and its gradient.
   * @returns Masks, which the ascent owns, if there are some.
   */
  ascend(context: AscentContext): Masks | undefined;
  /** What has to be remembered. */
  state(): {
    readonly scalars: Readonly<Record<string, number>>;
    readonly masks: ReadonlyMap<string, Masks>;
  };
  /** Goes on from a state; masks are those of the prunable parameters. */
  load(
    scalars: Readonly<Record<string, number>>,
    masks: (name: string) => Masks | undefined,
  ): void;
}
