/**
 * The gradient of the matrix product with its epilogue.
 *
 * @module
 */

import type { Tensor } from "@cram/tensor";
import {
  geluGradient,
  matmulBackwardA,
  matmulBackwardB,
  reluGradient,
  tanhGradient,
} from "@cram/tensor/backward";
import {
  each,
  factors,
  inputSpec,
  type RuleFamily,
  type SavedCall,
} from "../_rule.ts";

/** The gradient behind the product and bias, before the activation. */
function beforeActivation(call: SavedCall<"matmul">, dy: Tensor): Tensor {
  const { activation } = call.attributes;
  switch (activation) {
    case undefined:
      return dy;
    case "relu":
      return reluGradient(call.output(0), dy);
    case "tanh":
      return tanhGradient(call.output(0), dy);
    case "gelu":
      return geluGradient(call.output(1), dy, "none");
    case "geluTanh":
      return geluGradient(call.output(1), dy, "tanh");
    default:
      return activation satisfies never;
  }
}

const SAVED_OUTPUT = { relu: 0, tanh: 0, gelu: 1, geluTanh: 1 } as const;

/** Rule of the matrix product. */
export const matmulRules = {
  matmul: {
    saves: (call) => {
      const { activation } = call.attributes;
      return {
        ...factors(call),
        outputs: activation === undefined ? [] : [SAVED_OUTPUT[activation]],
      };
    },
    gradients: (call, dy) => {
      const { layout } = call.attributes;
      const dz = beforeActivation(call, dy);
      return each(
        call,
        () =>
          matmulBackwardA(dz, call.input(1), inputSpec(call, 0).shape, layout),
        () =>
          matmulBackwardB(call.input(0), dz, inputSpec(call, 1).shape, layout),
        () => dz,
      );
    },
  },
} satisfies RuleFamily;
