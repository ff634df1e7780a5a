/** The clock of trials: timestamp queries where the device has them, else the host's time until all is done. */

import type { Runtime } from "./_runtime.ts";

/**
 * How long samples must be, in milliseconds, to tell good ways from bad ones
 * and to tell good ones apart. Browsers round timestamps to 0.1, and a host
 * waits up to 10 for a device.
 */
const TIMESTAMPS = { rough: 1, fine: 5 };
const HOST = { rough: 40, fine: 40 };

/** Calls of one sample. */
const MAX_CALLS = 1024;

/** How many times as many calls a next try has at most: the time of few calls may be rounded to 0. */
const MAX_GROWTH = 16;

/** A next try should take a little longer than it must. */
const MARGIN = 1.25;

/** The part of the times that counts: the slowest ones were disturbed. */
const COUNTING = 0.5;

/** A function that records work, called often enough to be timed. */
export interface Sample {
  readonly run: () => void;
  readonly calls: number;
  /** What all calls took. */
  readonly milliseconds: number;
}

/** Times samples one after the other, in milliseconds. */
type Clock = (
  runtime: Runtime,
  samples: readonly Sample[],
) => Promise<number[]>;

function hasTimestamps({ gpu }: Runtime): boolean {
  return gpu.features.has("timestamp-query");
}

function clockOf(runtime: Runtime): Clock {
  return hasTimestamps(runtime) ? byTimestamps : byHost;
}

function lengthsOf(runtime: Runtime): typeof HOST {
  return hasTimestamps(runtime) ? TIMESTAMPS : HOST;
}

/** A sample that would take so long, or as it is if that is longer. */
function lengthened(sample: Sample, length: number, maxGrowth: number): Sample {
  const { run, calls, milliseconds } = sample;
  const growth = Math.min(maxGrowth, Math.max(1, length / milliseconds));
  const more = Math.min(MAX_CALLS, Math.ceil(calls * growth));
  return { run, calls: more, milliseconds: milliseconds * more / calls };
}

/**
 * Finds how often functions must be called to be timed roughly.
 *
 * @param runtime The device.
 * @param runs The functions, which record work.
 * @returns A sample of each.
 */
export async function findSamples(
  runtime: Runtime,
  runs: readonly (() => void)[],
): Promise<Sample[]> {
  const clock = clockOf(runtime);
  const { rough } = lengthsOf(runtime);
  const samples: Sample[] = runs.map((run) => ({
    ...{ run, calls: 1, milliseconds: 0 },
  }));
  let short = [...samples.keys()];
  while (short.length > 0) {
    const tried = short.map((i) => samples[i]);
    // Twice: the first call finds cold memory, and what else the machine does
    // must not pass for a long sample.
    const times = await clock(runtime, [...tried, ...tried]);
    short = short.filter((i, at) => {
      const { run, calls } = samples[i];
      const milliseconds = Math.min(times[at], times[at + tried.length]);
      samples[i] = { run, calls, milliseconds };
      return milliseconds < rough && calls < MAX_CALLS;
    });
    for (const i of short) {
      samples[i] = lengthened(samples[i], MARGIN * rough, MAX_GROWTH);
    }
  }
  return samples;
}

/**
 * Makes samples so long that they can be timed exactly.
 *
 * @param runtime The device.
 * @param samples What {@linkcode findSamples} found.
 * @returns Samples with more calls, and what they will take.
 */
export function refined(
  runtime: Runtime,
  samples: readonly Sample[],
): Sample[] {
  const { fine } = lengthsOf(runtime);
  return samples.map((sample) => lengthened(sample, fine, MAX_GROWTH));
}

/**
 * Times samples.
 *
 * @param runtime The device.
 * @param samples The samples.
 * @param rounds In how many rounds each of them has its turn.
 * @returns Milliseconds of one call of each.
 */
export async function timesInTurn(
  runtime: Runtime,
  samples: readonly Sample[],
  rounds: number,
): Promise<number[]> {
  const turns = Array.from({ length: rounds }, () => samples).flat();
  const times = await clockOf(runtime)(runtime, turns);
  const counted = Math.ceil(COUNTING * rounds);
  return samples.map(({ calls }, i) =>
    times.filter((_, turn) => turn % samples.length === i)
      .sort((a, b) => a - b).slice(0, counted)
      .reduce((sum, time) => sum + time, 0) / (counted * calls)
  );
}

async function byTimestamps(
  runtime: Runtime,
  samples: readonly Sample[],
): Promise<number[]> {
  const timer = await runtime.timeKernels(true);
  for (const [i, { run, calls }] of samples.entries()) {
    timer.call = i;
    for (let call = 0; call < calls; call++) run();
  }
  const { kernels = [] } = await timer.stop();
  const times = samples.map(() => 0);
  for (const { call, milliseconds } of kernels) times[call] += milliseconds;
  return times;
}

async function byHost(
  runtime: Runtime,
  samples: readonly Sample[],
): Promise<number[]> {
  const times: number[] = [];
  await runtime.synchronize();
  for (const { run, calls } of samples) {
    const start = performance.now();
    for (let call = 0; call < calls; call++) run();
    await runtime.synchronize();
    times.push(performance.now() - start);
  }
  return times;
}
