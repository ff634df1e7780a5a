/** Softmax, cross-entropy and their gradients. */

import type { CrossEntropyLayout, MatrixLayout } from "../backend.ts";
import { elementsOf, type ReferenceView } from "./buffer.ts";
import { logSumExp, max } from "./reduce.ts";

type SoftmaxLayout = MatrixLayout & { readonly log: boolean };

export function softmax(
  x: ReferenceView,
  out: ReferenceView,
  { rows, columns, log }: SoftmaxLayout,
): void {
  const input = elementsOf(x);
  const target = elementsOf(out);
  for (let r = 0; r < rows; r++) {
    const row = Float64Array.from(rowOf(input, r, columns));
    const largest = max(row);
    let total = 0;
    for (const logit of row) total += Math.exp(logit - largest);
    for (let c = 0; c < columns; c++) {
      const shifted = row[c] - largest;
      target[r * columns + c] = log
        ? shifted - Math.log(total)
        : Math.exp(shifted) / total;
    }
  }
}

export function softmaxBackward(
  y: ReferenceView,
  dy: ReferenceView,
  dx: ReferenceView,
  { rows, columns, log }: SoftmaxLayout,
): void {
  const output = elementsOf(y);
  const gradient = elementsOf(dy);
  const target = elementsOf(dx);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let i = r * columns; i < (r + 1) * columns; i++) {
      sum += log ? gradient[i] : gradient[i] * output[i];
    }
    for (let i = r * columns; i < (r + 1) * columns; i++) {
      target[i] = log
        ? gradient[i] - Math.exp(output[i]) * sum
        : output[i] * (gradient[i] - sum);
    }
  }
}

export function crossEntropy(
  logits: ReferenceView,
  labels: ReferenceView,
  losses: ReferenceView,
  logSumExps: ReferenceView,
  layout: CrossEntropyLayout,
): void {
  const { rows, columns, labelSmoothing, ignoreIndex } = layout;
  const input = elementsOf(logits);
  const label = elementsOf(labels);
  const loss = elementsOf(losses);
  const totals = elementsOf(logSumExps);
  for (let r = 0; r < rows; r++) {
    const row = Float64Array.from(rowOf(input, r, columns));
    const total = logSumExp(row);
    totals[r] = total;
    if (label[r] === ignoreIndex) {
      loss[r] = 0;
    } else if (label[r] < 0 || label[r] >= columns) {
      loss[r] = NaN;
    } else {
      let sum = (1 - labelSmoothing) * (total - row[label[r]]);
      // Without smoothing, classes of probability 0 must not count: 0 · ∞ is NaN.
      if (labelSmoothing > 0) {
        for (const logit of row) {
          sum += labelSmoothing / columns * (total - logit);
        }
      }
      loss[r] = sum;
    }
  }
}

export function crossEntropyBackward(
  logits: ReferenceView,
  labels: ReferenceView,
  logSumExps: ReferenceView,
  dLosses: ReferenceView,
  dLogits: ReferenceView,
  layout: CrossEntropyLayout,
): void {
  const { rows, columns, labelSmoothing, ignoreIndex } = layout;
  const input = elementsOf(logits);
  const label = elementsOf(labels);
  const totals = elementsOf(logSumExps);
  const dLoss = elementsOf(dLosses);
  const target = elementsOf(dLogits);
  for (let r = 0; r < rows; r++) {
    const row = rowOf(target, r, columns);
    if (label[r] === ignoreIndex) {
      row.fill(0);
    } else if (label[r] < 0 || label[r] >= columns) {
      row.fill(NaN);
    } else {
      for (let c = 0; c < columns; c++) {
        const probability = Math.exp(input[r * columns + c] - totals[r]);
        const wanted = labelSmoothing / columns +
          (c === label[r] ? 1 - labelSmoothing : 0);
        row[c] = dLoss[r] * (probability - wanted);
      }
    }
  }
}

function rowOf<T extends { subarray(begin: number, end: number): T }>(
  matrix: T,
  row: number,
  columns: number,
): T {
  return matrix.subarray(row * columns, (row + 1) * columns);
}
