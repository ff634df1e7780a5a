/**
 * The gradient of attention. The mask has none.
 *
 * @module
 */

import { scaledDotProductAttentionBackward } from "@cram/tensor/backward";
import type { RuleFamily } from "../_rule.ts";

/** Rule of attention. */
export const attentionRules = {
  scaledDotProductAttention: {
    saves: () => ({ inputs: [0, 1, 2, 3], outputs: [0, 1] }),
    gradients: (call, dOut) => {
      const { dQuery, dKey, dValue } = scaledDotProductAttentionBackward({
        query: call.input(0),
        key: call.input(1),
        value: call.input(2),
        mask: call.inputs[3] === undefined ? undefined : call.input(3),
        out: call.output(0),
        logSumExp: call.output(1),
        dOut,
      }, call.attributes.layout);
      return [dQuery, dKey, dValue];
    },
  },
} satisfies RuleFamily;
