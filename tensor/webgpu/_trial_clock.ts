/** The clock of trials: timestamp queries where the device has them, else the host's time until all is done. */

import type { Runtime } from "./_runtime.ts";

/**
 * How long a sample must be for its ends hardly to count, in milliseconds:
 * browsers round timestamps to 0.1, and a host waits up to 10 for a device.
 */
const TIMESTAMPS_SAMPLE = 5;
const HOST_SAMPLE = 40;

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

/**
 * Finds how often functions must be called to be timed.
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
  const enough = hasTimestamps(runtime) ? TIMESTAMPS_SAMPLE : HOST_SAMPLE;
  const samples: Sample[] = runs.map((run) => ({
    ...{ run, calls: 1, milliseconds: 0 },
  }));
  let short = [...samples.keys()];
  while (short.length > 0) {
    const tried = short.map((i) => samples[i]);
    // Twice: the first call finds cold memory, and what else the machine does
    // must not pass for a long sample.
    const first = await clock(runtime, tried);
    const second = await clock(runtime, tried);
    short = short.filter((i, at) => {
      const { run, calls } = samples[i];
      const milliseconds = Math.min(first[at], second[at]);
      samples[i] = { run, calls, milliseconds };
      return milliseconds < enough && calls < MAX_CALLS;
    });
    for (const i of short) {
      const { calls, milliseconds } = samples[i];
      const growth = Math.min(MAX_GROWTH, MARGIN * enough / milliseconds);
      samples[i] = {
        ...samples[i],
        calls: Math.min(MAX_CALLS, Math.ceil(calls * growth)),
      };
    }
  }
  return samples;
}

/**
 * Times samples.
 *
 * @param runtime The device.
 * @param samples What {@linkcode findSamples} found.
 * @param rounds In how many rounds each of them has its turn.
 * @returns Milliseconds of one call of each.
 */
export async function timesInTurn(
  runtime: Runtime,
  samples: readonly Sample[],
  rounds: number,
): Promise<number[]> {
  const clock = clockOf(runtime);
  const times: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    times.push(await clock(runtime, samples));
  }
  const counted = Math.ceil(COUNTING * rounds);
  return samples.map(({ calls }, i) =>
    times.map((round) => round[i]).sort((a, b) => a - b).slice(0, counted)
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
