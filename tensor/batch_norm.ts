/**
 * Batch normalization.
 *
 * @module
 */

import { matrixLayout } from "./_matrix.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import {
  announceResult,
  checkEpsilon,
  checkKind,
  checkSameDType,
  checkSumDType,
  commonDevice,
  produce,
  produceAll,
} from "./_run.ts";
import { formatShape, sameShape } from "./shape.ts";
import { storageOf, type Tensor, viewOf } from "./tensor.ts";

/** What {@linkcode batchNorm} knows of its channels, each `[C]` and of x's dtype; `float32` if x is `float16`. */
export interface BatchNormParameters {
  /** Scale γ. */
  readonly scale: Tensor;
  /** Shift β. */
  readonly bias: Tensor;
  /** Running mean. */
  readonly mean: Tensor;
  /** Running variance. */
  readonly variance: Tensor;
}

/** Options of {@linkcode batchNorm}. */
export interface BatchNormOptions {
  /** Whether to normalize by the statistics of the batch, not by the running ones. */
  readonly training: boolean;
  /** While training: whether the running statistics move, in place; true if it is not given. */
  readonly updateStatistics?: boolean;
  /** How far the running statistics move towards those of the batch; 0.1 if it is not given. */
  readonly momentum?: number;
  /** ε; 1e-5 if it is not given. */
  readonly epsilon?: number;
  /** What is added to the result, of x's shape. */
  readonly residual?: Tensor;
  /** Whether a ReLU follows, behind the residual; false if it is not given. */
  readonly relu?: boolean;
}

/**
 * Normalizes each channel, the last axis (Ioffe and Szegedy, "Batch
 * Normalization", ICML 2015): `γ · (x - mean) / √(variance + ε) + β`, fused
 * with the residual and ReLU that may follow.
 *
 * While training, mean and variance are those of the batch, and the running
 * ones become `(1 - momentum) · running + momentum · batch`, where the variance
 * of the batch is the unbiased one, as in PyTorch.
 *
 * @param x Float, `[..., C]`.
 * @param parameters Scale, shift and running statistics of the channels.
 * @param options Training or not, and what follows.
 * @returns A tensor of x's shape.
 * @throws {ShapeError} If the shapes do not fit, or there is only one element for each channel while training.
 * @throws {DTypeError} If the dtypes differ or are not float.
 * @throws {ArgumentError} If ε is not positive or the momentum not in [0, 1].
 *
 * @example Two channels
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { batchNorm, ones, openDevice, tensor, zeros } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const parameters = {
 *   scale: ones(device, [2]),
 *   bias: zeros(device, [2]),
 *   mean: zeros(device, [2]),
 *   variance: ones(device, [2]),
 * };
 * const x = tensor(device, [[1, 10], [3, 30]]);
 * batchNorm(x, parameters, { training: true, momentum: 0.5 });
 * assertEquals([...await parameters.mean.data()], [1, 10]);
 * ```
 */
export function batchNorm(
  x: Tensor,
  parameters: BatchNormParameters,
  options: BatchNormOptions,
): Tensor {
  const { scale, bias, mean, variance } = parameters;
  const {
    training,
    updateStatistics = true,
    momentum = 0.1,
    epsilon = 1e-5,
    residual,
    relu = false,
  } = options;
  const tensors = [x, scale, bias, mean, variance, residual];
  const device = commonDevice("batchNorm", ...tensors);
  checkKind("batchNorm", x, "float");
  checkSameDType("batchNorm", x, residual);
  checkSumDType("batchNorm", x, scale, bias, mean, variance);
  checkEpsilon("batchNorm", epsilon);
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new ArgumentError(
      `Cannot run "batchNorm" with momentum ${momentum}: expected a number from 0 to 1`,
    );
  }
  checkShapes(x, parameters, residual);
  const layout = matrixLayout(x.shape, 1);
  if (training && layout.rows === 1) {
    throw new ShapeError(
      `Cannot run "batchNorm" on ${x} while training: one element for each channel has no variance`,
    );
  }
  const common = {
    x: viewOf(x),
    scale: viewOf(scale),
    bias: viewOf(bias),
    residual: residual && viewOf(residual),
    epsilon,
    relu,
  };
  const statistics = { mean: viewOf(mean), variance: viewOf(variance) };
  const attributes = { training, epsilon, relu };
  if (!training) {
    const out = produce(
      device,
      "batchNorm",
      x.shape,
      x.dtype,
      (out) =>
        device.backend.batchNormInference(
          { ...common, ...statistics, out },
          layout,
        ),
    );
    const inputs = [x, scale, bias, residual, mean, variance];
    return announceResult("batchNorm", inputs, [out], attributes);
  }
  const outs = produceAll(
    device,
    "batchNorm",
    [
      [x.shape, x.dtype],
      [scale.shape, scale.dtype],
      [scale.shape, scale.dtype],
    ],
    (out, mean, rstd) => {
      const running = updateStatistics
        ? { ...statistics, momentum }
        : undefined;
      device.backend.batchNormTraining(
        { ...common, out, mean, rstd, running },
        layout,
      );
      if (updateStatistics) {
        storageOf(parameters.mean).version++;
        storageOf(parameters.variance).version++;
      }
    },
  );
  return announceResult(
    "batchNorm",
    [x, scale, bias, residual],
    outs,
    attributes,
  );
}

function checkShapes(
  x: Tensor,
  parameters: BatchNormParameters,
  residual: Tensor | undefined,
): void {
  if (x.rank < 1) {
    throw new ShapeError(
      `Cannot run "batchNorm" on ${x}: expected channels as last axis`,
    );
  }
  const expected = x.shape.slice(-1);
  for (const name of ["scale", "bias", "mean", "variance"] as const) {
    if (!sameShape(parameters[name].shape, expected)) {
      throw new ShapeError(
        `Cannot run "batchNorm" on ${x} with ${name} ${
          parameters[name]
        }: expected it to have shape ${formatShape(expected)}`,
      );
    }
  }
  if (residual !== undefined && !sameShape(residual.shape, x.shape)) {
    throw new ShapeError(
      `Cannot run "batchNorm" on ${x} with residual ${residual}: the shapes differ`,
    );
  }
}
