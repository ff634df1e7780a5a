/**
 * All benchmarks.
 *
 * @module
 */

import type { Benchmark } from "./_benchmark.ts";
import { bertBenchmarks } from "./bert.ts";
import { conv2dBenchmarks } from "./conv2d.ts";
import { dataBenchmarks } from "./data.ts";
import { matmulBenchmarks } from "./matmul.ts";
import { optimizerBenchmarks } from "./optimizer.ts";
import { trainStepBenchmarks } from "./train_step.ts";

/** In the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  ...matmulBenchmarks,
  ...conv2dBenchmarks,
  ...dataBenchmarks,
  ...optimizerBenchmarks,
  ...trainStepBenchmarks,
  ...bertBenchmarks,
];
