/**
 * Gradients of softmax, its logarithm, and the cross-entropy on it.
 *
 * @module
 */

import {
  logSoftmaxBackward,
  softmaxBackward,
  softmaxCrossEntropyBackward,
} from "@cram/tensor/backward";
import { outputs, type RuleFamily } from "../_rule.ts";

/** Rules of the softmax family, by name. */
export const softmaxRules = {
  softmax: {
    saves: outputs(0),
    gradients: (call, dy) => [softmaxBackward(call.output(0), dy)],
  },
  logSoftmax: {
    saves: outputs(0),
    gradients: (call, dy) => [logSoftmaxBackward(call.output(0), dy)],
  },
  softmaxCrossEntropy: {
    saves: () => ({ inputs: [0, 1], outputs: [1] }),
    gradients: (call, dLosses) => [
      softmaxCrossEntropyBackward(
        call.input(0),
        call.input(1),
        call.output(1),
        dLosses,
        call.attributes.layout,
      ),
    ],
  },
} satisfies RuleFamily;
