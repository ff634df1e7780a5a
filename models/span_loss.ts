/**
 * The loss of extractive question answering.
 *
 * @module
 */

import { add, clip, mul, softmaxCrossEntropy, type Tensor } from "@cram/tensor";
import type { SpanLogits } from "./bert.ts";

/** Where answers lie. */
export interface SpanLabels {
  /** The position of the first token, `int32` `[N]`. */
  readonly start: Tensor;
  /** The position of the last token, `int32` `[N]`. */
  readonly end: Tensor;
}

/**
 * The mean of two cross-entropies over positions, of the first and of the last
 * token, as in Hugging Face's `BertForQuestionAnswering`: positions behind the
 * sequence do not count, those below 0 are taken for 0, and the logits of
 * padding take part in the softmax, from which training keeps them away. The
 * loss is NaN if no position counts.
 *
 * @param logits For each token how well an answer begins and ends with it, `[N, L]` each.
 * @param labels Where the answers lie.
 * @returns The loss, a scalar.
 * @throws {ShapeError} If the shapes do not fit.
 * @throws {DTypeError} If the labels are not `int32`.
 *
 * @example Two tokens, none of them likelier
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { openDevice, tensor, zeros } from "@cram/tensor";
 * import { spanLoss } from "@cram/models";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const logits = { start: zeros(device, [1, 2]), end: zeros(device, [1, 2]) };
 * const position = tensor(device, [1], { dtype: "int32" });
 * const loss = spanLoss(logits, { start: position, end: position });
 * assertAlmostEquals(await loss.item(), Math.LN2, 1e-6);
 * ```
 */
export function spanLoss(logits: SpanLogits, labels: SpanLabels): Tensor {
  using scope = logits.start.device.scope();
  const [start, end] = (["start", "end"] as const).map((name) => {
    const length = logits[name].shape[1];
    const positions = clip(labels[name], { low: 0, high: length });
    return softmaxCrossEntropy(logits[name], positions, {
      ignoreIndex: length,
    });
  });
  return scope.keep(mul(add(start, end), 0.5));
}
