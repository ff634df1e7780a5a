/**
 * Which BERT answers questions, by the words of the command line.
 *
 * @module
 */

import {
  BERT_CONFIGS,
  type BertConfig,
  bertConfigToJson,
  BertForQuestionAnswering,
  loadBertWeights,
  StateDictError,
} from "@cram/models";
import { type Device, openSafetensors } from "@cram/tensor";
import { exists } from "@std/fs";
import { join } from "node:path";
import { isCheckpoint, readCheckpoint } from "../checkpoint.ts";
import { DataError, UsageError } from "../errors.ts";
import {
  bertVocabulary,
  loadVocabulary,
  type Vocabulary,
} from "../text/vocabulary.ts";
import {
  BERT_FILES,
  type BertFolder,
  checkVocabulary,
  openBertFolder,
  readBertConfig,
} from "./bert_folder.ts";
import { checkWeightsTask } from "../weights_task.ts";
import { downloadModel, type HubOptions, isHubModel } from "./hub.ts";

/** Where a run folder keeps its model as a folder of Hugging Face. */
export const HUGGING_FACE_FOLDER = "huggingface";

/** What can be said of a model. */
export interface SquadModelChoice {
  /** Where its weights are: a folder of Hugging Face, one of `train-squad`, `hub:NAME@COMMIT` or a safetensors file. Default: it has initial ones. */
  readonly init?: string;
  /** Its size by name, or a `config.json` of Hugging Face. Default: that of `init`, or `bert-base`. */
  readonly model?: string;
  /** A file with its tokens. Default: those of `init`, or of bert-base-uncased. */
  readonly vocab?: string;
}

/** A model that answers questions. */
export interface SquadModel {
  /** How it is built. */
  readonly config: BertConfig;
  /** Its tokens. */
  readonly vocabulary: Vocabulary;
  /** The file with its weights; `undefined` if it has initial ones. */
  readonly weights: string | undefined;
}

/**
 * Finds a model; its weights are not read yet.
 *
 * @param choice What was said.
 * @param options The cache for what is downloaded.
 * @returns The model.
 * @throws {UsageError} If there is no such model, or the config of `model` is not that of `init`.
 * @throws {CheckpointError} If `init` is an image classifier.
 * @throws {SafetensorsError} If its weights are no safetensors file.
 * @throws {DataError} If another file is not there, or cannot be read.
 * @throws {ConfigError} If it is no BERT, or one of a kind that is not there.
 * @throws {VocabularyError} If the tokens cannot be used, or are those of another model.
 * @throws {NetworkError} If the model has to be downloaded, and cannot be.
 */
export async function findSquadModel(
  choice: SquadModelChoice,
  options: HubOptions = {},
): Promise<SquadModel> {
  const { init } = choice;
  if (init === undefined) return await describedModel(choice);
  if (!isHubModel(init) && await exists(init, { isFile: true })) {
    await checkWeightsTask(init, "questions");
    return await describedModel(choice, { weights: init });
  }
  const inner = join(init, HUGGING_FACE_FOLDER);
  const folder = isHubModel(init)
    ? await downloadModel(init, BERT_FILES, options)
    : await exists(inner)
    ? inner
    : init;
  const file = join(folder, "model.safetensors");
  if (await exists(file)) await checkWeightsTask(file, "questions");
  const found = await openBertFolder(folder);
  if (found.weights === undefined) {
    throw new DataError(
      `Cannot begin with "${init}": there is no model.safetensors in it`,
    );
  }
  return await describedModel({ ...choice, init }, found);
}

/**
 * Puts together what a folder says of a model and what was said otherwise.
 *
 * @param choice What was said; `init` for messages.
 * @param found What the folder says.
 * @returns The model.
 * @throws {UsageError} If there is no such model, or the config of `model` is not that of the folder.
 * @throws {DataError} If a file is not there, or cannot be read.
 * @throws {ConfigError} If it is no BERT, or one of a kind that is not there.
 * @throws {VocabularyError} If the tokens cannot be used, or are those of another model.
 */
export async function describedModel(
  { init = "", model, vocab }: SquadModelChoice,
  found: Partial<BertFolder> = {},
): Promise<SquadModel> {
  const named = model === undefined ? undefined : await configOf(model);
  if (model !== undefined && named && found.config) {
    checkSame(model, named, init, found.config);
  }
  const config = found.config ?? named ?? BERT_CONFIGS["bert-base"];
  const vocabulary = vocab !== undefined
    ? await loadVocabulary(vocab)
    : found.vocabulary ?? await bertVocabulary();
  checkVocabulary(vocabulary, config);
  return { config, vocabulary, weights: found.weights };
}

async function configOf(model: string): Promise<BertConfig> {
  if (Object.hasOwn(BERT_CONFIGS, model)) {
    return BERT_CONFIGS[model as keyof typeof BERT_CONFIGS];
  }
  if (await exists(model, { isFile: true })) return await readBertConfig(model);
  throw new UsageError(
    `Cannot use --model "${model}": expected ${
      Object.keys(BERT_CONFIGS).join(", ")
    }, or a config.json, and there is no such file`,
  );
}

/** Two configs that were both said. */
function checkSame(
  model: string,
  named: BertConfig,
  init: string,
  found: BertConfig,
): void {
  const [a, b] = [named, found].map(bertConfigToJson);
  const key = Object.keys(a).find((key) =>
    JSON.stringify(a[key]) !== JSON.stringify(b[key])
  );
  if (key === undefined) return;
  throw new UsageError(
    `Cannot use --model "${model}" with "${init}": "${key}" is ${
      JSON.stringify(a[key])
    } in the one and ${
      JSON.stringify(b[key])
    } in the other; without --model it is the latter`,
  );
}

/**
 * Brings a model to a device.
 *
 * @param device Where it shall live.
 * @param model What {@linkcode findSquadModel} found.
 * @param seed What initial weights come from, where the file has none.
 * @returns The model, for the caller to dispose of, and the names of the weights that are initial ones though there is a file.
 * @throws {StateDictError} If the weights are of another model.
 * @throws {SafetensorsError} If they cannot be read.
 */
export async function loadSquadModel(
  device: Device,
  { config, weights }: SquadModel,
  seed = 0n,
): Promise<{
  readonly model: BertForQuestionAnswering;
  readonly initialized: readonly string[];
}> {
  const model = new BertForQuestionAnswering(device, config, { seed });
  if (weights === undefined) return { model, initialized: [] };
  try {
    return { model, initialized: await load(model, weights) };
  } catch (error) {
    model[Symbol.dispose]();
    if (!(error instanceof StateDictError)) throw error;
    throw new StateDictError(
      `${error.message}; they are those of "${weights}"`,
      { cause: error },
    );
  }
}

async function load(
  model: BertForQuestionAnswering,
  weights: string,
): Promise<readonly string[]> {
  if (await isCheckpoint(weights)) {
    const { device } = model.qaOutputs.weight.value;
    using _scope = device.scope();
    model.loadStateDict((await readCheckpoint(weights, device)).model);
    return [];
  }
  await using file = await openSafetensors(weights);
  return (await loadBertWeights(model, file)).initialized;
}
