/**
 * Layer normalization.
 *
 * @module
 */

import { matrixLayout } from "./_matrix.ts";
import { ShapeError } from "./errors.ts";
import {
  announceResult,
  checkEpsilon,
  checkKind,
  checkSameDType,
  checkSumDType,
  commonDevice,
  type OutputSpec,
  produceAll,
} from "./_run.ts";
import { sameShape } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Scale and shift of {@linkcode layerNorm}, both of the shape of the axes that are normalized and of x's dtype; `float32` if x is `float16`. */
export interface LayerNormParameters {
  /** Scale γ. */
  readonly scale: Tensor;
  /** Shift β. */
  readonly bias: Tensor;
}

/** Options of {@linkcode layerNorm}. */
export interface LayerNormOptions {
  /** ε; 1e-5 if it is not given. */
  readonly epsilon?: number;
  /** What is added to x first, of its shape. */
  readonly residual?: Tensor;
}

/**
 * Normalizes over the last axes, as many as the scale has (Ba, Kiros and
 * Hinton, "Layer Normalization", 2016):
 * `γ · (x + residual - mean) / √(variance + ε) + β`.
 *
 * @param x Float, `[..., ...scale.shape]`.
 * @param parameters Scale and shift.
 * @param options ε and residual.
 * @returns A tensor of x's shape.
 * @throws {ShapeError} If the shapes do not fit.
 * @throws {DTypeError} If the dtypes differ or are not float.
 * @throws {ArgumentError} If ε is not positive.
 *
 * @example One row
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { layerNorm, ones, openDevice, tensor, zeros } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const parameters = { scale: ones(device, [2]), bias: zeros(device, [2]) };
 * const y = layerNorm(tensor(device, [[10, 30]]), parameters);
 * const [low, high] = await y.data();
 * assertAlmostEquals(low, -1, 1e-6);
 * assertAlmostEquals(high, 1, 1e-6);
 * ```
 */
export function layerNorm(
  x: Tensor,
  parameters: LayerNormParameters,
  options: LayerNormOptions = {},
): Tensor {
  const { scale, bias } = parameters;
  const { epsilon = 1e-5, residual } = options;
  const tensors = [x, scale, bias, residual];
  const device = commonDevice("layerNorm", ...tensors);
  checkKind("layerNorm", x, "float");
  checkSameDType("layerNorm", x, residual);
  checkSumDType("layerNorm", x, scale, bias);
  checkEpsilon("layerNorm", epsilon);
  if (
    scale.rank < 1 || scale.rank > x.rank ||
    !sameShape(scale.shape, x.shape.slice(x.rank - scale.rank)) ||
    !sameShape(scale.shape, bias.shape)
  ) {
    throw new ShapeError(
      `Cannot run "layerNorm" on ${x} with scale ${scale} and bias ${bias}: expected both to have the shape of its last axes`,
    );
  }
  if (residual !== undefined && !sameShape(residual.shape, x.shape)) {
    throw new ShapeError(
      `Cannot run "layerNorm" on ${x} with residual ${residual}: the shapes differ`,
    );
  }
  const layout = matrixLayout(x.shape, scale.rank);
  const whole: OutputSpec = [x.shape, x.dtype];
  const statistic: OutputSpec = [[layout.rows], scale.dtype];
  const outs = produceAll(
    device,
    "layerNorm",
    [whole, statistic, statistic, ...(residual ? [whole] : [])],
    (out, mean, rstd, sum) =>
      device.backend.layerNorm({
        x: viewOf(x),
        residual: residual && viewOf(residual),
        scale: viewOf(scale),
        bias: viewOf(bias),
        out,
        sum,
        mean,
        rstd,
        epsilon,
      }, layout),
  );
  return announceResult("layerNorm", tensors, outs, { epsilon });
}
