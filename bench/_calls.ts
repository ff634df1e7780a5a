/**
 * How many calls make a sample.
 *
 * @module
 */

/** A sample may be this part shorter than asked for. */
const TOLERATED = 0.1;

/**
 * Finds how often something must be called for a sample to take long enough.
 * The time of one call does not say it: waiting for a GPU takes milliseconds,
 * whatever it computed.
 *
 * @param sampleMilliseconds How long a sample should take at least.
 * @param time Makes so many calls and gives the milliseconds of all of them.
 * @returns The number of calls.
 */
export async function findCalls(
  sampleMilliseconds: number,
  time: (calls: number) => Promise<number>,
): Promise<number> {
  for (let calls = 1;;) {
    const share = await time(calls) / sampleMilliseconds;
    if (share >= 1 - TOLERATED) return calls;
    calls = Math.max(calls + 1, Math.ceil(calls / Math.max(share, 0.01)));
  }
}
