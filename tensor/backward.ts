/**
 * The kernels of gradients, as functions of tensors, for authors of gradient
 * rules. They are not announced to an observer; where a rule needs an ordinary
 * operation too, it runs with the observer unset (`setOpObserver`).
 *
 * Arguments come from an announcement: the saved tensors and attributes of
 * `OpRecord`, with which the forward operation has checked them, and a
 * gradient of the shape of its output. They are not checked again.
 *
 * @module
 */

import type {
  AttentionLayout,
  BinaryOp,
  ConvGeometry,
  CrossEntropyLayout,
  MatmulLayout,
  PoolGeometry,
  RandomState,
} from "./backend.ts";
import { broadcastLayout } from "./_broadcast.ts";
import type { DType } from "./dtype.ts";
import { computeDropout } from "./_dropout.ts";
import { computeBinary } from "./_elementwise.ts";
import { computeMatmul } from "./_matmul.ts";
import { axisLayout, computeReduce } from "./_reduce.ts";
import { produce, produceAll } from "./_run.ts";
import { copyStrided } from "./_strided.ts";
import { matrixLayout } from "./_matrix.ts";
import { type Shape, stridesOf } from "./shape.ts";
import { storageOf, type Tensor, viewOf } from "./tensor.ts";

/**
 * Adds a gradient to another one, in its memory.
 *
 * @param target The sum so far; overwritten.
 * @param x What is added, of the same shape and dtype.
 */
export function addInPlace(target: Tensor, x: Tensor): void {
  if (target.size === 0) return;
  const sum = viewOf(target);
  target.device.backend.binary(
    "add",
    sum,
    viewOf(x),
    sum,
    broadcastLayout(target.shape, [target.shape, x.shape]),
  );
  storageOf(target).version++;
}

/**
 * The sum of a gradient over axes that an operand was stretched along.
 *
 * @param gradient The gradient in the broadcast shape.
 * @param axes The axes, ascending.
 * @param dtype The operand's dtype: the gradient's, or `float32` of a `float16` gradient.
 * @returns The sum, without the axes.
 */
export function sumBroadcast(
  gradient: Tensor,
  axes: readonly number[],
  dtype: DType,
): Tensor {
  return computeReduce("sum", gradient, axes, false, dtype);
}

/**
 * The gradient of `relu`.
 *
 * @param y The saved output.
 * @param dy The gradient of the output.
 * @returns The gradient of the input: dy where y > 0, else 0.
 */
export function reluGradient(y: Tensor, dy: Tensor): Tensor {
  return computeBinary("reluGradient", y, dy);
}

/**
 * The gradient of `tanh`.
 *
 * @param y The saved output.
 * @param dy The gradient of the output.
 * @returns The gradient of the input: dy · (1 - y²).
 */
export function tanhGradient(y: Tensor, dy: Tensor): Tensor {
  return computeBinary("tanhGradient", y, dy);
}

/**
 * The gradient of `sigmoid`.
 *
 * @param y The saved output.
 * @param dy The gradient of the output.
 * @returns The gradient of the input: dy · y · (1 - y).
 */
export function sigmoidGradient(y: Tensor, dy: Tensor): Tensor {
  return computeBinary("sigmoidGradient", y, dy);
}

/**
 * The gradient of `gelu`.
 *
 * @param x The saved input (of a matrix product: its preActivation).
 * @param dy The gradient of the output.
 * @param approximate Which of the two functions, as announced.
 * @returns The gradient of the input.
 */
export function geluGradient(
  x: Tensor,
  dy: Tensor,
  approximate: "none" | "tanh",
): Tensor {
  const op: BinaryOp = approximate === "tanh"
    ? "geluTanhGradient"
    : "geluGradient";
  return computeBinary(op, x, dy);
}

/**
 * The gradient of `slice`.
 *
 * @param dy The gradient of the part.
 * @param shape The shape of the input.
 * @param starts Where the part begins, as announced.
 * @param steps Its steps, as announced.
 * @returns The gradient of the input: dy in its place, 0 elsewhere.
 */
export function sliceBackward(
  dy: Tensor,
  shape: Shape,
  starts: readonly number[],
  steps: readonly number[],
): Tensor {
  const { backend } = dy.device;
  return produce(dy.device, "sliceBackward", shape, dy.dtype, (out) => {
    backend.fill(out, 0);
    const strides = stridesOf(shape);
    copyStrided(viewOf(dy), out, {
      shape: dy.shape,
      sourceOffset: 0,
      sourceStrides: stridesOf(dy.shape),
      targetOffset: starts.reduce((sum, s, axis) => sum + s * strides[axis], 0),
      targetStrides: strides.map((stride, axis) => stride * steps[axis]),
    }, backend);
  });
}

/**
 * The gradient of `gather`.
 *
 * @param dy The gradient of the slices.
 * @param indices The saved indices, one-dimensional.
 * @param shape The shape of the input.
 * @param axis The axis, as announced.
 * @returns The gradient of the input: at each index the sum of its slices.
 */
export function gatherBackward(
  dy: Tensor,
  indices: Tensor,
  shape: Shape,
  axis: number,
): Tensor {
  const { backend } = dy.device;
  return produce(dy.device, "gatherBackward", shape, dy.dtype, (out) => {
    backend.fill(out, 0);
    if (dy.size === 0) return;
    backend.scatterAdd(viewOf(indices), viewOf(dy), out, {
      ...axisLayout(shape, axis),
      count: indices.size,
    });
  });
}

/**
 * The gradient of the left factor of `matmul`.
 *
 * @param dy The gradient of the product before its activation.
 * @param b The saved right factor.
 * @param shape The shape of the left factor.
 * @param layout The layout, as announced.
 * @returns The gradient of the left factor.
 */
export function matmulBackwardA(
  dy: Tensor,
  b: Tensor,
  shape: Shape,
  layout: MatmulLayout,
): Tensor {
  const { batch, m, n, k, aBatchStride, bBatchStride, transposeA, transposeB } =
    layout;
  const gradient = transposeA
    ? computeMatmul(b, dy, [batch, k, m], {
      ...{ batch, m: k, n: m, k: n, activation: undefined },
      ...{ aBatchStride: bBatchStride, bBatchStride: m * n },
      ...{ transposeA: transposeB, transposeB: true },
    })
    : computeMatmul(dy, b, [batch, m, k], {
      ...{ batch, m, n: k, k: n, activation: undefined },
      ...{ aBatchStride: m * n, bBatchStride },
      ...{ transposeA: false, transposeB: !transposeB },
    });
  return sumShared(gradient, shape, aBatchStride);
}

/**
 * The gradient of the right factor of `matmul`.
 *
 * @param a The saved left factor.
 * @param dy The gradient of the product before its activation.
 * @param shape The shape of the right factor.
 * @param layout The layout, as announced.
 * @returns The gradient of the right factor.
 */
export function matmulBackwardB(
  a: Tensor,
  dy: Tensor,
  shape: Shape,
  layout: MatmulLayout,
): Tensor {
  const { batch, m, n, k, aBatchStride, bBatchStride, transposeA, transposeB } =
    layout;
  const gradient = transposeB
    ? computeMatmul(dy, a, [batch, n, k], {
      ...{ batch, m: n, n: k, k: m, activation: undefined },
      ...{ aBatchStride: m * n, bBatchStride: aBatchStride },
      ...{ transposeA: true, transposeB: transposeA },
    })
    : computeMatmul(a, dy, [batch, k, n], {
      ...{ batch, m: k, n, k: m, activation: undefined },
      ...{ aBatchStride, bBatchStride: m * n },
      ...{ transposeA: !transposeA, transposeB: false },
    });
  return sumShared(gradient, shape, bBatchStride);
}

/** The gradients of each product, summed over the batch if all products share the factor. */
function sumShared(gradient: Tensor, shape: Shape, stride: number): Tensor {
  using products = gradient;
  if (stride > 0 || products.shape[0] === 1) return products.view(0, shape);
  using sum = computeReduce("sum", products, [0], false);
  return sum.view(0, shape);
}

/**
 * The gradient of the input of `conv2d`.
 *
 * @param dy The gradient of the output, `[N, OH, OW, O]`.
 * @param weight The saved weight, `[KH, KW, C / groups, O]`.
 * @param geometry The sizes, as announced.
 * @returns The gradient of the input, `[N, H, W, C]`.
 */
export function conv2dBackwardInput(
  dy: Tensor,
  weight: Tensor,
  geometry: ConvGeometry,
): Tensor {
  const { batch, height, width, channels } = geometry;
  return produce(
    dy.device,
    "conv2dBackwardInput",
    [batch, height, width, channels],
    dy.dtype,
    (dx) =>
      dy.device.backend.conv2dBackwardInput(
        viewOf(dy),
        viewOf(weight),
        dx,
        geometry,
      ),
  );
}

/**
 * The gradient of the weight of `conv2d`.
 *
 * @param x The saved input, `[N, H, W, C]`.
 * @param dy The gradient of the output, `[N, OH, OW, O]`.
 * @param geometry The sizes, as announced.
 * @returns The gradient of the weight, `[KH, KW, C / groups, O]`.
 */
export function conv2dBackwardWeight(
  x: Tensor,
  dy: Tensor,
  geometry: ConvGeometry,
): Tensor {
  const { kernelHeight, kernelWidth, channels, groups, outChannels } = geometry;
  return produce(
    dy.device,
    "conv2dBackwardWeight",
    [kernelHeight, kernelWidth, channels / groups, outChannels],
    dy.dtype,
    (dWeight) =>
      dy.device.backend.conv2dBackwardWeight(
        viewOf(x),
        viewOf(dy),
        dWeight,
        geometry,
      ),
  );
}

/**
 * The gradient of `maxPool2d`.
 *
 * @param dy The gradient of the output, `[N, OH, OW, C]`.
 * @param indices The saved indices.
 * @param geometry The sizes, as announced.
 * @returns The gradient of the input, `[N, H, W, C]`.
 */
export function maxPool2dBackward(
  dy: Tensor,
  indices: Tensor,
  geometry: PoolGeometry,
): Tensor {
  const { batch, height, width, channels } = geometry;
  return produce(
    dy.device,
    "maxPool2dBackward",
    [batch, height, width, channels],
    dy.dtype,
    (dx) =>
      dy.device.backend.maxPool2dBackward(
        viewOf(dy),
        viewOf(indices),
        dx,
        geometry,
      ),
  );
}

/**
 * The gradient of `averagePool2d`.
 *
 * @param dy The gradient of the output, `[N, OH, OW, C]`.
 * @param geometry The sizes, as announced.
 * @returns The gradient of the input, `[N, H, W, C]`.
 */
export function averagePool2dBackward(
  dy: Tensor,
  geometry: PoolGeometry,
): Tensor {
  const { batch, height, width, channels } = geometry;
  return produce(
    dy.device,
    "averagePool2dBackward",
    [batch, height, width, channels],
    dy.dtype,
    (dx) => dy.device.backend.averagePool2dBackward(viewOf(dy), dx, geometry),
  );
}

/** What the gradient of a training `batchNorm` needs. */
export interface BatchNormBackwardInputs {
  /** The saved input. */
  readonly x: Tensor;
  /** The saved output, if the ReLU was fused. */
  readonly y: Tensor | undefined;
  /** The gradient of the output. */
  readonly dy: Tensor;
  /** Scale γ. */
  readonly scale: Tensor;
  /** The saved batch mean. */
  readonly mean: Tensor;
  /** The saved 1 / √(variance + ε). */
  readonly rstd: Tensor;
}

/** Gradients of a training `batchNorm`. */
export interface BatchNormGradients {
  /** Of the input. */
  readonly dx: Tensor;
  /** Of the scale γ. */
  readonly dScale: Tensor;
  /** Of the shift β. */
  readonly dBias: Tensor;
  /** Of the residual, if it was asked for. */
  readonly dResidual: Tensor | undefined;
}

/**
 * The gradients of a training `batchNorm`.
 *
 * @param inputs The saved tensors and the gradient of the output.
 * @param withResidual Whether there was a residual whose gradient is wanted.
 * @returns The gradients.
 */
export function batchNormBackward(
  inputs: BatchNormBackwardInputs,
  withResidual: boolean,
): BatchNormGradients {
  const { x, y, dy, scale, mean, rstd } = inputs;
  const { backend } = dy.device;
  const [dx, dScale, dBias, dResidual] = produceAll(
    dy.device,
    "batchNormBackward",
    [
      [x.shape, x.dtype],
      [scale.shape, scale.dtype],
      [scale.shape, scale.dtype],
      ...(withResidual ? [[x.shape, x.dtype] as const] : []),
    ],
    (dx, dScale, dBias, dResidual) =>
      backend.batchNormBackward({
        x: viewOf(x),
        y: y && viewOf(y),
        dy: viewOf(dy),
        scale: viewOf(scale),
        mean: viewOf(mean),
        rstd: viewOf(rstd),
        dx,
        dScale,
        dBias,
        dResidual,
      }, matrixLayout(x.shape, 1)),
  );
  return { dx, dScale, dBias, dResidual };
}

/** What the gradient of `layerNorm` needs. */
export interface LayerNormBackwardInputs {
  /** What was normalized: the saved input, or the saved sum with the residual. */
  readonly x: Tensor;
  /** The gradient of the output. */
  readonly dy: Tensor;
  /** Scale γ. */
  readonly scale: Tensor;
  /** The saved mean of each row. */
  readonly mean: Tensor;
  /** The saved 1 / √(variance + ε) of each row. */
  readonly rstd: Tensor;
}

/** Gradients of `layerNorm`. */
export interface LayerNormGradients {
  /** Of the input, and of the residual if there was one. */
  readonly dx: Tensor;
  /** Of the scale γ. */
  readonly dScale: Tensor;
  /** Of the shift β. */
  readonly dBias: Tensor;
}

/**
 * The gradients of `layerNorm`.
 *
 * @param inputs The saved tensors and the gradient of the output.
 * @returns The gradients.
 */
export function layerNormBackward(
  inputs: LayerNormBackwardInputs,
): LayerNormGradients {
  const { x, dy, scale, mean, rstd } = inputs;
  const { backend } = dy.device;
  const [dx, dScale, dBias] = produceAll(
    dy.device,
    "layerNormBackward",
    [
      [x.shape, x.dtype],
      [scale.shape, scale.dtype],
      [scale.shape, scale.dtype],
    ],
    (dx, dScale, dBias) =>
      backend.layerNormBackward({
        x: viewOf(x),
        dy: viewOf(dy),
        scale: viewOf(scale),
        mean: viewOf(mean),
        rstd: viewOf(rstd),
        dx,
        dScale,
        dBias,
      }, matrixLayout(x.shape, scale.rank)),
  );
  return { dx, dScale, dBias };
}

/**
 * The gradient of `softmax` over the last axis.
 *
 * @param y The saved output.
 * @param dy The gradient of the output.
 * @returns The gradient of the input.
 */
export function softmaxBackward(y: Tensor, dy: Tensor): Tensor {
  return computeSoftmaxBackward("softmaxBackward", y, dy, false);
}

/**
 * The gradient of `logSoftmax` over the last axis.
 *
 * @param y The saved output.
 * @param dy The gradient of the output.
 * @returns The gradient of the input.
 */
export function logSoftmaxBackward(y: Tensor, dy: Tensor): Tensor {
  return computeSoftmaxBackward("logSoftmaxBackward", y, dy, true);
}

function computeSoftmaxBackward(
  op: string,
  y: Tensor,
  dy: Tensor,
  log: boolean,
): Tensor {
  return produce(
    dy.device,
    op,
    y.shape,
    y.dtype,
    (dx) =>
      dy.device.backend.softmaxBackward(viewOf(y), viewOf(dy), dx, {
        ...matrixLayout(y.shape, 1),
        log,
      }),
  );
}

/**
 * The gradient of `softmaxCrossEntropy`.
 *
 * @param logits The saved logits.
 * @param labels The saved labels.
 * @param logSumExp The saved log Σ exp of each row.
 * @param dLosses The gradient of each row's loss.
 * @param layout The sizes and options, as announced.
 * @returns The gradient of the logits.
 */
export function softmaxCrossEntropyBackward(
  logits: Tensor,
  labels: Tensor,
  logSumExp: Tensor,
  dLosses: Tensor,
  layout: CrossEntropyLayout,
): Tensor {
  return produce(
    logits.device,
    "softmaxCrossEntropyBackward",
    logits.shape,
    logits.dtype,
    (dLogits) =>
      logits.device.backend.crossEntropyBackward(
        viewOf(logits),
        viewOf(labels),
        viewOf(logSumExp),
        viewOf(dLosses),
        dLogits,
        layout,
      ),
  );
}

/**
 * The gradient of `dropout`: the same elements of dy are dropped.
 *
 * @param dy The gradient of the output.
 * @param rate The rate, as announced.
 * @param state The position in the random sequence, as announced.
 * @returns The gradient of the input.
 */
export function dropoutBackward(
  dy: Tensor,
  rate: number,
  state: RandomState,
): Tensor {
  return computeDropout("dropoutBackward", dy, rate, state);
}

/** What the gradient of `scaledDotProductAttention` needs. */
export interface AttentionBackwardInputs {
  /** The saved queries. */
  readonly query: Tensor;
  /** The saved keys. */
  readonly key: Tensor;
  /** The saved values. */
  readonly value: Tensor;
  /** The saved additive mask, if there was one. */
  readonly mask: Tensor | undefined;
  /** The saved output. */
  readonly out: Tensor;
  /** The saved log Σ exp of each query's scores. */
  readonly logSumExp: Tensor;
  /** The gradient of the output. */
  readonly dOut: Tensor;
}

/** Gradients of `scaledDotProductAttention`. */
export interface AttentionGradients {
  /** Of the queries. */
  readonly dQuery: Tensor;
  /** Of the keys. */
  readonly dKey: Tensor;
  /** Of the values. */
  readonly dValue: Tensor;
}

/**
 * The gradients of `scaledDotProductAttention`.
 *
 * @param inputs The saved tensors and the gradient of the output.
 * @param layout The sizes, as announced.
 * @returns The gradients.
 */
export function scaledDotProductAttentionBackward(
  inputs: AttentionBackwardInputs,
  layout: AttentionLayout,
): AttentionGradients {
  const { query, key, value, mask, out, logSumExp, dOut } = inputs;
  const { device } = query;
  const [dQuery, dKey, dValue] = produceAll(
    device,
    "scaledDotProductAttentionBackward",
    [query, key, value].map(({ shape, dtype }) => [shape, dtype]),
    (dQuery, dKey, dValue) =>
      device.backend.attentionBackward({
        query: viewOf(query),
        key: viewOf(key),
        value: viewOf(value),
        mask: mask && viewOf(mask),
        out: viewOf(out),
        logSumExp: viewOf(logSumExp),
        dOut: viewOf(dOut),
        dQuery,
        dKey,
        dValue,
      }, layout),
  );
  return { dQuery, dKey, dValue };
}
