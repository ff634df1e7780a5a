/** The clock of trials: timestamp queries where the device has them, else the host's time of many calls. */

import type { Runtime } from "./_runtime.ts";

/** What many calls must take so that waiting for the device hardly counts, in milliseconds. */
const WALL_MILLISECONDS = 40;
const MAX_CALLS = 1024;

/** Rounds that are enough by the host's clock, because each has many calls. */
const MAX_HOST_ROUNDS = 3;

/** The part of the times that counts: the slowest ones were disturbed. */
const COUNTING = 0.5;

/**
 * Times functions that record work.
 *
 * @param runtime The device.
 * @param runs The functions.
 * @param rounds In how many rounds each of them has its turn at most.
 * @returns Milliseconds of one call of each.
 */
export async function timesInTurn(
  runtime: Runtime,
  runs: readonly (() => void)[],
  rounds: number,
): Promise<number[]> {
  const times = runtime.gpu.features.has("timestamp-query")
    ? await byTimestamps(runtime, runs, rounds)
    : await byHost(runtime, runs, Math.min(rounds, MAX_HOST_ROUNDS));
  return times.map((own) => {
    const counting = own.toSorted((a, b) => a - b)
      .slice(0, Math.ceil(COUNTING * own.length));
    return counting.reduce((sum, time) => sum + time, 0) / counting.length;
  });
}

async function byTimestamps(
  runtime: Runtime,
  runs: readonly (() => void)[],
  rounds: number,
): Promise<number[][]> {
  const timer = await runtime.timeKernels();
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of runs.entries()) {
      timer.call = round * runs.length + i;
      run();
    }
  }
  const { kernels = [] } = await timer.stop();
  const times = runs.map(() => new Array<number>(rounds).fill(0));
  for (const { call, milliseconds } of kernels) {
    times[call % runs.length][Math.floor(call / runs.length)] += milliseconds;
  }
  return times;
}

async function byHost(
  runtime: Runtime,
  runs: readonly (() => void)[],
  rounds: number,
): Promise<number[][]> {
  const timed = async (run: () => void, calls: number) => {
    await runtime.synchronize();
    const start = performance.now();
    for (let call = 0; call < calls; call++) run();
    await runtime.synchronize();
    return performance.now() - start;
  };
  const calls: number[] = [];
  for (const run of runs) {
    let count = 1;
    // Twice: what else the machine does must not pass for a long run.
    while (
      count < MAX_CALLS &&
      (await timed(run, count) < WALL_MILLISECONDS ||
        await timed(run, count) < WALL_MILLISECONDS)
    ) count *= 4;
    calls.push(count);
  }
  const times: number[][] = runs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of runs.entries()) {
      times[i].push(await timed(run, calls[i]) / calls[i]);
    }
  }
  return times;
}
