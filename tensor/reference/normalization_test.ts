import { assertAlmostEquals, assertEquals } from "@std/assert";
import { dot, empty, noise, numbers, view } from "./_testing.ts";
import type { ReferenceView } from "./buffer.ts";
import {
  batchNormBackward,
  batchNormInference,
  batchNormTraining,
  layerNorm,
  layerNormBackward,
} from "./normalization.ts";

function assertNumbers(
  actual: ReferenceView,
  expected: readonly number[],
): void {
  const values = numbers(actual);
  assertEquals(values.length, expected.length);
  values.forEach((x, i) => assertAlmostEquals(x, expected[i], 1e-12));
}

/** Asserts that a gradient is the directional derivative of a function at x. */
function assertGradient(
  f: (x: ReferenceView) => number,
  x: ReferenceView,
  gradient: ReferenceView,
): void {
  const step = 1e-6;
  const direction = noise(x.shape, 99);
  const moved = (distance: number) =>
    view(
      numbers(x).map((v, i) => v + distance * numbers(direction)[i]),
      "float64",
      x.shape,
    );
  assertAlmostEquals(
    dot(gradient, direction),
    (f(moved(step)) - f(moved(-step))) / (2 * step),
    1e-7,
  );
}

const double = (values: number[]): ReferenceView => view(values, "float64");
const outputs = (...shapes: number[][]): ReferenceView[] =>
  shapes.map((shape) => empty(shape, "float64"));

Deno.test("batchNormTraining() uses the biased variance, and remembers the unbiased one", () => {
  const [out, mean, rstd] = outputs([4, 1], [1], [1]);
  const running = { mean: double([10]), variance: double([20]), momentum: 0.1 };
  batchNormTraining({
    x: double([1, 2, 3, 6]),
    scale: double([2]),
    bias: double([1]),
    residual: undefined,
    out,
    mean,
    rstd,
    running,
    epsilon: 0.5,
    relu: false,
  }, { rows: 4, columns: 1 });
  // Mean 3, biased variance 3.5, unbiased 14/3; 1/√(3.5 + 0.5) = 1/2.
  assertNumbers(out, [-1, 0, 1, 4]);
  assertNumbers(mean, [3]);
  assertNumbers(rstd, [0.5]);
  assertNumbers(running.mean, [9.3]);
  assertNumbers(running.variance, [18 + 1.4 / 3]);
});

Deno.test("batchNormTraining() adds the residual before the ReLU, channel by channel", () => {
  const [out, mean, rstd] = outputs([2, 2], [2], [2]);
  batchNormTraining({
    x: double([1, 10, 3, 30]),
    scale: double([1, 1]),
    bias: double([0, 0]),
    residual: double([0.5, 5, 0.5, -5]),
    out,
    mean,
    rstd,
    running: undefined,
    epsilon: 0,
    relu: true,
  }, { rows: 2, columns: 2 });
  assertNumbers(out, [0, 4, 1.5, 0]);
  assertNumbers(mean, [2, 20]);
  assertNumbers(rstd, [1, 0.1]);
});

Deno.test("batchNormTraining() of one row per channel stays finite", () => {
  const [out, mean, rstd] = outputs([1, 1], [1], [1]);
  const running = { mean: double([0]), variance: double([1]), momentum: 0.5 };
  batchNormTraining({
    x: double([7]),
    scale: double([3]),
    bias: double([2]),
    residual: undefined,
    out,
    mean,
    rstd,
    running,
    epsilon: 1e-5,
    relu: false,
  }, { rows: 1, columns: 1 });
  assertNumbers(out, [2]);
  assertNumbers(running.variance, [0.5]);
});

Deno.test("batchNormBackward() gives the gradients of batchNormTraining()", () => {
  const layout = { rows: 5, columns: 3 };
  const [x, residual, dy] = [1, 2, 3].map((seed) => noise([5, 3], seed));
  const [scale, bias] = [4, 5].map((seed) => noise([3], seed));
  const [y, mean, rstd] = outputs([5, 3], [3], [3]);
  const forward = (
    inputs: Partial<Record<"x" | "residual" | "scale" | "bias", ReferenceView>>,
  ): number => {
    const views = { x, residual, scale, bias, out: y, mean, rstd, ...inputs };
    batchNormTraining(
      { ...views, running: undefined, epsilon: 1e-5, relu: true },
      layout,
    );
    return dot(y, dy);
  };
  const [dx, dScale, dBias, dResidual] = outputs([5, 3], [3], [3], [5, 3]);
  forward({});
  batchNormBackward(
    { x, y, dy, scale, mean, rstd, dx, dScale, dBias, dResidual },
    layout,
  );
  assertGradient((x) => forward({ x }), x, dx);
  assertGradient((scale) => forward({ scale }), scale, dScale);
  assertGradient((bias) => forward({ bias }), bias, dBias);
  assertGradient((residual) => forward({ residual }), residual, dResidual);
});

Deno.test("batchNormInference() uses the given statistics", () => {
  const [out] = outputs([2, 2]);
  batchNormInference({
    x: double([1, 2, 3, 4]),
    scale: double([1, 2]),
    bias: double([0, 1]),
    residual: double([0, 0, 0, -10]),
    out,
    mean: double([2, 1]),
    variance: double([0.75, 3.75]),
    epsilon: 0.25,
    relu: true,
  }, { rows: 2, columns: 2 });
  assertNumbers(out, [0, 2, 1, 0]);
});

Deno.test("layerNorm() normalizes rows of x + residual", () => {
  const [out, sum, mean, rstd] = outputs([2, 2], [2, 2], [2], [2]);
  layerNorm({
    x: double([1, 2, 10, 20]),
    residual: double([0, 1, 0, 10]),
    scale: double([1, 2]),
    bias: double([0, 5]),
    out,
    sum,
    mean,
    rstd,
    epsilon: 0,
  }, { rows: 2, columns: 2 });
  assertNumbers(sum, [1, 3, 10, 30]);
  assertNumbers(mean, [2, 20]);
  assertNumbers(rstd, [1, 0.1]);
  assertNumbers(out, [-1, 7, -1, 7]);
});

Deno.test("layerNormBackward() gives the gradients of layerNorm()", () => {
  const layout = { rows: 3, columns: 5 };
  const [x, dy] = [1, 2].map((seed) => noise([3, 5], seed));
  const [scale, bias] = [3, 4].map((seed) => noise([5], seed));
  const [y, mean, rstd] = outputs([3, 5], [3], [3]);
  const forward = (
    inputs: Partial<Record<"x" | "scale" | "bias", ReferenceView>>,
  ): number => {
    layerNorm({
      x,
      scale,
      bias,
      residual: undefined,
      out: y,
      sum: undefined,
      mean,
      rstd,
      epsilon: 1e-5,
      ...inputs,
    }, layout);
    return dot(y, dy);
  };
  const [dx, dScale, dBias] = outputs([3, 5], [5], [5]);
  forward({});
  layerNormBackward({ x, dy, scale, mean, rstd, dx, dScale, dBias }, layout);
  assertGradient((x) => forward({ x }), x, dx);
  assertGradient((scale) => forward({ scale }), scale, dScale);
  assertGradient((bias) => forward({ bias }), bias, dBias);
});
