/** Hugging Face's own tokenizer, to compare with. */

import type { Tokenizer } from "npm:@anush008/tokenizers@0.6.0";
import { bertVocabulary } from "../text/vocabulary.ts";

/** The special tokens of BERT. */
export const SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** A tokenizer set up as that of bert-base-uncased. It counts code points. */
export async function huggingFaceTokenizer(): Promise<Tokenizer> {
  const { default: native } = await import("npm:@anush008/tokenizers@0.6.0");
  const { tokens, special } = await bertVocabulary();
  const tokenizer = new native.Tokenizer(
    native.WordPiece.init(
      Object.fromEntries(tokens.map((token, index) => [token, index])),
      { unkToken: "[UNK]", maxInputCharsPerWord: 100 },
    ),
  );
  tokenizer.setNormalizer(native.bertNormalizer());
  tokenizer.setPreTokenizer(native.bertPreTokenizer());
  tokenizer.setPostProcessor(
    native.bertProcessing(["[SEP]", special.sep], ["[CLS]", special.cls]),
  );
  tokenizer.addSpecialTokens(SPECIAL_TOKENS);
  return tokenizer;
}

/** Where each code point begins in UTF-16 code units, and where the last ends. */
export function unitOffsets(text: string): number[] {
  const units = [0];
  for (const char of text) units.push(units.at(-1)! + char.length);
  return units;
}
