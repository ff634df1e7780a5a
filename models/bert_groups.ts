/**
 * Which weights of a BERT decay and which are pruned.
 *
 * @module
 */

/** Settings of the parameters whose names match; groups of `@cram/optim` are like this. */
export interface BertParameterGroup {
  /** Which parameters. */
  readonly match: RegExp;
  /** Weight decay instead of the rule's. */
  readonly weightDecay?: number;
  /** Whether they are pruned. */
  readonly prunable?: boolean;
}

/**
 * The linear weights of the encoder: query, key, value and output of
 * attention, and the two layers behind it; 84,934,656 in `bert-base`.
 */
export const BERT_PRUNABLE =
  /(^|\.)encoder\.layer\.\d+\.(attention\.self\.(query|key|value)|(attention\.output|intermediate|output)\.dense)\.weight$/;

/**
 * Groups for the option `groups` of an optimizer: biases and normalizations do
 * not decay, as in Hugging Face's examples, and only the weights whose names
 * match are pruned.
 *
 * @param prunable Which weights are pruned; never biases and normalizations. Default: {@linkcode BERT_PRUNABLE}.
 * @returns The groups.
 *
 * @example One step
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice } from "@cram/tensor";
 * import { topK } from "@cram/compress";
 * import {
 *   BertForQuestionAnswering,
 *   bertGroups,
 *   parseBertConfig,
 * } from "@cram/models";
 * import { adamW, cramPlus } from "@cram/optim";
 *
 * await using device = await openDevice("reference");
 * const config = parseBertConfig({
 *   vocab_size: 30,
 *   hidden_size: 8,
 *   num_hidden_layers: 1,
 *   num_attention_heads: 2,
 *   intermediate_size: 16,
 * });
 * using model = new BertForQuestionAnswering(device, config, { seed: 1n });
 * const rule = cramPlus({ base: adamW(), compressors: [topK(0.5)] });
 * using optimizer = rule.start(model.parameters(), { groups: bertGroups() });
 * assertEquals(optimizer.weights.length, 6);
 * ```
 */
export function bertGroups(
  prunable: RegExp = BERT_PRUNABLE,
): BertParameterGroup[] {
  return [
    {
      match: /(^|\.)(bias|LayerNorm\.weight)$/,
      weightDecay: 0,
      prunable: false,
    },
    { match: prunable, prunable: true },
    { match: /^/, prunable: false },
  ];
}
