/** Matrix products of the cpu device. */

import type { Backend } from "../backend.ts";
import { runGemm, segmentsOf } from "./_gemm.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** The kernel of matrix products. */
export function matmul(
  runtime: Runtime,
): Pick<Backend<CpuBuffer>, "matmul"> {
  return {
    matmul(a, b, out, layout, bias, preActivation) {
      const { batch, m, n, k, transposeA, transposeB } = layout;
      // Products that share B are one product of more rows.
      const joined = batch > 1 && !transposeA && layout.bBatchStride === 0 &&
        layout.aBatchStride === m * k;
      const rows = joined ? batch * m : m;
      runGemm(runtime, {
        groups: joined ? 1 : batch,
        columns: n,
        a: {
          address: addressOf(a),
          groupStride: layout.aBatchStride,
          height: 1,
          width: rows,
          pixelStride: k,
          rowStep: 1,
          columnStep: 1,
          transposedStride: transposeA ? m : undefined,
        },
        b: {
          address: addressOf(b),
          groupStride: layout.bBatchStride,
          rowStride: transposeB ? 1 : n,
          columnStride: transposeB ? k : 1,
        },
        segments: [...segmentsOf(0, 0, k, 0, transposeB ? 1 : n)],
        bias: { address: addressOf(bias), groupStride: 0 },
        out: {
          address: addressOf(out),
          groupStride: m * n,
          images: 1,
          height: 1,
          width: rows,
          imageStride: 0,
          rowStride: 0,
          columnStride: n,
        },
        activation: layout.activation,
        preActivation: addressOf(preActivation),
      });
    },
  };
}
