/** Random numbers and dropout. */

import type { RandomState } from "../backend.ts";
import type { DType } from "../dtype.ts";
import { philoxWords } from "../_philox.ts";
import { elementsOf, type ReferenceView } from "./buffer.ts";

/** The 24 upper bits of a word as a number in [0, 1), which float32 holds exactly. */
function uniform(word: number): number {
  return (word >>> 8) * 2 ** -24;
}

export function randomUniform(out: ReferenceView, state: RandomState): void {
  const target = elementsOf(out);
  const words = philoxWords(state, target.length);
  for (let i = 0; i < target.length; i++) target[i] = uniform(words[i]);
}

export function dropout(
  x: ReferenceView,
  out: ReferenceView,
  rate: number,
  state: RandomState,
): void {
  const source = elementsOf(x);
  const target = elementsOf(out);
  const words = philoxWords(state, target.length);
  const factors = dropoutFactors(words, rate, x.dtype);
  for (let i = 0; i < target.length; i++) {
    target[i] = factors[i] === 0 ? 0 : source[i] * factors[i];
  }
}

/** What elements are multiplied by: 0 for those that are dropped. */
export function dropoutFactors(
  words: Uint32Array,
  rate: number,
  dtype: DType,
): Float64Array {
  const threshold = Math.fround(rate);
  const scale = 1 / (1 - rate);
  const factor = dtype === "float64" ? scale : Math.fround(scale);
  return Float64Array.from(
    words,
    (word) => uniform(word) < threshold ? 0 : factor,
  );
}
