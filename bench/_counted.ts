/**
 * What a benchmark asks of WebGPU, counted at the platform's own interface.
 *
 * @module
 */

import type { Benchmark } from "./_benchmark.ts";

/** What one call asked for, in the mean. */
export interface Counts {
  readonly dispatches: number;
  /** How often commands were handed over; what a call leaves behind goes with the next. */
  readonly submits: number;
  readonly readBacks: number;
}

/** A benchmark whose calls are counted. */
export interface CountedBenchmark extends Benchmark {
  /** Of the calls so far. */
  counts(): Counts;
}

/** Counts what the calls of a benchmark ask of WebGPU. */
export function counted(benchmark: Benchmark): CountedBenchmark {
  let calls = 0;
  const totals = { dispatches: 0, submits: 0, readBacks: 0 };
  const methods = [
    [GPUComputePassEncoder.prototype, "dispatchWorkgroups", "dispatches"],
    [GPUQueue.prototype, "submit", "submits"],
    [GPUBuffer.prototype, "mapAsync", "readBacks"],
  ] as const;
  /** Puts counters in front of the platform's methods; returns how to take them away. */
  const install = () => {
    const restores = methods.map(([owner, name, total]) => {
      const prototype = owner as unknown as Record<string, unknown>;
      const original = prototype[name] as (...args: unknown[]) => unknown;
      prototype[name] = function (this: unknown, ...args: unknown[]) {
        totals[total]++;
        return original.apply(this, args);
      };
      return () => prototype[name] = original;
    });
    return () => restores.forEach((restore) => restore());
  };
  return {
    ...benchmark,
    prepare(device) {
      const run = benchmark.prepare(device);
      return async () => {
        const restore = install();
        try {
          await run();
          calls++;
        } finally {
          restore();
        }
      };
    },
    counts: () => ({
      dispatches: totals.dispatches / calls,
      submits: totals.submits / calls,
      readBacks: totals.readBacks / calls,
    }),
  };
}
