/** Questions and a BERT that are trained on within seconds. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SquadFile } from "../squad/default/squad_file.ts";

const NAMES = ["Ann", "Ben", "Cleo", "Dan"];
const COLORS = ["red", "blue", "green", "black"];

const WORDS = [
  ...NAMES,
  ...COLORS,
  "has",
  "a",
  "hat",
  "Who",
  "Which",
  "?",
  ".",
];

/** The tokens of the tiny BERT. */
export const TINY_VOCABULARY: readonly string[] = [
  "[PAD]",
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "[MASK]",
  ...WORDS.map((word) => word.toLowerCase()),
];

/** The `config.json` of the tiny BERT. */
export const TINY_CONFIG = {
  model_type: "bert",
  vocab_size: TINY_VOCABULARY.length,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 48,
};

/** Makes articles of one passage: "Ann has a red hat." – "Who?", "Which hat?" */
export function tinySquad(articles: number, first = 0): SquadFile {
  return {
    version: "1.1",
    data: Array.from({ length: articles }, (_, i) => tinyArticle(first + i)),
  };
}

function tinyArticle(index: number): SquadFile["data"][number] {
  const name = NAMES[index % 4];
  const color = COLORS[Math.floor(index / 4) % 4];
  const context = `${name} has a ${color} hat.`;
  const qas = [["Who?", name], ["Which hat?", color]].map((
    [question, text],
    i,
  ) => ({
    id: `${index}-${i}`,
    question,
    answers: [{ text, answer_start: context.indexOf(text) }],
  }));
  return { title: `Hat ${index}`, paragraphs: [{ context, qas }] };
}

/** The files that {@linkcode writeTinySquad} writes. */
export interface TinySquadFiles {
  /** A folder with `train.json` and `dev.json`. */
  readonly data: string;
  /** The config of the BERT. */
  readonly config: string;
  /** Its tokens. */
  readonly vocab: string;
}

/** Writes questions, config and vocabulary. */
export async function writeTinySquad(folder: string): Promise<TinySquadFiles> {
  const files = {
    data: join(folder, "data"),
    config: join(folder, "config.json"),
    vocab: join(folder, "vocab.txt"),
  };
  await mkdir(files.data);
  const write = (path: string, content: unknown): Promise<void> =>
    writeFile(path, JSON.stringify(content));
  await write(join(files.data, "train.json"), tinySquad(12));
  await write(join(files.data, "dev.json"), tinySquad(4, 12));
  await write(files.config, TINY_CONFIG);
  await writeFile(files.vocab, TINY_VOCABULARY.join("\n") + "\n");
  return files;
}
