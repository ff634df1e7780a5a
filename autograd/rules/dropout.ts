/**
 * The gradient of dropout, which draws the same mask again.
 *
 * @module
 */

import { dropoutBackward } from "@cram/tensor/backward";
import { nothing, type RuleFamily } from "../_rule.ts";

/** Rule of dropout. */
export const dropoutRules = {
  dropout: {
    saves: nothing,
    gradients: ({ attributes: { rate, state } }, dy) => [
      dropoutBackward(dy, rate, state),
    ],
  },
} satisfies RuleFamily;
