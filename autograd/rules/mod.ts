/**
 * The gradient rule of every operation.
 *
 * @module
 */

import type { OpName } from "@cram/tensor";
import type { GradientRule } from "../_rule.ts";
import { attentionRules } from "./attention.ts";
import { convolutionRules } from "./convolution.ts";
import { dropoutRules } from "./dropout.ts";
import { elementwiseRules } from "./elementwise.ts";
import { matmulRules } from "./matmul.ts";
import { normalizationRules } from "./normalization.ts";
import { reduceRules } from "./reduce.ts";
import { softmaxRules } from "./softmax.ts";
import { structureRules } from "./structure.ts";

/** Every announced operation has a rule: one that is missing is a type error. */
export const rules: { readonly [K in OpName]: GradientRule<K> } = {
  ...attentionRules,
  ...convolutionRules,
  ...dropoutRules,
  ...elementwiseRules,
  ...matmulRules,
  ...normalizationRules,
  ...reduceRules,
  ...softmaxRules,
  ...structureRules,
};
