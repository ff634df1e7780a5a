/**
 * Compressors one after the other.
 *
 * @module
 */

import { ArgumentError } from "@cram/tensor";
import type { Compressor } from "./compressor.ts";
import type { Masks } from "./masks.ts";
import { checkWeights } from "./weight.ts";

/**
 * Runs compressors one after the other, for instance pruning and then
 * quantization.
 *
 * @param compressors At least one compressor.
 * @returns A compressor; it keeps the weights that all of them keep.
 * @throws {ArgumentError} If there is none.
 *
 * @example Half of the weights, in 4 bits
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { chain, quantize, topK } from "@cram/compress";
 *
 * const both = chain(topK(0.5), quantize({ bits: 4 }));
 * assertEquals(both.name, "top-k 50 %, 4 bits");
 * ```
 */
export function chain(...compressors: readonly Compressor[]): Compressor {
  if (compressors.length === 0) {
    throw new ArgumentError("Cannot chain compressors: there are none");
  }
  const name = compressors.map((compressor) => compressor.name).join(", ");
  return {
    name,
    // Those that come later prune among what is 0 already.
    sparsity: Math.max(...compressors.map(({ sparsity = 0 }) => sparsity)),
    compress(weights, known) {
      checkWeights(`compress by ${name}`, weights);
      const found = compressors
        .map((compressor) => compressor.compress(weights, known));
      return known ?? found.reduce(merge);
    },
  };
}

function merge(a: Masks | undefined, b: Masks | undefined): Masks | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  using first = a;
  using second = b;
  return first.and(second);
}
