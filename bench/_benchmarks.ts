/**
 * All benchmarks.
 *
 * @module
 */

import type { Benchmark } from "./_benchmark.ts";
import { dataBenchmarks } from "./data.ts";
import { hostBenchmarks } from "./host.ts";
import { optimizerBenchmarks } from "./optimizer.ts";
import { benchmarkOf } from "./_work_benchmark.ts";
import { WORKS } from "./works.ts";

/** In the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  ...WORKS.map(benchmarkOf),
  ...dataBenchmarks,
  ...optimizerBenchmarks,
  ...hostBenchmarks,
];
