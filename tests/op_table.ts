/**
 * The table of all operations, from which tests are generated: that every
 * device agrees with the reference, that every gradient agrees with finite
 * differences, and that nothing is missing.
 *
 * @module
 */

import { attentionOps } from "./ops/attention.ts";
import { convolutionOps } from "./ops/convolution.ts";
import { creationOps } from "./ops/creation.ts";
import { elementwiseOps } from "./ops/elementwise.ts";
import { flatOps } from "./ops/flat.ts";
import { matmulOps } from "./ops/matmul.ts";
import { normalizationOps } from "./ops/normalization.ts";
import type { Op } from "./ops/op.ts";
import { reduceOps } from "./ops/reduce.ts";
import { structureOps } from "./ops/structure.ts";

/** Every operation. */
export const OPS: readonly Op[] = [
  ...creationOps,
  ...elementwiseOps,
  ...structureOps,
  ...reduceOps,
  ...matmulOps,
  ...convolutionOps,
  ...normalizationOps,
  ...attentionOps,
  ...flatOps,
];
