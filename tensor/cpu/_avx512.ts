/**
 * All machine code for 64-bit x86 processors with AVX-512.
 *
 * @module
 */

import {
  writeGradient,
  writeGradientSums,
  writeNormalize,
  writeStatistics,
} from "./_avx512_batch_norm.ts";
import { writeDecay, writeGelu } from "./_avx512_functions.ts";
import { writeScores } from "./_avx512_scores.ts";
import { writeLocate } from "./_avx512_locate.ts";
import { writeColumnsProduct, writeRowsProduct } from "./_avx512_products.ts";
import { Assembler } from "./_x86.ts";

/**
 * Writes all functions. Each takes the address of words in memory, as 32 bits,
 * and where memory starts.
 *
 * @returns The code, and where in it each function starts; assembly/_native.ts imports them by these names.
 */
export function writeAvx512(): {
  readonly code: Uint8Array<ArrayBuffer>;
  readonly starts: Readonly<Record<string, number>>;
} {
  const code = new Assembler();
  const starts = {
    rows: writeRowsProduct(code),
    columns: writeColumnsProduct(code),
    locate: writeLocate(code),
    scores: writeScores(code),
    decay: writeDecay(code),
    gelu: writeGelu(code),
    statistics: writeStatistics(code),
    normalize: writeNormalize(code),
    gradientSums: writeGradientSums(code),
    gradient: writeGradient(code),
  };
  return { code: code.finish(), starts };
}
