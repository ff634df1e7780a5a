/** Mixed precision: what layers compute with in float16, from parameters in float32. */

import { cast, type Tensor } from "@cram/tensor";
import type { ForwardContext } from "./forward_context.ts";

/**
 * What a pass computes with.
 *
 * @param x An input or a parameter.
 * @param context What the pass is for.
 * @returns `x`, or in a pass in float16 `x` in float16, through which gradients reach `x` in its own dtype.
 */
export function inPrecision(
  x: Tensor,
  context: ForwardContext | undefined,
): Tensor {
  return context?.precision === "float16" && x.dtype !== "float16"
    ? cast(x, "float16")
    : x;
}

/**
 * What a loss or a search is computed from.
 *
 * @param logits The outputs of a network.
 * @returns The same in float32, if they are float16.
 */
export function inSinglePrecision(logits: Tensor): Tensor {
  return logits.dtype === "float16" ? cast(logits, "float32") : logits;
}
