import { assertAlmostEquals, assertEquals } from "@std/assert";
import { empty, numbers, view } from "./_testing.ts";
import {
  crossEntropy,
  crossEntropyBackward,
  softmax,
  softmaxBackward,
} from "./softmax.ts";

function softmaxOf(row: number[], log = false): number[] {
  const out = empty([row.length], "float64");
  const layout = { rows: 1, columns: row.length, log };
  softmax(view(row, "float64"), out, layout);
  return numbers(out);
}

function assertNumbers(actual: number[], expected: number[]): void {
  assertEquals(actual.length, expected.length);
  actual.forEach((x, i) => {
    if (Number.isFinite(x)) assertAlmostEquals(x, expected[i], 1e-14);
    else assertEquals(x, expected[i]);
  });
}

Deno.test("softmax() neither overflows nor underflows", () => {
  assertNumbers(softmaxOf([1000, 1000]), [0.5, 0.5]);
  assertNumbers(softmaxOf([-1000, -1000]), [0.5, 0.5]);
  assertNumbers(softmaxOf([0, Math.log(3)]), [0.25, 0.75]);
  assertNumbers(softmaxOf([1000, 0], true), [0, -1000]);
});

Deno.test("softmax() of infinite rows is as in PyTorch", () => {
  assertNumbers(softmaxOf([-Infinity, 0]), [0, 1]);
  assertNumbers(softmaxOf([-Infinity, 0], true), [-Infinity, 0]);
  for (
    const row of [[-Infinity, -Infinity], [Infinity, 0], [NaN, 0]]
  ) {
    assertNumbers(softmaxOf(row), [NaN, NaN]);
    assertNumbers(softmaxOf(row, true), [NaN, NaN]);
  }
});

Deno.test("softmaxBackward() gives the gradient from the output", () => {
  const dy = view([2, 0], "float64");
  for (
    const [log, expected] of [
      [false, [0.375, -0.375]],
      [true, [1.5, -1.5]],
    ] as const
  ) {
    const y = view([0.25, 0.75].map((p) => log ? Math.log(p) : p), "float64");
    const dx = empty([2], "float64");
    softmaxBackward(y, dy, dx, { rows: 1, columns: 2, log });
    assertNumbers(numbers(dx), [...expected]);
  }
});

const LOGITS = [0, Math.log(3)];

function crossEntropyOf(
  logits: number[],
  labels: number[],
  options: { labelSmoothing?: number; ignoreIndex?: number } = {},
): { losses: number[]; dLogits: number[] } {
  const rows = labels.length;
  const columns = logits.length / rows;
  const layout = {
    rows,
    columns,
    labelSmoothing: options.labelSmoothing ?? 0,
    ignoreIndex: options.ignoreIndex,
  };
  const x = view(logits, "float64", [rows, columns]);
  const label = view(labels, "int32");
  const losses = empty([rows], "float64");
  const totals = empty([rows], "float64");
  const dLosses = view(labels.map((_, r) => r + 1), "float64");
  const dLogits = empty([rows, columns], "float64");
  crossEntropy(x, label, losses, totals, layout);
  crossEntropyBackward(x, label, totals, dLosses, dLogits, layout);
  return { losses: numbers(losses), dLogits: numbers(dLogits) };
}

Deno.test("crossEntropy() is -log of the label's probability", () => {
  const { losses, dLogits } = crossEntropyOf([...LOGITS, ...LOGITS], [0, 1]);
  assertNumbers(losses, [Math.log(4), Math.log(4 / 3)]);
  // The second row has a gradient of 2 coming in.
  assertNumbers(dLogits, [-0.75, 0.75, 0.5, -0.5]);
});

Deno.test("crossEntropy() smooths labels", () => {
  const { losses, dLogits } = crossEntropyOf(LOGITS, [0], {
    labelSmoothing: 0.5,
  });
  // The target is [0.75, 0.25].
  assertNumbers(losses, [0.75 * Math.log(4) + 0.25 * Math.log(4 / 3)]);
  assertNumbers(dLogits, [-0.5, 0.5]);
});

Deno.test("crossEntropy() lets ignored labels count nothing, and gives NaN for labels that are none", () => {
  const logits = [...LOGITS, ...LOGITS, ...LOGITS, NaN, NaN];
  const { losses, dLogits } = crossEntropyOf(logits, [-100, 2, -1, -100], {
    ignoreIndex: -100,
  });
  assertNumbers(losses, [0, NaN, NaN, 0]);
  assertNumbers(dLogits, [0, 0, NaN, NaN, NaN, NaN, 0, 0]);
});

Deno.test("crossEntropy() takes classes of probability 0", () => {
  const { losses, dLogits } = crossEntropyOf([0, -Infinity], [0]);
  assertNumbers(losses, [0]);
  assertNumbers(dLogits, [0, 0]);
  assertNumbers(crossEntropyOf([0, -Infinity], [1]).losses, [Infinity]);
});
