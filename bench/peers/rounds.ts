/**
 * Rounds: in each one every library is timed once, so that what else happens
 * on the machine meets all of them.
 *
 * @module
 */

import { findCalls } from "../_calls.ts";
import type { Prepared } from "./library.ts";

/** What a library needed for one call, in milliseconds. */
export interface Times {
  readonly median: number;
  readonly min: number;
  readonly samples: number;
}

/** Options of {@linkcode timeInRounds}. */
export interface RoundsOptions {
  readonly rounds: number;
  /** How long one sample should take at least, by calls repeated. */
  readonly sampleMilliseconds: number;
  /** After how long a library takes no more part; it has one sample at least. */
  readonly budgetMilliseconds: number;
}

/** The middle one of some numbers, of an even number of them the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[half]
    : (sorted[half - 1] + sorted[half]) / 2;
}

/** Times libraries in turn; one that fails takes no more part, and its error is its result. */
export async function timeInRounds(
  libraries: ReadonlyMap<string, Pick<Prepared, "time">>,
  { rounds, sampleMilliseconds, budgetMilliseconds }: RoundsOptions,
): Promise<Map<string, Times | Error>> {
  const states = Array.from(libraries, ([name, library]) => ({
    ...{ name, library, calls: 0, spent: 0 },
    samples: [] as number[],
    error: undefined as Error | undefined,
  }));
  for (let round = 0; round < rounds; round++) {
    for (const state of states) {
      const { library, samples } = state;
      const next = samples[0] * state.calls;
      const isOver = round > 0 && state.spent + next > budgetMilliseconds;
      if (state.error !== undefined || isOver) continue;
      try {
        if (state.calls === 0) {
          let last = 0;
          state.calls = await findCalls(sampleMilliseconds, async (calls) => {
            last = await library.time(calls);
            state.spent += last * calls;
            return last * calls;
          });
          // A call that is long enough by itself is not repeated for nothing.
          if (state.spent > budgetMilliseconds) {
            samples.push(last);
            continue;
          }
        }
        const time = await library.time(state.calls);
        samples.push(time);
        state.spent += time * state.calls;
      } catch (error) {
        state.error = error instanceof Error ? error : new Error(`${error}`);
      }
    }
  }
  return new Map(states.map(({ name, samples, error }) => [
    name,
    error ?? {
      median: median(samples),
      min: Math.min(...samples),
      samples: samples.length,
    },
  ]));
}

/** How far outputs are from others, relative to the largest of these: the worst of all outputs, infinite if they do not fit. */
export function relativeError(
  outputs: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
): number {
  if (outputs.length !== expected.length) return Infinity;
  return Math.max(...expected.map((right, i) => {
    if (outputs[i].length !== right.length) return Infinity;
    const scale = Math.max(...right.map(Math.abs));
    const distance = Math.max(
      ...right.map((value, k) => Math.abs(value - outputs[i][k])),
    );
    return Number.isNaN(distance)
      ? Infinity
      : distance === 0
      ? 0
      : distance / scale;
  }));
}
