/**
 * BERT's tokenizer: text to pieces of words, and back to where they stood.
 *
 * @module
 */

import { isAsciiPunctuation, isWhiteSpace } from "./_characters.ts";
import { type AlignedChar, normalizedWords } from "./_normalize.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Tokens of a text, and where each stood in it. */
export interface Encoding {
  /** Indices in the vocabulary, `[tokens]`. */
  readonly ids: Int32Array;
  /** Where each token began, in UTF-16 code units as strings count them, `[tokens]`. */
  readonly starts: Int32Array;
  /** Where each token ended, `[tokens]`. */
  readonly ends: Int32Array;
}

/** Words of more characters are `[UNK]`. */
const MAX_WORD_LENGTH = 100;

/** What is remembered of words that were seen: at most so many, and none that is longer. */
const MAX_CACHED_WORDS = 1 << 16;
const MAX_CACHED_LENGTH = 64;

const CONTINUATION = "##";
const SPECIAL_TOKEN = /\[(?:PAD|UNK|CLS|SEP|MASK)\]/g;

/**
 * The uncased tokenizer of BERT (Devlin et al., 2019), with the same tokens and
 * offsets as `BertTokenizerFast` of Hugging Face: control characters are
 * dropped, accents too, letters become lower case, CJK ideographs and
 * punctuation stand alone, and words are cut into the longest pieces that the
 * vocabulary has (Wu et al., 2016). The special tokens are known in texts as
 * well, if written as they are.
 *
 * @example
 * ```ts
 * import { bertVocabulary, WordPieceTokenizer } from "@cram/tasks";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = new WordPieceTokenizer(await bertVocabulary());
 * const text = "Un-pruned café";
 * const { ids, starts, ends } = tokenizer.encode(text);
 * assertEquals(
 *   Array.from(ids, (id) => tokenizer.vocabulary.tokens[id]),
 *   ["un", "-", "pr", "##une", "##d", "cafe"],
 * );
 * assertEquals(text.slice(starts[5], ends[5]), "café");
 * ```
 */
export class WordPieceTokenizer {
  /** The pieces. */
  readonly vocabulary: Vocabulary;
  readonly #beginnings = new Map<string, number>();
  readonly #continuations = new Map<string, number>();
  readonly #longestPiece: number;
  /** Id, start and end of each token of a word. */
  readonly #cache = new Map<string, readonly number[]>();

  /**
   * Prepares the pieces.
   *
   * @param vocabulary The pieces.
   */
  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary;
    let longest = 0;
    for (const [id, token] of vocabulary.tokens.entries()) {
      longest = Math.max(longest, token.length);
      this.#beginnings.set(token, id);
      if (token.startsWith(CONTINUATION)) {
        this.#continuations.set(token.slice(CONTINUATION.length), id);
      }
    }
    this.#longestPiece = longest;
  }

  /**
   * Cuts a text into tokens. None are added to them.
   *
   * @param text The text.
   * @returns The tokens. Where a character became several, or several became one, they share its place.
   */
  encode(text: string): Encoding {
    const tokens = new TokenList();
    let from = 0;
    for (const { 0: token, index } of text.matchAll(SPECIAL_TOKEN)) {
      this.#encodePlain(text, from, index, tokens);
      from = index + token.length;
      tokens.push(this.vocabulary.indexOf(token)!, index, from);
    }
    this.#encodePlain(text, from, text.length, tokens);
    return tokens.finish();
  }

  /** Tokens of what stands between special tokens. White space and ASCII punctuation end words in any surroundings. */
  #encodePlain(
    text: string,
    from: number,
    to: number,
    tokens: TokenList,
  ): void {
    let start = from;
    for (let i = from; i < to; i++) {
      const unit = text.charCodeAt(i);
      const single = isAsciiPunctuation(unit);
      if (!single && !isWhiteSpace(unit)) continue;
      if (start < i) tokens.add(this.#tokensOf(text.slice(start, i)), start);
      if (single) tokens.add(this.#tokensOf(text[i]), i);
      start = i + 1;
    }
    if (start < to) tokens.add(this.#tokensOf(text.slice(start, to)), start);
  }

  #tokensOf(chunk: string): readonly number[] {
    const known = this.#cache.get(chunk);
    if (known !== undefined) return known;
    const tokens: number[] = [];
    for (const word of normalizedWords(chunk)) this.#addPieces(word, tokens);
    if (chunk.length <= MAX_CACHED_LENGTH) {
      if (this.#cache.size === MAX_CACHED_WORDS) this.#cache.clear();
      this.#cache.set(chunk, tokens);
    }
    return tokens;
  }

  /** The longest piece first, and on from its end; `[UNK]` if that leaves something over. */
  #addPieces(word: readonly AlignedChar[], tokens: number[]): void {
    const before = tokens.length;
    let first = 0;
    while (first < word.length && word.length <= MAX_WORD_LENGTH) {
      const pieces = first === 0 ? this.#beginnings : this.#continuations;
      let id: number | undefined;
      let last = Math.min(word.length, first + this.#longestPiece);
      let piece = textOf(word, first, last);
      while (last > first) {
        id = pieces.get(piece);
        if (id !== undefined) break;
        piece = piece.slice(0, -word[--last].char.length);
      }
      if (id === undefined) break;
      tokens.push(id, word[first].start, word[last - 1].end);
      first = last;
    }
    if (first === word.length) return;
    tokens.length = before;
    const { unk } = this.vocabulary.special;
    tokens.push(unk, word[0].start, word.at(-1)!.end);
  }
}

function textOf(
  word: readonly AlignedChar[],
  first: number,
  last: number,
): string {
  let text = "";
  for (let i = first; i < last; i++) text += word[i].char;
  return text;
}

/** An encoding that grows. */
class TokenList {
  #length = 0;
  #ids = new Int32Array(256);
  #starts = new Int32Array(256);
  #ends = new Int32Array(256);

  push(id: number, start: number, end: number): void {
    if (this.#length === this.#ids.length) this.#grow();
    this.#ids[this.#length] = id;
    this.#starts[this.#length] = start;
    this.#ends[this.#length++] = end;
  }

  /** Adds tokens whose places count from an offset. */
  add(tokens: readonly number[], offset: number): void {
    for (let i = 0; i < tokens.length; i += 3) {
      this.push(tokens[i], tokens[i + 1] + offset, tokens[i + 2] + offset);
    }
  }

  finish(): Encoding {
    return {
      ids: this.#ids.slice(0, this.#length),
      starts: this.#starts.slice(0, this.#length),
      ends: this.#ends.slice(0, this.#length),
    };
  }

  #grow(): void {
    const grown = (array: Int32Array): Int32Array<ArrayBuffer> => {
      const copy = new Int32Array(2 * array.length);
      copy.set(array);
      return copy;
    };
    this.#ids = grown(this.#ids);
    this.#starts = grown(this.#starts);
    this.#ends = grown(this.#ends);
  }
}
