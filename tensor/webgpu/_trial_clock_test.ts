import { assertEquals } from "@std/assert";
import { fill } from "./_fill.ts";
import type { Runtime } from "./_runtime.ts";
import { testOnWebGpu, viewOfValues } from "./_testing.ts";
import { findSamples, refined, timesInTurn } from "./_trial_clock.ts";

// With the adapter's limits there are timestamps, with the default ones there are none.
testOnWebGpu(
  "timesInTurn() tells long work from short",
  async ({ runtime }) => {
    const view = viewOfValues(runtime, new Float32Array(2 ** 16));
    const fills = (count: number) => () => {
      for (let i = 0; i < count; i++) fill(runtime, view, i);
    };
    const samples = await findSamples(runtime, [fills(1), fills(80)]);
    const longer = refined(runtime, samples);
    const [short, long] = await timesInTurn(runtime, longer, 3);
    assertEquals(
      short > 0 && long > 3 * short,
      true,
      `${short} and ${long} ms`,
    );
  },
);

/** What browsers round to, in milliseconds. */
const ROUNDED = 0.1;

/** A device whose clock is rounded as in browsers, and functions that keep it busy for so many milliseconds. */
function roundingDevice() {
  let now = 0;
  let busy = 0;
  let record = (_begin: number, _end: number) => {};
  const round = (time: number) => ROUNDED * Math.floor(time / ROUNDED);
  const timeKernels = () => {
    // Between batches the device idles for some time.
    now += 1.037;
    const spans: { begin: number; end: number }[] = [];
    const timer = {
      call: 0,
      stop: () => ({
        kernels: spans.map(({ begin, end }, call) => ({
          ...{ call, milliseconds: round(end) - round(begin) },
        })),
      }),
    };
    record = (begin, end) => {
      spans[timer.call] ??= { begin, end };
      spans[timer.call].end = end;
    };
    return Promise.resolve(timer);
  };
  const gpu = { features: new Set(["timestamp-query"]) };
  return {
    runtime: { gpu, timeKernels } as unknown as Runtime,
    run: (milliseconds: number) => () => {
      busy += milliseconds;
      now += milliseconds;
      record(now - milliseconds, now);
    },
    busy: () => busy,
  };
}

Deno.test("kernels that are shorter than what the clock is rounded to are told apart, in a bounded time", async () => {
  const { runtime, run, busy } = roundingDevice();
  const expected = [0.02, 0.0212, 0.19, 0.2, 30];
  const samples = await findSamples(runtime, expected.map(run));
  const longer = refined(runtime, samples);
  const times = await timesInTurn(runtime, longer, 3);
  for (const [i, time] of times.entries()) {
    // A sample of 5 ms is rounded by 0.1 at most.
    const error = Math.abs(time / expected[i] - 1);
    assertEquals(error <= 0.02, true, `${time} ms for ${expected[i]}`);
  }
  assertEquals(longer[4].calls, 1);
  // Two rough samples to find them, of at most twice 1 ms, and shorter ones before; three of about 5 to time them.
  assertEquals(busy() < 4 * (2 * 4 + 3 * 6) + 5 * 30, true, `${busy()} ms`);
});

testOnWebGpu(
  "kernels of a call that are submitted together are timed as one",
  async ({ runtime }) => {
    const view = viewOfValues(runtime, new Float32Array(2 ** 10));
    const timer = await runtime.timeKernels(true);
    for (const call of [0, 1, 1, 1, 2, 2]) {
      timer.call = call;
      fill(runtime, view, call);
      // What is submitted has its times; what follows needs others.
      if (call === 2) runtime.queue.flush();
    }
    const { kernels, submissions } = await timer.stop();
    assertEquals(kernels?.map(({ call }) => call), [0, 1, 2, 2]);
    assertEquals(submissions.map(({ kernels }) => kernels), [5, 1]);
    for (const { begin } of kernels!) assertEquals(begin > 0, true);
  },
  { limits: "native" },
);
