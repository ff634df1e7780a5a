/**
 * How this project does the works that other libraries do too; needs no
 * packages from elsewhere.
 *
 * @module
 */

import type { Benchmark } from "./_benchmark.ts";
import { conv2dBenchmark } from "./conv2d.ts";
import { matmulBenchmark } from "./matmul.ts";
import { inferenceBenchmark, trainStepBenchmark } from "./networks.ts";
import { attentionBenchmark, operationBenchmark } from "./operations.ts";
import type { Work } from "./works.ts";

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
