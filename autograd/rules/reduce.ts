/**
 * Gradients of reductions.
 *
 * @module
 */

import {
  broadcastTo,
  cast,
  div,
  equal,
  exp,
  mul,
  reshape,
  sizeOf,
  sub,
  sum,
  type Tensor,
  where,
} from "@cram/tensor";
import {
  type Call,
  type GradientRule,
  inputSpec,
  nothing,
  type RuleFamily,
} from "../_rule.ts";

/** The announced operations that reduce axes. */
type Reduction = "sum" | "mean" | "max" | "min" | "logSumExp" | "l2Norm";

/** A result or its gradient with the reduced axes put back, of size 1, so that it broadcasts against the operand. */
function unreduced(call: Call<Reduction>, reduced: Tensor): Tensor {
  const { axes } = call.attributes;
  const { shape } = inputSpec(call, 0);
  return reshape(
    reduced,
    shape.map((length, axis) => axes.includes(axis) ? 1 : length),
  );
}

/** A reduction whose gradient reads operand, result and dy, all broadcast against each other. */
function ofBoth(
  gradient: (
    x: Tensor,
    y: Tensor,
    dy: Tensor,
    axes: readonly number[],
  ) => Tensor,
): GradientRule<Reduction> {
  return {
    saves: () => ({ inputs: [0], outputs: [0] }),
    gradients: (call, dy) => [
      gradient(
        call.input(0),
        unreduced(call, call.output(0)),
        unreduced(call, dy),
        call.attributes.axes,
      ),
    ],
  };
}

/** The elements that equal the extremum share its gradient. */
const extremum = ofBoth((x, y, dy, axes) => {
  const chosen = equal(x, y);
  const count = sum(cast(chosen, dy.dtype), { axes, keepDims: true });
  return where(chosen, div(dy, count), 0);
});

/** Rules of reductions, by name. */
export const reduceRules = {
  sum: {
    saves: nothing,
    gradients: (call, dy) => [
      broadcastTo(unreduced(call, dy), inputSpec(call, 0).shape),
    ],
  },
  mean: {
    saves: nothing,
    gradients: (call, dy) => {
      const { shape } = inputSpec(call, 0);
      const count = sizeOf(call.attributes.axes.map((axis) => shape[axis]));
      return [broadcastTo(mul(unreduced(call, dy), 1 / count), shape)];
    },
  },
  max: extremum,
  min: extremum,
  // Rows of -∞ have no slope, not one of exp(-∞ + ∞).
  logSumExp: ofBoth((x, y, dy) =>
    mul(dy, exp(sub(x, where(equal(y, -Infinity), 0, y))))
  ),
  l2Norm: ofBoth((x, y, dy) => mul(where(equal(y, 0), 0, div(dy, y)), x)),
} satisfies RuleFamily;
