/**
 * Matrix products.
 *
 * @module
 */

import { matmul } from "@cram/tensor";
import type { Benchmark } from "./_benchmark.ts";
import { uniformTensor } from "./_uniform_tensor.ts";
import type { MatmulWork } from "./works.ts";

/** How this project does it. */
export function matmulBenchmark(work: MatmulWork): Benchmark {
  const { name, flops, m, n, k, transposeA, transposeB } = work;
  return {
    name,
    flops,
    prepare(device) {
      const a = uniformTensor(device, 1, transposeA ? [k, m] : [m, k]);
      const b = uniformTensor(device, 2, transposeB ? [n, k] : [k, n]);
      return () => matmul(a, b, { transposeA, transposeB });
    },
  };
}
