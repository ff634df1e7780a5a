/**
 * The loss of classification.
 *
 * @module
 */

import { div, mul } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { notEqual } from "./comparison.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { matrixLayout } from "./_matrix.ts";
import { mean, sum } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import {
  announceResult,
  checkInt32,
  checkNumbers,
  checkSameDType,
  checkSingleOrDouble,
  commonDevice,
  produceAll,
} from "./_run.ts";
import { sameShape } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Options of {@linkcode softmaxCrossEntropy}. */
export interface SoftmaxCrossEntropyOptions {
  /** Whether the losses are averaged (if it is not given), added up, or left as they are. */
  readonly reduction?: "mean" | "sum" | "none";
  /** How much of the target is spread over all classes, in [0, 1]; 0 if it is not given. */
  readonly labelSmoothing?: number;
  /** The label of examples that do not count. */
  readonly ignoreIndex?: number;
  /** What each loss is multiplied by, of the labels' shape; the mean is divided by their sum. */
  readonly weights?: Tensor;
}

/**
 * The cross-entropy between labels and the softmax of logits, fused.
 *
 * With label smoothing s and C classes, the target is `1 - s` at the label
 * and `s / C` everywhere in addition (Szegedy et al., "Rethinking the
 * Inception Architecture", CVPR 2016). Ignored examples have loss 0 and do not
 * count in the mean, which is NaN if none is left. A label that is no class
 * gives NaN, because devices cannot throw without a wait.
 *
 * @param logits Float, `[..., C]`.
 * @param labels The classes, `int32`, `[...]`.
 * @param options Reduction, smoothing, ignored label, weights.
 * @returns A scalar, or with reduction `"none"` the losses `[...]`.
 * @throws {ShapeError} If the shapes do not fit or there are no classes.
 * @throws {DTypeError} If the logits are not float, the labels not `int32`, or the weights not of the logits' dtype.
 * @throws {ArgumentError} If the smoothing is not in [0, 1], the ignored label not a whole number, or there is no such reduction.
 *
 * @example One example of two classes
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { openDevice, softmaxCrossEntropy, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const logits = tensor(device, [[0, 0]]);
 * const labels = tensor(device, [1], { dtype: "int32" });
 * const loss = softmaxCrossEntropy(logits, labels);
 * assertAlmostEquals(await loss.item(), Math.LN2, 1e-6);
 * ```
 */
export function softmaxCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: SoftmaxCrossEntropyOptions = {},
): Tensor {
  const { reduction = "mean", ignoreIndex, weights } = options;
  checkArguments(logits, labels, options);
  const losses = exampleLosses(logits, labels, options);
  if (reduction === "none") return losses;
  using terms = losses;
  if (reduction === "sum") return sum(terms);
  using counts = exampleCounts(logits, labels, ignoreIndex, weights);
  if (counts === undefined) return mean(terms);
  using total = sum(terms);
  using count = sum(counts);
  return div(total, count);
}

/** The weighted loss of each example. */
function exampleLosses(
  logits: Tensor,
  labels: Tensor,
  options: SoftmaxCrossEntropyOptions,
): Tensor {
  const { labelSmoothing = 0, ignoreIndex, weights } = options;
  const { backend } = logits.device;
  const matrix = matrixLayout(logits.shape, 1);
  const layout = { ...matrix, labelSmoothing, ignoreIndex };
  const outs = produceAll(
    logits.device,
    "softmaxCrossEntropy",
    [[labels.shape, logits.dtype], [[layout.rows], logits.dtype]],
    (losses, logSumExp) =>
      backend.crossEntropy(
        viewOf(logits),
        viewOf(labels),
        losses,
        logSumExp,
        layout,
      ),
  );
  const losses = announceResult("softmaxCrossEntropy", [logits, labels], outs, {
    layout,
  });
  if (weights === undefined) return losses;
  using unweighted = losses;
  return mul(unweighted, weights);
}

/** What each example counts in the mean, unless it is 1 for all. */
function exampleCounts(
  logits: Tensor,
  labels: Tensor,
  ignoreIndex: number | undefined,
  weights: Tensor | undefined,
): Tensor | undefined {
  if (ignoreIndex === undefined) {
    return weights && reshape(weights, weights.shape);
  }
  using counted = notEqual(labels, ignoreIndex);
  const ones = cast(counted, logits.dtype);
  if (weights === undefined) return ones;
  using unweighted = ones;
  return mul(unweighted, weights);
}

function checkArguments(
  logits: Tensor,
  labels: Tensor,
  options: SoftmaxCrossEntropyOptions,
): void {
  const op = "softmaxCrossEntropy";
  const { reduction, labelSmoothing = 0, ignoreIndex, weights } = options;
  commonDevice(op, logits, labels, weights);
  checkSingleOrDouble(op, logits);
  checkSameDType(op, logits, weights);
  checkInt32(op, labels);
  if (!["mean", "sum", "none", undefined].includes(reduction)) {
    throw new ArgumentError(
      `Cannot run "${op}" with reduction "${reduction}": expected mean, sum or none`,
    );
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ArgumentError(
      `Cannot run "${op}" with label smoothing ${labelSmoothing}: expected a number from 0 to 1`,
    );
  }
  if (ignoreIndex !== undefined) checkNumbers(op, "int32", [ignoreIndex]);
  if (
    logits.rank < 1 || logits.shape.at(-1) === 0 ||
    !sameShape(logits.shape.slice(0, -1), labels.shape)
  ) {
    throw new ShapeError(
      `Cannot run "${op}" on logits ${logits} and labels ${labels}: expected [..., classes] and [...]`,
    );
  }
  if (weights !== undefined && !sameShape(weights.shape, labels.shape)) {
    throw new ShapeError(
      `Cannot run "${op}" on labels ${labels} and weights ${weights}: the shapes differ`,
    );
  }
}
