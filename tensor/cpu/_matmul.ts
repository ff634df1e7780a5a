/** Matrix products of the cpu device. */

import type { Backend, MatmulLayout } from "../backend.ts";
import {
  activationNumber,
  runGemm,
  segmentLength,
  segmentsOf,
} from "./_gemm.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** With so few rows, B is not packed. */
const FEW_ROWS = 4;

/** Where the views of a product are; 0 if absent. */
interface Addresses {
  readonly a: number;
  readonly b: number;
  readonly out: number;
  readonly bias: number;
  readonly preActivation: number;
}

/** The kernel of matrix products. */
export function matmul(
  runtime: Runtime,
): Pick<Backend<CpuBuffer>, "matmul"> {
  return {
    matmul(aView, bView, outView, layout, biasView, preActivationView) {
      const [a, b, out, bias, preActivation] = [
        ...[aView, bView, outView, biasView, preActivationView],
      ].map(addressOf);
      const addresses = { a, b, out, bias, preActivation };
      if (layout.n === 1) {
        const turned = turn(layout);
        runSkinny(runtime, { ...addresses, a: b, b: a }, turned, 0);
      } else if (!layout.transposeA) {
        runProduct(runtime, addresses, layout);
      } else {
        withTransposedA(runtime, addresses, layout, runProduct);
      }
    },
  };
}

/** A product of a matrix and a vector as that of the vector and the transposed matrix. */
function turn(layout: MatmulLayout): MatmulLayout {
  return {
    ...layout,
    m: 1,
    n: layout.m,
    aBatchStride: layout.bBatchStride,
    bBatchStride: layout.aBatchStride,
    transposeA: false,
    transposeB: !layout.transposeA,
  };
}

/** Brings A from `[k, m]` to `[m, k]`. */
function withTransposedA(
  runtime: Runtime,
  addresses: Addresses,
  layout: MatmulLayout,
  body: typeof runProduct,
): void {
  const { m, k, aBatchStride } = layout;
  const matrices = aBatchStride === 0 ? 1 : layout.batch;
  const size = matrices * m * k;
  runtime.withScratch(size * 4, (a) => {
    runtime.run(
      "transposeMatrices",
      [addresses.a, a, matrices, k, m],
      runtime.parts(size, matrices * Math.ceil(m / 64)),
    );
    body(runtime, { ...addresses, a }, { ...layout, transposeA: false });
  });
}

/** Runs a product with A as it is. */
function runProduct(
  runtime: Runtime,
  addresses: Addresses,
  layout: MatmulLayout,
): void {
  const { batch, m, n, k, transposeB, aBatchStride, bBatchStride } = layout;
  if (batch > 1 && bBatchStride === 0 && aBatchStride === m * k) {
    // Products that share B are one product of more rows.
    const joined = { ...layout, batch: 1, m: batch * m };
    runProduct(runtime, addresses, joined);
    return;
  }
  if (m <= FEW_ROWS) {
    runSkinny(runtime, addresses, layout, 1);
    return;
  }
  runGemm(runtime, {
    groups: batch,
    columns: n,
    a: {
      address: addresses.a,
      groupStride: aBatchStride,
      height: 1,
      width: m,
      pixelStride: k,
      rowStep: 1,
      columnStep: 1,
    },
    b: {
      address: addresses.b,
      groupStride: bBatchStride,
      rowStride: transposeB ? 1 : n,
      columnStride: transposeB ? k : 1,
    },
    segments: [
      ...segmentsOf(0, 0, k, 0, transposeB ? 1 : n, segmentLength(k, 1)),
    ],
    bias: { address: addresses.bias, groupStride: 0 },
    out: {
      address: addresses.out,
      groupStride: m * n,
      images: 1,
      height: 1,
      width: m,
      imageStride: 0,
      rowStride: 0,
      columnStride: n,
    },
    activation: layout.activation,
    preActivation: addresses.preActivation,
  });
}

/** Runs a product of few rows; `biasStride` is 0 if the bias is one number. */
function runSkinny(
  runtime: Runtime,
  { a, b, out, bias, preActivation }: Addresses,
  layout: MatmulLayout,
  biasStride: number,
): void {
  const { batch, m, n, k, aBatchStride, bBatchStride, transposeB } = layout;
  runtime.run(
    "skinny",
    [
      ...[a, b, out, bias, preActivation, activationNumber(layout.activation)],
      ...[batch, m, n, k, aBatchStride, bBatchStride],
      ...[transposeB ? 1 : 0, biasStride],
    ],
    runtime.parts(batch * m * n * k / 4, batch * Math.ceil(n / 64)),
  );
}
