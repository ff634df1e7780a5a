/**
 * Matrix products.
 *
 * @module
 */

import { cast, matmul } from "@cram/tensor";
import type { Benchmark } from "./_benchmark.ts";
import { uniformTensor } from "./_uniform_tensor.ts";
import type { MatmulWork } from "./works.ts";

/** How this project does it. */
export function matmulBenchmark(work: MatmulWork): Benchmark {
  const { name, flops, m, n, k, transposeA, transposeB } = work;
  const { precision = "float32" } = work;
  return {
    name,
    flops,
    prepare(device) {
      const factor = (seed: number, shape: number[]) =>
        cast(uniformTensor(device, seed, shape), precision);
      const a = factor(1, transposeA ? [k, m] : [m, k]);
      const b = factor(2, transposeB ? [n, k] : [k, n]);
      return () => matmul(a, b, { transposeA, transposeB });
    },
  };
}
