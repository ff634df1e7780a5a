/** Matrix products. */

import type { Activation, MatmulLayout } from "../backend.ts";
import { elementsOf, type ReferenceView } from "./buffer.ts";
import { gelu, geluTanh } from "./elementwise.ts";

const ACTIVATIONS: Readonly<Record<Activation, (x: number) => number>> = {
  relu: (x) => Math.max(x, 0),
  gelu,
  geluTanh,
  tanh: Math.tanh,
};

export function matmul(
  a: ReferenceView,
  b: ReferenceView,
  out: ReferenceView,
  layout: MatmulLayout,
  bias: ReferenceView | undefined,
  preActivation: ReferenceView | undefined,
): void {
  const { batch, m, n, k, transposeA, transposeB, activation } = layout;
  const left = elementsOf(a);
  const right = elementsOf(b);
  const target = elementsOf(out);
  const shift = bias && elementsOf(bias);
  const before = preActivation && elementsOf(preActivation);
  const [aRow, aColumn] = transposeA ? [1, m] : [k, 1];
  const [bRow, bColumn] = transposeB ? [1, k] : [n, 1];
  for (let p = 0; p < batch; p++) {
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        const aStart = p * layout.aBatchStride + row * aRow;
        const bStart = p * layout.bBatchStride + column * bColumn;
        for (let i = 0; i < k; i++) {
          sum += left[aStart + i * aColumn] * right[bStart + i * bRow];
        }
        if (shift) sum += shift[column];
        const index = (p * m + row) * n + column;
        if (before) before[index] = sum;
        target[index] = activation ? ACTIVATIONS[activation](sum) : sum;
      }
    }
  }
}
