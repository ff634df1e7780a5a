/** Softmax and cross-entropy on the cpu device. */

import type { Backend, CrossEntropyLayout } from "../backend.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** Roughly how many additions one element costs. */
const COST = 16;

/** The arguments that describe a cross-entropy. */
function layoutArguments(layout: CrossEntropyLayout): number[] {
  const { rows, columns, labelSmoothing, ignoreIndex } = layout;
  const ignores = Number(ignoreIndex !== undefined);
  return [rows, columns, labelSmoothing, ignores, ignoreIndex ?? 0];
}

/** The kernels of softmax and cross-entropy. */
export function softmax(
  runtime: Runtime,
): Pick<
  Backend<CpuBuffer>,
  "softmax" | "softmaxBackward" | "crossEntropy" | "crossEntropyBackward"
> {
  return {
    softmax(x, out, { rows, columns, log }) {
      runtime.run(
        log ? "logSoftmax" : "softmax",
        [addressOf(x), addressOf(out), rows, columns],
        runtime.parts(rows * columns * COST, rows),
      );
    },

    softmaxBackward(y, dy, dx, { rows, columns, log }) {
      runtime.run(
        log ? "logSoftmaxBackward" : "softmaxBackward",
        [addressOf(y), addressOf(dy), addressOf(dx), rows, columns],
        runtime.parts(rows * columns * (log ? COST : 4), rows),
      );
    },

    crossEntropy(logits, labels, losses, logSumExp, layout) {
      runtime.run(
        "crossEntropy",
        [
          addressOf(logits),
          addressOf(labels),
          addressOf(losses),
          addressOf(logSumExp),
          ...layoutArguments(layout),
        ],
        runtime.parts(layout.rows * layout.columns * COST, layout.rows),
      );
    },

    crossEntropyBackward(logits, labels, logSumExp, dLosses, dLogits, layout) {
      runtime.run(
        "crossEntropyBackward",
        [
          addressOf(logits),
          addressOf(labels),
          addressOf(logSumExp),
          addressOf(dLosses),
          addressOf(dLogits),
          ...layoutArguments(layout),
        ],
        runtime.parts(layout.rows * layout.columns * COST, layout.rows),
      );
    },
  };
}
