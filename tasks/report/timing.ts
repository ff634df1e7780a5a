/**
 * How long the steps of a run took, from the rates that it measured.
 *
 * @module
 */

import type { RecordedRun } from "./recorded.ts";

/** How long steps took. */
export interface Timing {
  /** What a step is measured in, for instance `images`. */
  readonly examples: string;
  /** All steps that were measured, in seconds. */
  readonly seconds: number;
  /** Steps in a second, over all of them. */
  readonly stepsPerSecond: number;
  /** Examples in a second, over all steps. */
  readonly perSecond: number;
  /** The lowest of the rates that were measured. */
  readonly slowest: number;
  /** The highest. */
  readonly fastest: number;
}

const RATE = /^(.+)PerSecond$/;

/**
 * Adds up the times of steps. What is between them (checkpoints, the
 * evaluation at the end, interruptions) is not in it.
 *
 * @param run The run.
 * @returns Times and rates; `undefined` if none were measured.
 */
export function timingOf(
  { metrics, config }: RecordedRun,
): Timing | undefined {
  const { batchSize } = config;
  const rateName = metrics.length === 0
    ? undefined
    : Object.keys(metrics[0]).find((name) => RATE.test(name));
  if (rateName === undefined || typeof batchSize !== "number") return undefined;
  let seconds = 0;
  let steps = 0;
  let before = 0;
  const rates: number[] = [];
  for (const { step, [rateName]: rate } of metrics) {
    if (rate > 0) {
      seconds += (step - before) * batchSize / rate;
      steps += step - before;
      rates.push(rate);
    }
    before = step;
  }
  if (seconds === 0) return undefined;
  return {
    examples: rateName.match(RATE)![1],
    seconds,
    stepsPerSecond: steps / seconds,
    perSecond: steps * batchSize / seconds,
    slowest: rates.reduce((a, b) => Math.min(a, b)),
    fastest: rates.reduce((a, b) => Math.max(a, b)),
  };
}
