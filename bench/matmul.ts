/**
 * Matrix products.
 *
 * @module
 */

import { matmul, randomUniform } from "@cram/tensor";
import type { Benchmark } from "./_benchmark.ts";

function product(
  name: string,
  m: number,
  n: number,
  k: number,
  transposeA = false,
  transposeB = false,
): Benchmark {
  return {
    name: `matmul/${name}`,
    flops: 2 * m * n * k,
    prepare(device) {
      const a = randomUniform(device, transposeA ? [k, m] : [m, k], {
        seed: 1n,
      });
      const b = randomUniform(device, transposeB ? [n, k] : [k, n], {
        seed: 2n,
      });
      return () => void matmul(a, b, { transposeA, transposeB });
    },
  };
}

/** Square products, and those of BERT-base's feed-forward layer at 4 × 384 tokens. */
export const matmulBenchmarks: readonly Benchmark[] = [
  product("512", 512, 512, 512),
  product("1024", 1024, 1024, 1024),
  product("1024/transposed-a", 1024, 1024, 1024, true, false),
  product("1024/transposed-b", 1024, 1024, 1024, false, true),
  product("1536x3072x768", 1536, 3072, 768),
];
