/**
 * What BERT's tokenizer makes of text before it looks words up: no accents,
 * no capitals, nothing unreadable, and where each character came from.
 *
 * @module
 */

import {
  comesBefore,
  decompose,
  isIdeograph,
  isNonspacingMark,
  isPunctuation,
  isUnreadable,
} from "./_characters.ts";

/** A character of normalized text, and where it was in the original. */
export interface AlignedChar {
  /** The character, a code point. */
  readonly char: string;
  /** Where the original began, in UTF-16 code units. */
  readonly start: number;
  /** Where the original ended. */
  readonly end: number;
}

/** A decomposed character; those after the first one of a decomposition are extra. */
interface Part {
  readonly char: string;
  readonly extra: boolean;
}

/**
 * Normalizes text without white space, and cuts it into words: runs of
 * characters, punctuation and ideographs one by one.
 *
 * @param text The text.
 * @returns The words.
 */
export function normalizedWords(text: string): AlignedChar[][] {
  // Most words are no more than this.
  if (/^[\da-z]+$/i.test(text)) {
    return [Array.from(
      text.toLowerCase(),
      (char, start) => ({ char, start, end: start + 1 }),
    )];
  }
  const words: AlignedChar[][] = [];
  let word: AlignedChar[] = [];
  const endWord = (): void => {
    if (word.length > 0) words.push(word);
    word = [];
  };
  for (const run of readableRuns(text)) {
    for (const aligned of normalizeRun(run)) {
      const single = isPunctuation(aligned.char);
      if (single) endWord();
      word.push(aligned);
      if (single) endWord();
    }
    endWord();
  }
  return words;
}

/** The characters that can be read, with ideographs apart. */
function readableRuns(text: string): AlignedChar[][] {
  const runs: AlignedChar[][] = [[]];
  let start = 0;
  for (const char of text) {
    const end = start + char.length;
    if (isIdeograph(char)) runs.push([{ char, start, end }], []);
    else if (!isUnreadable(char)) runs.at(-1)!.push({ char, start, end });
    start = end;
  }
  return runs;
}

/** Decomposes, drops accents and lower-cases. */
function normalizeRun(run: readonly AlignedChar[]): AlignedChar[] {
  const normalized: AlignedChar[] = [];
  let next = 0;
  for (const { char, extra } of decomposeRun(run)) {
    // Reordered marks count as what stands at their place now, as in Hugging Face's library.
    if (!extra) next++;
    if (isNonspacingMark(char)) continue;
    const { start, end } = run[Math.max(next - 1, 0)];
    // Letter by letter: a sigma at the end of a word is like any other.
    for (const lower of char.toLowerCase()) {
      normalized.push({ char: lower, start, end });
    }
  }
  return normalized;
}

/** The canonical decomposition, marks in canonical order. */
function decomposeRun(run: readonly AlignedChar[]): Part[] {
  const parts: Part[] = [];
  for (const { char } of run) {
    let extra = false;
    for (const part of decompose(char)) {
      let at = parts.length;
      while (at > 0 && comesBefore(part, parts[at - 1].char)) at--;
      parts.splice(at, 0, { char: part, extra });
      extra = true;
    }
  }
  return parts;
}
