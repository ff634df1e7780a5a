/** Batched matrix products. */

import type { MatmulLayout } from "../backend.ts";
import type { GpuView } from "./_buffer.ts";
import { runGemm } from "./_gemm.ts";
import type { GemmSource } from "./_gemm_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const SOURCE: GemmSource = {
  name: "matmul",
  uniforms: { a_batch: "u32", a_row: "u32", b_batch: "u32" },
  declarations: `
fn a_row(problem: u32, row: u32) -> Row {
  return Row(problem * u.a_batch + row * u.a_row, 0, 0, 0u, 0u);
}
fn a_run(row: Row, segment: u32) -> Run {
  return Run(row.base, 0u, u.length);
}
fn b_start(problem: u32, segment: u32) -> u32 {
  return problem * u.b_batch;
}
fn row_exists(row: u32) -> bool {
  return true;
}
fn out_start(problem: u32, row: u32) -> u32 {
  return (problem * u.m + row) * u.n;
}
`,
};

/** `out[b] = activation(A[b] · B[b] + bias)`. */
export function matmul(
  runtime: Runtime,
  a: GpuView,
  b: GpuView,
  out: GpuView,
  layout: MatmulLayout,
  bias: GpuView | undefined,
  preActivation: GpuView | undefined,
): void {
  const { batch, m, n, k, aBatchStride, bBatchStride } = layout;
  const { transposeA, transposeB, activation } = layout;
  const aligned = (step: number, batchStep: number) =>
    step % 4 === 0 && (batch === 1 || batchStep % 4 === 0);
  const part = (first: number, problems: number, row: number, rows: number) => {
    const aStart = first * aBatchStride + row * (transposeA ? 1 : k);
    const aSize = (problems - 1) * aBatchStride +
      (transposeA ? (k - 1) * m + rows : rows * k);
    const bSize = (problems - 1) * bBatchStride + k * n;
    const cut = (view: GpuView) =>
      rowsOf(view, n, first * m + row, problems * rows);
    const sizes = {
      problems,
      m: rows,
      n,
      rowsAlike: rows,
      segments: 1,
      length: k,
    };
    runGemm(
      runtime,
      {
        source: SOURCE,
        sizes,
        parts: () => [{
          m: rows,
          segments: 1,
          uniforms: {
            a_batch: aBatchStride,
            a_row: transposeA ? 1 : k,
            b_batch: bBatchStride,
          },
        }],
        a: rowsOf(a, 1, aStart, Math.max(0, aSize)),
        aAlong: transposeA ? "m" : "k",
        aVector: aligned(transposeA ? m : k, aBatchStride),
        aMasked: false,
        aStepK: transposeA ? m : 1,
        b: rowsOf(b, 1, first * bBatchStride, bSize),
        bAlong: transposeB ? "k" : "n",
        bVector: aligned(transposeB ? k : n, bBatchStride),
        bStep: transposeB ? k : n,
        out: cut(out),
        outVector: n % 4 === 0,
        bias,
        biasStep: 0,
        activation,
        preActivation: preActivation && cut(preActivation),
      },
    );
  };
  // Ranges of A and of the result that fit one binding; B comes in several if it must.
  const rowBytes = 4 * Math.max(n, k);
  forRowRanges(batch, m * rowBytes, runtime.binding, (first, problems) => {
    if (problems > 1) {
      part(first, problems, 0, m);
    } else {
      forRowRanges(m, rowBytes, runtime.binding, (row, rows) => {
        part(first, 1, row, rows);
      });
    }
  });
}
