/**
 * Folders with a BERT, as Hugging Face's transformers writes and reads them.
 *
 * @module
 */

import {
  type BertConfig,
  bertConfigToJson,
  type BertForQuestionAnswering,
  exportStateDict,
  parseBertConfig,
} from "@cram/models";
import { writeSafetensors } from "@cram/tensor";
import { exists } from "@std/fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError, OutputError, VocabularyError } from "../errors.ts";
import { writeJson, writeText } from "../output_file.ts";
import { loadVocabulary, type Vocabulary } from "../text/vocabulary.ts";

const CONFIG = "config.json";
const WEIGHTS = "model.safetensors";
const VOCABULARY = "vocab.txt";
const TOKENIZER = "tokenizer_config.json";

/** The files of a BERT that are read, where they are there. */
export const BERT_FILES: readonly string[] = [
  CONFIG,
  WEIGHTS,
  VOCABULARY,
  TOKENIZER,
];

/** A BERT in a folder. */
export interface BertFolder {
  /** How it is built. */
  readonly config: BertConfig;
  /** Its tokens; `undefined` if the folder has none. */
  readonly vocabulary: Vocabulary | undefined;
  /** The file with its weights; `undefined` if the folder has none. */
  readonly weights: string | undefined;
}

/**
 * Reads what a folder says of a BERT.
 *
 * @param folder The folder: `config.json`, and `model.safetensors` and `vocab.txt` if they are there.
 * @returns The BERT; its weights are not read yet.
 * @throws {DataError} If a file cannot be read, or the tokens are cased.
 * @throws {ConfigError} If it is no BERT, or one of a kind that is not there.
 * @throws {VocabularyError} If the tokens cannot be used.
 */
export async function openBertFolder(folder: string): Promise<BertFolder> {
  const config = await readBertConfig(join(folder, CONFIG));
  await checkTokenizer(join(folder, TOKENIZER));
  const find = async (name: string): Promise<string | undefined> => {
    const path = join(folder, name);
    return await exists(path) ? path : undefined;
  };
  const vocabulary = await find(VOCABULARY);
  return {
    config,
    vocabulary: vocabulary === undefined
      ? undefined
      : await loadVocabulary(vocabulary),
    weights: await find(WEIGHTS),
  };
}

/**
 * Reads how a BERT is built.
 *
 * @param path A `config.json` of Hugging Face.
 * @returns The config.
 * @throws {DataError} If the file cannot be read.
 * @throws {ConfigError} If it is no BERT, or one of a kind that is not there.
 */
export async function readBertConfig(path: string): Promise<BertConfig> {
  return parseBertConfig(await readJson(path, "model"));
}

/** Words are lower-cased here; a model that was trained otherwise would see other tokens. */
async function checkTokenizer(path: string): Promise<void> {
  if (!await exists(path)) return;
  const tokenizer = await readJson(path, "tokenizer") as {
    readonly do_lower_case?: unknown;
  } | null;
  if (tokenizer?.do_lower_case !== false) return;
  throw new DataError(
    `Cannot use the tokenizer of "${path}": "do_lower_case" is false, and only uncased models are supported`,
  );
}

async function readJson(path: string, what: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new DataError(
      `Cannot read ${what} "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}

/**
 * Checks that a vocabulary is that of a model.
 *
 * @param vocabulary The tokens.
 * @param config How the model is built.
 * @throws {VocabularyError} If there are more or fewer tokens than the model has, or another one stands for padding.
 */
export function checkVocabulary(
  { size, special: { pad } }: Vocabulary,
  { vocabSize, paddingIndex }: BertConfig,
): void {
  if (size !== vocabSize) {
    throw new VocabularyError(
      `Cannot use a vocabulary of ${size} tokens with a model of ${vocabSize}: they must be those that it was trained with`,
    );
  }
  if (paddingIndex !== undefined && paddingIndex !== pad) {
    throw new VocabularyError(
      `Cannot use a vocabulary in which "[PAD]" is token ${pad} with a model for which it is token ${paddingIndex}`,
    );
  }
}

/**
 * Writes what is known of a BERT before it is trained: `config.json`,
 * `vocab.txt` and `tokenizer_config.json`.
 *
 * @param folder Where to; it is made if there is none.
 * @param config How it is built.
 * @param vocabulary Its tokens.
 * @throws {OutputError} If a file cannot be written.
 */
export async function writeBertConfig(
  folder: string,
  config: BertConfig,
  vocabulary: Vocabulary,
): Promise<void> {
  await writeJson(join(folder, CONFIG), bertConfigToJson(config));
  await writeText(join(folder, VOCABULARY), vocabulary.toText());
  await writeJson(join(folder, TOKENIZER), {
    tokenizer_class: "BertTokenizer",
    do_lower_case: true,
    model_max_length: config.maxPositions,
  });
}

/**
 * Writes the weights of a BERT, next to what {@linkcode writeBertConfig} wrote.
 * `BertForQuestionAnswering.from_pretrained(folder)` of transformers reads them.
 * The file is complete or as it was before.
 *
 * @param folder Where to.
 * @param model The model.
 * @returns The path of the file.
 * @throws {OutputError} If it cannot be written.
 */
export async function writeBertWeights(
  folder: string,
  model: BertForQuestionAnswering,
): Promise<string> {
  const path = join(folder, WEIGHTS);
  using _scope = model.qaOutputs.weight.value.device.scope();
  try {
    await writeSafetensors(path, exportStateDict(model), {
      metadata: { format: "pt" },
    });
  } catch (error) {
    throw new OutputError(
      `Cannot write "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
  return path;
}
