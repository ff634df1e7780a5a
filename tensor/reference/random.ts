/** Random numbers and dropout. */

import type { RandomState } from "../backend.ts";
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
  const threshold = Math.fround(rate);
  const scale = 1 / (1 - rate);
  const factor = x.dtype === "float32" ? Math.fround(scale) : scale;
  for (let i = 0; i < target.length; i++) {
    target[i] = uniform(words[i]) < threshold ? 0 : source[i] * factor;
  }
}
