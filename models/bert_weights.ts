/**
 * Weights of BERT from files of Hugging Face.
 *
 * @module
 */

import { cast, type Safetensors, type Tensor } from "@cram/tensor";
import type { BertForQuestionAnswering } from "./bert.ts";
import { exportStateDict, importStateDict } from "./pytorch.ts";

/** What became of the tensors of a file. */
export interface LoadedBertWeights {
  /** The weights that were not in the file, and stay as they were: those of the last layer, if it was made for another task. */
  readonly initialized: readonly string[];
  /** The tensors that the model has no use for, by their names in the file. */
  readonly ignored: readonly string[];
}

/** Heads of pre-training, the pooling layer, and a buffer that counts from 0 on. */
const UNUSED = /^cls\.|^(bert\.)?(pooler\.|embeddings\.position_ids$)/;

/** How names in old files end, and how they are called now. */
const RENAMED: readonly (readonly [old: RegExp, now: string])[] = [
  [/\.gamma$/, ".weight"],
  [/\.beta$/, ".bias"],
];

/** The name of the last layer. */
const HEAD = "qa_outputs";

/**
 * Copies the tensors of a safetensors file of Hugging Face into a model:
 * weights of `BertForQuestionAnswering`, or of `BertModel`,
 * `BertForPreTraining` or `BertForMaskedLM`, such as `bert-base-uncased`, to
 * which the last layer is added as it was initialized. Nothing is changed if
 * something does not fit.
 *
 * Names with and without `bert.` in front are known, and `gamma` and `beta` for
 * weight and bias of LayerNorm. `cls.*`, `bert.pooler.*` and
 * `bert.embeddings.position_ids` are passed over. Other float types are cast.
 *
 * @param model The model.
 * @param file The opened file.
 * @returns What was missing and what was not used.
 * @throws {StateDictError} If other names are missing or unexpected, or shapes differ.
 * @throws {SafetensorsError} If the file has a type that tensors do not have, or got shorter.
 *
 * @example From one model to another
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   encodeSafetensors,
 *   openDevice,
 *   parseSafetensors,
 * } from "@cram/tensor";
 * import {
 *   BertForQuestionAnswering,
 *   exportStateDict,
 *   loadBertWeights,
 *   parseBertConfig,
 * } from "@cram/models";
 *
 * await using device = await openDevice("reference");
 * const config = parseBertConfig({
 *   vocab_size: 30,
 *   hidden_size: 8,
 *   num_hidden_layers: 1,
 *   num_attention_heads: 2,
 *   intermediate_size: 16,
 * });
 * using a = new BertForQuestionAnswering(device, config, { seed: 1n });
 * using b = new BertForQuestionAnswering(device, config, { seed: 2n });
 * using _scope = device.scope();
 * // transformers wants to know which library made a file.
 * const metadata = { format: "pt" };
 * const bytes = await encodeSafetensors(exportStateDict(a), { metadata });
 * await using file = parseSafetensors(bytes);
 * const { initialized } = await loadBertWeights(b, file);
 * assertEquals(initialized, []);
 * ```
 */
export async function loadBertWeights(
  model: BertForQuestionAnswering,
  file: Safetensors,
): Promise<LoadedBertWeights> {
  const { device, dtype } = model.qaOutputs.weight.value;
  using _scope = device.scope();
  const names = [...file.entries.keys()];
  const isPrefixed = names.some((name) => name.startsWith("bert."));
  const ignored = names.filter((name) => UNUSED.test(name));
  const state = new Map<string, Tensor>();
  for (const name of names) {
    if (UNUSED.test(name)) continue;
    const tensor = await file.tensor(device, name);
    state.set(
      modelName(name, isPrefixed),
      tensor.dtype === dtype ? tensor : cast(tensor, dtype),
    );
  }
  const initialized: string[] = [];
  for (const [part, tensor] of exportStateDict(model.qaOutputs)) {
    const name = `${HEAD}.${part}`;
    if (state.has(name)) continue;
    initialized.push(name);
    state.set(name, tensor);
  }
  importStateDict(model, state);
  return { initialized, ignored };
}

/** How the model calls a tensor of a file. */
function modelName(name: string, isPrefixed: boolean): string {
  const renamed = RENAMED.reduce(
    (result, [old, now]) => result.replace(old, now),
    name,
  );
  return isPrefixed || name.startsWith(`${HEAD}.`)
    ? renamed
    : `bert.${renamed}`;
}
