/** What optimizers with two passes do between them. */

import type { Tensor } from "@cram/tensor";
import type { CompressorDraws } from "./_compressor_draws.ts";

/** The way from θ to where the second gradient is taken, and what becomes of that gradient. */
export interface Ascent {
  /** Whether the step is along the sum of both gradients. */
  readonly plus: boolean;
  /** Whether the second gradient counts only where the masks keep weights. */
  readonly sparseGradient: boolean;
  /** Whether the way is in proportion to θ² too. */
  readonly adaptive: boolean;
  /** What the gradient is multiplied by to get there; flat θ and gradient are given. */
  scale(theta: readonly Tensor[], gradients: readonly Tensor[]):
    | Tensor
    | number;
  /** What compresses prunable parameters there. */
  readonly draws?: CompressorDraws;
}
