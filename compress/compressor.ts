/**
 * What a compressor is.
 *
 * @module
 */

import type { Masks } from "./masks.ts";
import type { Weight } from "./weight.ts";

/**
 * The operator C of the CrAM paper: a value that any weights can be given to.
 * Nothing is read back from the device.
 */
export interface Compressor {
  /** What it does, for reports: `top-k 50 %`. */
  readonly name: string;
  /** The part of the weights that it is asked to set to 0, for reports; by default none. */
  readonly sparsity?: number;
  /**
   * Compresses weights in place.
   *
   * @param weights The prunable weights of a model, in the model's order.
   * @param known Masks that an earlier call returned for the same weights: they are applied, and no new ones are found. Compressors that remove no weights do not look at them.
   * @returns Which weights were kept, for the caller to dispose of: new masks, or those that were given; `undefined` from compressors that remove none, such as quantizers.
   */
  compress(weights: readonly Weight[], known?: Masks): Masks | undefined;
}
