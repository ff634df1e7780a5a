/**
 * Gradients of elementwise operations. Gradients of stretched operands have
 * the broadcast shape here; the tape sums them.
 *
 * @module
 */

import {
  cast,
  cos,
  div,
  equal,
  exp,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  logicalAnd,
  mul,
  neg,
  pow,
  sign,
  sin,
  square,
  sub,
  type Tensor,
  where,
  zerosLike,
} from "@cram/tensor";
import {
  geluGradient,
  reluGradient,
  sigmoidGradient,
  tanhGradient,
} from "@cram/tensor/backward";
import {
  each,
  factors,
  type GradientRule,
  inputs,
  inputSpec,
  nothing,
  operand,
  outputs,
  type RuleFamily,
  type SavedCall,
} from "../_rule.ts";

/** A function of one operand whose gradient reads the operand. */
function ofInput(gradient: (x: Tensor, dy: Tensor) => Tensor): GradientRule {
  return {
    saves: inputs(0),
    gradients: (call, dy) => [gradient(call.input(0), dy)],
  };
}

/** A function of one operand whose gradient reads the result. */
function ofOutput(gradient: (y: Tensor, dy: Tensor) => Tensor): GradientRule {
  return {
    saves: outputs(0),
    gradients: (call, dy) => [gradient(call.output(0), dy)],
  };
}

/** A function of one operand whose gradient reads nothing else. */
function ofGradient(gradient: (dy: Tensor) => Tensor): GradientRule {
  return { saves: nothing, gradients: (_, dy) => [gradient(dy)] };
}

/** A choice of the one operand where `wins`, and of the other one where they differ otherwise; equal ones share. */
function extremum(
  wins: (a: Tensor | number, b: Tensor | number) => Tensor,
): GradientRule {
  const gradient = (
    a: Tensor | number,
    b: Tensor | number,
    dy: Tensor,
  ): Tensor => where(wins(a, b), dy, where(equal(a, b), mul(dy, 0.5), 0));
  return {
    saves: inputs(0, 1),
    gradients: (call, dy) => {
      const [a, b] = [operand(call, 0), operand(call, 1)];
      return each(call, () => gradient(a, b, dy), () => gradient(b, a, dy));
    },
  };
}

/** Gradient of a ^ b for a: b · a ^ (b - 1), and 0 where b = 0, also at a = 0. */
function powBase(call: SavedCall, dy: Tensor): Tensor {
  const [base, exponent] = [call.input(0), operand(call, 1)];
  if (exponent === 0) return zerosLike(base);
  if (typeof exponent === "number") {
    return mul(dy, mul(pow(base, exponent - 1), exponent));
  }
  const slope = mul(pow(base, sub(exponent, 1)), exponent);
  return mul(dy, where(equal(exponent, 0), 0, slope));
}

/** Gradient of a ^ b for b: a ^ b · log a, and 0 where a = 0 and b ≥ 0. */
function powExponent(call: SavedCall, dy: Tensor): Tensor {
  const [base, exponent] = [operand(call, 0), call.input(1)];
  if (typeof base === "number") {
    const slope = mul(call.output(0), Math.log(base));
    return mul(
      dy,
      base === 0 ? where(greaterEqual(exponent, 0), 0, slope) : slope,
    );
  }
  const flat = logicalAnd(equal(base, 0), greaterEqual(exponent, 0));
  return mul(dy, where(flat, 0, mul(call.output(0), log(base))));
}

/** Rules of elementwise operations, by name. */
export const elementwiseRules = {
  add: {
    saves: nothing,
    gradients: (call, dy) => each(call, () => dy, () => dy),
  },
  sub: {
    saves: nothing,
    gradients: (call, dy) => each(call, () => dy, () => neg(dy)),
  },
  mul: {
    saves: factors,
    gradients: (call, dy) =>
      each(
        call,
        () => mul(dy, operand(call, 1)),
        () => mul(dy, operand(call, 0)),
      ),
  },
  div: {
    saves: ({ needs }) => ({ inputs: [1], outputs: needs[1] ? [0] : [] }),
    gradients: (call, dy) => {
      const b = operand(call, 1);
      return each(
        call,
        () => div(dy, b),
        () => neg(div(mul(dy, call.output(0)), b)),
      );
    },
  },
  pow: {
    saves: ({ needs }) => ({ inputs: [0, 1], outputs: needs[1] ? [0] : [] }),
    gradients: (call, dy) =>
      each(call, () => powBase(call, dy), () => powExponent(call, dy)),
  },
  maximum: extremum(greater),
  minimum: extremum(less),
  neg: ofGradient(neg),
  abs: ofInput((x, dy) => mul(dy, sign(x))),
  sign: ofGradient((dy) => zerosLike(dy)),
  exp: ofOutput((y, dy) => mul(dy, y)),
  log: ofInput((x, dy) => div(dy, x)),
  sqrt: ofOutput((y, dy) => div(mul(dy, 0.5), y)),
  rsqrt: ofOutput((y, dy) => mul(mul(dy, -0.5), pow(y, 3))),
  square: ofInput((x, dy) => mul(mul(dy, 2), x)),
  reciprocal: ofOutput((y, dy) => neg(mul(dy, square(y)))),
  sin: ofInput((x, dy) => mul(dy, cos(x))),
  cos: ofInput((x, dy) => neg(mul(dy, sin(x)))),
  tanh: ofOutput(tanhGradient),
  erf: ofInput((x, dy) =>
    mul(mul(dy, 2 / Math.sqrt(Math.PI)), exp(neg(square(x))))
  ),
  sigmoid: ofOutput(sigmoidGradient),
  relu: ofOutput(reluGradient),
  gelu: {
    saves: inputs(0),
    gradients: (call, dy) => [
      geluGradient(call.input(0), dy, call.attributes.approximate),
    ],
  },
  floor: ofGradient((dy) => zerosLike(dy)),
  ceil: ofGradient((dy) => zerosLike(dy)),
  round: ofGradient((dy) => zerosLike(dy)),
  where: {
    saves: inputs(0),
    gradients: (call, dy) => {
      const condition = call.input(0);
      return [
        undefined,
        call.needs[1] ? where(condition, dy, 0) : undefined,
        call.needs[2] ? where(condition, 0, dy) : undefined,
      ];
    },
  },
  clip: {
    saves: inputs(0),
    gradients: (call, dy) => {
      const { low, high } = call.attributes;
      const x = call.input(0);
      const inside = logicalAnd(greaterEqual(x, low), lessEqual(x, high));
      return [where(inside, dy, 0)];
    },
  },
  cast: {
    saves: nothing,
    gradients: (call, dy) => [cast(dy, inputSpec(call, 0).dtype)],
  },
} satisfies RuleFamily;
