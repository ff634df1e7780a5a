/**
 * What BERT reads of a question and its passage.
 *
 * @module
 */

import { DataError, UsageError } from "../errors.ts";
import type { Encoding, WordPieceTokenizer } from "../text/word_piece.ts";
import type { SquadExample } from "./dataset.ts";

/**
 * A question and as much of its passage as fits, as BERT reads them: `[CLS]`
 * question `[SEP]` window of the passage `[SEP]`, without padding.
 */
export interface Feature {
  /** Which question it is, by its place in the data set. */
  readonly example: number;
  /** The tokens, `[length]`. */
  readonly ids: Int32Array;
  /** The position of the window's first token. Tokens from here on are of type 1, those before of type 0. */
  readonly contextStart: number;
  /** Where each token of the window begins in the passage, in UTF-16 code units, `[window]`. */
  readonly starts: Int32Array;
  /** Where each token of the window ends, `[window]`. */
  readonly ends: Int32Array;
  /** 1 for the tokens of the window that have more context here than in other windows, `[window]`. */
  readonly maxContext: Uint8Array;
  /** The position of the answer's first token; 0, that of `[CLS]`, if there is none in the window. */
  readonly startPosition: number;
  /** The position of the answer's last token; 0 if there is none in the window. */
  readonly endPosition: number;
}

/** Options of {@linkcode createFeatures}. */
export interface FeatureOptions {
  /** How many tokens a feature has at most. Default: 384. */
  readonly maxLength?: number;
  /** How many tokens neighbouring windows of a passage share. Default: 128. */
  readonly docStride?: number;
  /** How many tokens a question has at most. Default: 64. */
  readonly maxQueryLength?: number;
  /** What is done with longer questions: their ends are cut off, or they are an error. Default: `"truncate"`. */
  readonly longQuestions?: "truncate" | "error";
}

/** `[CLS]` and two `[SEP]`. */
const SPECIAL_TOKENS = 3;

/**
 * Cuts passages into windows that fit BERT. As in Hugging Face's `run_qa` and
 * unlike in the original `run_squad`, `docStride` is what windows share, not
 * the distance between them. The answer that a feature is labelled with is the
 * first one that stands where the file says, if all its tokens are in the window.
 *
 * @param examples The questions.
 * @param tokenizer What makes tokens of them.
 * @param options Lengths, in tokens.
 * @returns The features of all questions in their order, at least one each.
 * @throws {UsageError} If no window fits beside a question, or windows would not get on.
 * @throws {DataError} If a question is too long and that is an error.
 *
 * @example
 * ```ts
 * import { bertVocabulary, createFeatures, WordPieceTokenizer } from "@cram/tasks";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = new WordPieceTokenizer(await bertVocabulary());
 * const [feature] = createFeatures([{
 *   id: "1",
 *   title: "Weather",
 *   question: "When did it rain?",
 *   context: "It rained on Monday.",
 *   answers: [{ text: "Monday", start: 13 }],
 * }], tokenizer);
 * const { tokens } = tokenizer.vocabulary;
 * assertEquals(tokens[feature.ids[feature.startPosition]], "monday");
 * ```
 */
export function createFeatures(
  examples: readonly SquadExample[],
  tokenizer: WordPieceTokenizer,
  options: FeatureOptions = {},
): Feature[] {
  const {
    maxLength = 384,
    docStride = 128,
    maxQueryLength = 64,
    longQuestions = "truncate",
  } = options;
  const smallestWindow = maxLength - maxQueryLength - SPECIAL_TOKENS;
  if (docStride < 0 || smallestWindow <= docStride) {
    throw new UsageError(
      `Cannot cut passages into windows: of a length of ${maxLength} tokens, ${SPECIAL_TOKENS} special ones and a question of ${maxQueryLength} leave ${smallestWindow}, which must be more than the stride of ${docStride}`,
    );
  }
  const features: Feature[] = [];
  let context: string | undefined;
  let passage = tokenizer.encode("");
  for (const [index, example] of examples.entries()) {
    const question = tokenizer.encode(example.question).ids;
    if (question.length > maxQueryLength && longQuestions === "error") {
      throw new DataError(
        `Cannot use question "${example.id}": it has ${question.length} tokens, ${maxQueryLength} are allowed`,
      );
    }
    // The questions on a passage stand together.
    if (context !== example.context) {
      context = example.context;
      passage = tokenizer.encode(context);
    }
    const { cls, sep } = tokenizer.vocabulary.special;
    const head = [cls, ...question.subarray(0, maxQueryLength), sep];
    const windows = windowsOf(
      passage.ids.length,
      maxLength - head.length - 1,
      docStride,
    );
    const best = bestWindows(windows, passage.ids.length);
    const span = spanOf(example, passage);
    for (const [number, { from, to }] of windows.entries()) {
      const inside = span && span.first >= from && span.last < to;
      const shift = head.length - from;
      features.push({
        example: index,
        ids: Int32Array.of(...head, ...passage.ids.subarray(from, to), sep),
        contextStart: head.length,
        starts: passage.starts.subarray(from, to),
        ends: passage.ends.subarray(from, to),
        maxContext: Uint8Array.from(
          best.subarray(from, to),
          (window) => window === number ? 1 : 0,
        ),
        startPosition: inside ? span.first + shift : 0,
        endPosition: inside ? span.last + shift : 0,
      });
    }
  }
  return features;
}

/** Tokens of a passage, from one to before another. */
interface Window {
  readonly from: number;
  readonly to: number;
}

/** Windows over a passage, up to the first that reaches its end. */
function windowsOf(tokens: number, size: number, overlap: number): Window[] {
  const windows: Window[] = [];
  let from = 0;
  for (;;) {
    const to = Math.min(from + size, tokens);
    windows.push({ from, to });
    if (to === tokens) return windows;
    from += size - overlap;
  }
}

/** For each token the window that shows most around it: of its left and right context the smaller counts, then the length of the window. */
function bestWindows(windows: readonly Window[], tokens: number): Int32Array {
  const best = new Int32Array(tokens);
  const scores = new Float64Array(tokens).fill(-1);
  for (const [number, { from, to }] of windows.entries()) {
    for (let token = from; token < to; token++) {
      const score = Math.min(token - from, to - 1 - token) + 0.01 * (to - from);
      if (score <= scores[token]) continue;
      scores[token] = score;
      best[token] = number;
    }
  }
  return best;
}

/** The first and last token that the answer to learn has a part in, if there is one. */
function spanOf(
  { answers }: SquadExample,
  { starts, ends }: Encoding,
): { readonly first: number; readonly last: number } | undefined {
  const answer = answers.find(({ start }) => start !== undefined);
  if (answer?.start === undefined) return undefined;
  const start = answer.start;
  const end = start + answer.text.length;
  const first = ends.findIndex((offset) => offset > start);
  const last = starts.findLastIndex((offset) => offset < end);
  return first >= 0 && first <= last ? { first, last } : undefined;
}
