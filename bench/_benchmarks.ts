/**
 * All benchmarks.
 *
 * @module
 */

import type { Benchmark } from "./_benchmark.ts";
import { conv2dBenchmark } from "./conv2d.ts";
import { dataBenchmarks } from "./data.ts";
import { matmulBenchmark } from "./matmul.ts";
import { hostBenchmarks } from "./host.ts";
import { inferenceBenchmark, trainStepBenchmark } from "./networks.ts";
import { attentionBenchmark, operationBenchmark } from "./operations.ts";
import { optimizerBenchmarks } from "./optimizer.ts";
import { type Work, WORKS } from "./works.ts";

/** How this project does a work. */
export function benchmarkOf(work: Work): Benchmark {
  switch (work.kind) {
    case "matmul":
      return matmulBenchmark(work);
    case "conv2d":
      return conv2dBenchmark(work);
    case "attention":
      return attentionBenchmark(work);
    case "train-step":
      return trainStepBenchmark(work);
    case "inference":
      return inferenceBenchmark(work);
    default:
      return operationBenchmark(work);
  }
}

/** In the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  ...WORKS.map(benchmarkOf),
  ...dataBenchmarks,
  ...optimizerBenchmarks,
  ...hostBenchmarks,
];
