import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ones, tensor, zeros } from "./creation.ts";
import type { Device } from "./device.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import {
  softmaxCrossEntropy,
  type SoftmaxCrossEntropyOptions,
} from "./softmax_cross_entropy.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

/** Probabilities 1/4 and 3/4, 1/2 and 1/2, 1/4 and 3/4. */
const LOGITS = [[0, Math.log(3)], [5, 5], [0, Math.log(3)]];
const LABELS = [0, 1, -1];
const [QUARTER, HALF] = [Math.log(4), Math.log(2)];

async function lossOf(
  device: Device,
  labels: number[],
  options: SoftmaxCrossEntropyOptions,
): Promise<number[]> {
  using _scope = device.scope();
  const logits = tensor(device, LOGITS, { dtype: "float64" });
  const loss = softmaxCrossEntropy(
    logits,
    tensor(device, labels, { dtype: "int32" }),
    options,
  );
  return [...await loss.data()];
}

function assertClose(actual: number[], expected: number[]): void {
  assertEquals(actual.length, expected.length);
  actual.forEach((value, i) => assertAlmostEquals(value, expected[i], 1e-12));
}

reference.test("softmaxCrossEntropy() reduces by mean, sum or not", async (device) => {
  const losses = [QUARTER, HALF, QUARTER];
  const total = losses.reduce((a, b) => a + b);
  const labels = [0, 1, 0];
  assertClose(await lossOf(device, labels, { reduction: "none" }), losses);
  assertClose(await lossOf(device, labels, { reduction: "sum" }), [total]);
  assertClose(await lossOf(device, labels, {}), [total / 3]);
});

reference.test("softmaxCrossEntropy() leaves ignored examples out of the mean", async (device) => {
  const options = { ignoreIndex: -1 };
  assertClose(await lossOf(device, LABELS, options), [(QUARTER + HALF) / 2]);
  assertClose(
    await lossOf(device, LABELS, { ...options, reduction: "none" }),
    [QUARTER, HALF, 0],
  );
  assertEquals(await lossOf(device, [-1, -1, -1], options), [NaN]);
});

reference.test("softmaxCrossEntropy() weighs examples, and divides by the weights", async (device) => {
  using weights = tensor(device, [1, 3, 5], { dtype: "float64" });
  const weighted = QUARTER + 3 * HALF;
  assertClose(
    await lossOf(device, LABELS, { weights, ignoreIndex: -1 }),
    [weighted / 4],
  );
  assertClose(
    await lossOf(device, [0, 1, 0], { weights }),
    [(weighted + 5 * QUARTER) / 9],
  );
  assertClose(
    await lossOf(device, [0, 1, 0], { weights, reduction: "none" }),
    [QUARTER, 3 * HALF, 5 * QUARTER],
  );
});

reference.test("softmaxCrossEntropy() smooths labels", async (device) => {
  const smoothed = 0.8 * QUARTER + 0.1 * (QUARTER + Math.log(4 / 3));
  const [loss] = await lossOf(device, [0, 1, 0], {
    labelSmoothing: 0.2,
    reduction: "none",
  });
  assertAlmostEquals(loss, smoothed, 1e-12);
});

reference.test("softmaxCrossEntropy() is NaN when a label is no class", async (device) => {
  const losses = await lossOf(device, [2, 1, -1], { reduction: "none" });
  assertEquals(losses.map(Number.isNaN), [true, false, true]);
});

reference.test("softmaxCrossEntropy() takes labels of any shape, and none", async (device) => {
  using _scope = device.scope();
  const labels = zeros(device, [2, 3], { dtype: "int32" });
  const options = { reduction: "none" } as const;
  const losses = softmaxCrossEntropy(ones(device, [2, 3, 4]), labels, options);
  assertEquals(losses.shape, [2, 3]);
  const none = zeros(device, [0], { dtype: "int32" });
  const loss = softmaxCrossEntropy(ones(device, [0, 4]), none);
  assertEquals(await loss.item(), NaN);
  const one = softmaxCrossEntropy(
    ones(device, [1]),
    zeros(device, [], { dtype: "int32" }),
  );
  assertEquals(await one.item(), 0);
});

reference.test("softmaxCrossEntropy() gives back its temporaries", (device) => {
  using logits = ones(device, [2, 3]);
  using labels = zeros(device, [2], { dtype: "int32" });
  using weights = ones(device, [2]);
  for (const reduction of ["mean", "sum", "none"] as const) {
    using _loss = softmaxCrossEntropy(logits, labels, {
      reduction,
      weights,
      ignoreIndex: 1,
    });
    assertEquals(device.memory.liveBuffers, 4);
  }
  assertEquals(weights.shared, false);
});

reference.test("softmaxCrossEntropy() throws when arguments do not fit", (device) => {
  using _scope = device.scope();
  const logits = ones(device, [2, 3]);
  const labels = zeros(device, [2], { dtype: "int32" });
  const [wide, float] = [
    zeros(device, [3], { dtype: "int32" }),
    ones(device, [2]),
  ];
  const [heavy, none] = [ones(device, [3]), zeros(device, [2, 0])];
  const run = (options: SoftmaxCrossEntropyOptions) => () =>
    softmaxCrossEntropy(logits, labels, options);
  for (
    const [call, error, message] of [
      [
        () => softmaxCrossEntropy(logits, wide),
        ShapeError,
        "[..., classes] and [...]",
      ],
      [
        () => softmaxCrossEntropy(none, labels),
        ShapeError,
        "[..., classes] and [...]",
      ],
      [() => softmaxCrossEntropy(logits, float), DTypeError, "expected int32"],
      [() => softmaxCrossEntropy(labels, labels), DTypeError, "float"],
      [run({ weights: heavy }), ShapeError, "the shapes differ"],
      [run({ weights: labels }), DTypeError, "dtypes differ"],
      [run({ labelSmoothing: 1.1 }), ArgumentError, "label smoothing 1.1"],
      [run({ labelSmoothing: NaN }), ArgumentError, "label smoothing NaN"],
      [run({ ignoreIndex: 0.5 }), ArgumentError, "0.5 as int32"],
      [run({ reduction: "max" as "sum" }), ArgumentError, 'reduction "max"'],
    ] as const
  ) {
    assertRefused(device, call, error, message);
  }
});
