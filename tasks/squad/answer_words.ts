/**
 * What two answers have in common, as SQuAD sees it.
 *
 * @module
 */

/** What Python's `str.split()` splits at, which is not quite what JavaScript takes for white space. */
const WHITE_SPACE =
  // deno-lint-ignore no-control-regex
  /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

/** Python's `string.punctuation`. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/** Python's `\b(a|an|the)\b`, whose words have letters of all scripts. */
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/**
 * The words of an answer that count: in lower case, without ASCII punctuation
 * and English articles. The same as in the official evaluation scripts of
 * SQuAD, with any text.
 *
 * @param answer The answer.
 * @returns The words.
 *
 * @example
 * ```ts
 * import { answerWords } from "@cram/tasks";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(answerWords(" The U.S.  Senate"), ["us", "senate"]);
 * ```
 */
export function answerWords(answer: string): string[] {
  return answer.toLowerCase().replace(PUNCTUATION, "").replace(ARTICLES, " ")
    .split(WHITE_SPACE).filter((word) => word !== "");
}
