/**
 * Gradients of batch and layer normalization.
 *
 * @module
 */

import {
  add,
  cast,
  mul,
  neg,
  pow,
  rsqrt,
  sub,
  type Tensor,
} from "@cram/tensor";
import {
  batchNormBackward,
  layerNormBackward,
  reluGradient,
} from "@cram/tensor/backward";
import { each, type RuleFamily, type SavedCall } from "../_rule.ts";

function trainingGradients(
  call: SavedCall<"batchNorm">,
  dy: Tensor,
): (Tensor | undefined)[] {
  const { relu } = call.attributes;
  const { dx, dScale, dBias, dResidual } = batchNormBackward({
    x: call.input(0),
    y: relu ? call.output(0) : undefined,
    dy,
    scale: call.input(1),
    mean: call.output(1),
    rstd: call.output(2),
  }, relu && call.needs[3]);
  return [dx, dScale, dBias, relu ? dResidual : dy];
}

/** y = (x - mean) · rstd · scale + bias + residual, where all statistics are operands. */
function evaluationGradients(
  call: SavedCall<"batchNorm">,
  dy: Tensor,
): (Tensor | undefined)[] {
  const { relu, epsilon } = call.attributes;
  const behind = relu ? reluGradient(call.output(0), dy) : dy;
  const [scale, mean, variance] = [1, 4, 5].map((i) => call.input(i));
  const rstd = rsqrt(add(variance, epsilon));
  const slope = mul(scale, rstd);
  // Parameters and statistics are float32 beside float16 elements.
  const dz = cast(behind, scale.dtype);
  const centered = (): Tensor => sub(cast(call.input(0), scale.dtype), mean);
  return each(
    call,
    () => cast(mul(dz, slope), dy.dtype),
    () => mul(dz, mul(centered(), rstd)),
    () => dz,
    () => behind,
    () => neg(mul(dz, slope)),
    () => mul(dz, mul(centered(), mul(mul(scale, -0.5), pow(rstd, 3)))),
  );
}

/** Rules of normalizations, by name. */
export const normalizationRules = {
  batchNorm: {
    saves: ({ attributes: { training, relu }, needs }) => {
      const y = relu ? [0] : [];
      if (training) return { inputs: [0, 1], outputs: [...y, 1, 2] };
      const x = needs[1] || needs[5] ? [0] : [];
      return { inputs: [...x, 1, 4, 5], outputs: y };
    },
    gradients: (call, dy) =>
      call.attributes.training
        ? trainingGradients(call, dy)
        : evaluationGradients(call, dy),
  },
  layerNorm: {
    saves: ({ inputs: [, , , residual] }) =>
      residual === undefined
        ? { inputs: [0, 1], outputs: [1, 2] }
        : { inputs: [1], outputs: [1, 2, 3] },
    gradients: (call, dy) => {
      const { dx, dScale, dBias } = layerNormBackward({
        x: call.inputs[3] === undefined ? call.input(0) : call.output(3),
        dy,
        scale: call.input(1),
        mean: call.output(1),
        rstd: call.output(2),
      });
      return [dx, dScale, dBias, dx];
    },
  },
} satisfies RuleFamily;
