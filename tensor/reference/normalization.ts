/** Batch and layer normalization and their gradients. */

import type {
  BatchNormBackward,
  BatchNormInference,
  BatchNormTraining,
  LayerNorm,
  LayerNormBackward,
  MatrixLayout,
} from "../backend.ts";
import { elementsOf, type ReferenceBuffer } from "./buffer.ts";

/** Mean and biased variance of `count` elements. */
function moments(
  count: number,
  element: (i: number) => number,
): { mean: number; variance: number } {
  let mean = 0;
  for (let i = 0; i < count; i++) mean += element(i);
  mean /= count;
  let variance = 0;
  for (let i = 0; i < count; i++) variance += (element(i) - mean) ** 2;
  return { mean, variance: variance / count };
}

/** S. Ioffe and C. Szegedy, arXiv:1502.03167, algorithm 1. */
export function batchNormTraining(
  views: BatchNormTraining<ReferenceBuffer>,
  { rows, columns }: MatrixLayout,
): void {
  const x = elementsOf(views.x);
  const scale = elementsOf(views.scale);
  const bias = elementsOf(views.bias);
  const residual = views.residual && elementsOf(views.residual);
  const out = elementsOf(views.out);
  const means = elementsOf(views.mean);
  const rstds = elementsOf(views.rstd);
  for (let c = 0; c < columns; c++) {
    const { mean, variance } = moments(rows, (r) => x[r * columns + c]);
    const rstd = 1 / Math.sqrt(variance + views.epsilon);
    means[c] = mean;
    rstds[c] = rstd;
    for (let r = 0; r < rows; r++) {
      const i = r * columns + c;
      const y = (x[i] - mean) * rstd * scale[c] + bias[c] +
        (residual?.[i] ?? 0);
      out[i] = views.relu ? Math.max(y, 0) : y;
    }
    if (views.running) {
      const { momentum } = views.running;
      const runningMean = elementsOf(views.running.mean);
      const runningVariance = elementsOf(views.running.variance);
      const unbiased = variance * rows / Math.max(rows - 1, 1);
      runningMean[c] += momentum * (mean - runningMean[c]);
      runningVariance[c] += momentum * (unbiased - runningVariance[c]);
    }
  }
}

export function batchNormBackward(
  views: BatchNormBackward<ReferenceBuffer>,
  { rows, columns }: MatrixLayout,
): void {
  const x = elementsOf(views.x);
  const y = views.y && elementsOf(views.y);
  const dy = elementsOf(views.dy);
  const scale = elementsOf(views.scale);
  const mean = elementsOf(views.mean);
  const rstd = elementsOf(views.rstd);
  const dx = elementsOf(views.dx);
  const dScales = elementsOf(views.dScale);
  const dBiases = elementsOf(views.dBias);
  const dResidual = views.dResidual && elementsOf(views.dResidual);
  const gradient = (i: number): number => y && !(y[i] > 0) ? 0 : dy[i];
  for (let c = 0; c < columns; c++) {
    const normalized = (i: number): number => (x[i] - mean[c]) * rstd[c];
    let dScale = 0;
    let dBias = 0;
    for (let r = 0; r < rows; r++) {
      const i = r * columns + c;
      dScale += gradient(i) * normalized(i);
      dBias += gradient(i);
    }
    for (let r = 0; r < rows; r++) {
      const i = r * columns + c;
      dx[i] = scale[c] * rstd[c] *
        (gradient(i) - dBias / rows - normalized(i) * dScale / rows);
      if (dResidual) dResidual[i] = gradient(i);
    }
    dScales[c] = dScale;
    dBiases[c] = dBias;
  }
}

export function batchNormInference(
  views: BatchNormInference<ReferenceBuffer>,
  { rows, columns }: MatrixLayout,
): void {
  const x = elementsOf(views.x);
  const scale = elementsOf(views.scale);
  const bias = elementsOf(views.bias);
  const residual = views.residual && elementsOf(views.residual);
  const out = elementsOf(views.out);
  const mean = elementsOf(views.mean);
  const variance = elementsOf(views.variance);
  for (let i = 0; i < rows * columns; i++) {
    const c = i % columns;
    const normalized = (x[i] - mean[c]) /
      Math.sqrt(variance[c] + views.epsilon);
    const y = normalized * scale[c] + bias[c] + (residual?.[i] ?? 0);
    out[i] = views.relu ? Math.max(y, 0) : y;
  }
}

/** J. Ba, J. Kiros, G. Hinton, arXiv:1607.06450. */
export function layerNorm(
  views: LayerNorm<ReferenceBuffer>,
  { rows, columns }: MatrixLayout,
): void {
  const x = elementsOf(views.x);
  const residual = views.residual && elementsOf(views.residual);
  const scale = elementsOf(views.scale);
  const bias = elementsOf(views.bias);
  const out = elementsOf(views.out);
  const sum = views.sum && elementsOf(views.sum);
  const means = elementsOf(views.mean);
  const rstds = elementsOf(views.rstd);
  for (let r = 0; r < rows; r++) {
    // What is normalized is what the gradient sees: the sum as it is stored.
    if (sum && residual) {
      for (let i = r * columns; i < (r + 1) * columns; i++) {
        sum[i] = x[i] + residual[i];
      }
    }
    const element = (c: number): number => (sum ?? x)[r * columns + c];
    const { mean, variance } = moments(columns, element);
    const rstd = 1 / Math.sqrt(variance + views.epsilon);
    means[r] = mean;
    rstds[r] = rstd;
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c;
      out[i] = (element(c) - mean) * rstd * scale[c] + bias[c];
    }
  }
}

export function layerNormBackward(
  views: LayerNormBackward<ReferenceBuffer>,
  { rows, columns }: MatrixLayout,
): void {
  const x = elementsOf(views.x);
  const dy = elementsOf(views.dy);
  const scale = elementsOf(views.scale);
  const mean = elementsOf(views.mean);
  const rstd = elementsOf(views.rstd);
  const dx = elementsOf(views.dx);
  const dScale = new Float64Array(columns);
  const dBias = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    const normalized = (i: number): number => (x[i] - mean[r]) * rstd[r];
    let sumOfGradients = 0;
    let sumOfProducts = 0;
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c;
      dScale[c] += dy[i] * normalized(i);
      dBias[c] += dy[i];
      sumOfGradients += dy[i] * scale[c];
      sumOfProducts += dy[i] * scale[c] * normalized(i);
    }
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c;
      dx[i] = rstd[r] *
        (dy[i] * scale[c] - sumOfGradients / columns -
          normalized(i) * sumOfProducts / columns);
    }
  }
  elementsOf(views.dScale).set(dScale);
  elementsOf(views.dBias).set(dBias);
}
