/**
 * Gradients of convolution and pooling.
 *
 * @module
 */

import {
  averagePool2dBackward,
  conv2dBackwardInput,
  conv2dBackwardWeight,
  maxPool2dBackward,
} from "@cram/tensor/backward";
import { each, factors, nothing, outputs, type RuleFamily } from "../_rule.ts";

/** Rules of convolution and pooling, by name. */
export const convolutionRules = {
  conv2d: {
    saves: factors,
    gradients: (call, dy) => {
      const { geometry } = call.attributes;
      return each(
        call,
        () => conv2dBackwardInput(dy, call.input(1), geometry),
        () => conv2dBackwardWeight(call.input(0), dy, geometry),
        () => dy,
      );
    },
  },
  maxPool2d: {
    saves: outputs(1),
    gradients: (call, dy) => [
      maxPool2dBackward(dy, call.output(1), call.attributes.geometry),
    ],
  },
  averagePool2d: {
    saves: nothing,
    gradients: (call, dy) => [
      averagePool2dBackward(dy, call.attributes.geometry),
    ],
  },
} satisfies RuleFamily;
