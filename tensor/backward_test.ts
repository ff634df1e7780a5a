import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  averagePool2dBackward,
  batchNormBackward,
  conv2dBackwardInput,
  conv2dBackwardWeight,
  dropoutBackward,
  gatherBackward,
  geluGradient,
  layerNormBackward,
  logSoftmaxBackward,
  matmulBackwardA,
  matmulBackwardB,
  maxPool2dBackward,
  reluGradient,
  scaledDotProductAttentionBackward,
  sigmoidGradient,
  sliceBackward,
  softmaxBackward,
  softmaxCrossEntropyBackward,
  tanhGradient,
} from "./backward.ts";
import {
  averagePool2d,
  batchNorm,
  conv2d,
  dropout,
  layerNorm,
  matmul,
  maxPool2d,
  mul,
  ones,
  randomNormal,
  scaledDotProductAttention,
  softmaxCrossEntropy,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "./mod.ts";
import type { Device } from "./device.ts";
import {
  type OpAttributes,
  type OpName,
  type OpRecord,
  setOpObserver,
} from "./op_record.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";

const [reference] = await openTested(REFERENCE);

interface Saved<K extends OpName> {
  readonly attributes: OpAttributes[K];
  readonly inputs: (Tensor | undefined)[];
  readonly outputs: Tensor[];
}

/** What an operation announces, kept. */
function save<K extends OpName>(op: K, run: () => Tensor): Saved<K> {
  const saved: Saved<K>[] = [];
  const keep = (x: unknown) => (x as Tensor | undefined)?.alias();
  const before = setOpObserver({
    observes: () => true,
    record: (record: OpRecord) => {
      if (record.op !== op) return;
      saved.push({
        attributes: record.attributes as OpAttributes[K],
        inputs: record.inputs.map(keep),
        outputs: record.outputs.map((x) => x.alias()),
      });
    },
  });
  try {
    run();
  } finally {
    setOpObserver(before);
  }
  return saved[0];
}

let stream = 0n;
function draw(device: Device, ...shape: number[]): Tensor {
  const options = { seed: 5n, stream: stream++, dtype: "float64" } as const;
  return randomNormal(device, shape, options);
}

/** Checks a gradient of `Σ f(x) · dy` by its change along one direction. */
async function assertGradient(
  f: (x: Tensor) => Tensor,
  x: Tensor,
  dy: Tensor,
  gradient: Tensor,
): Promise<void> {
  assertEquals(gradient.shape, x.shape);
  const step = 1e-5;
  const direction = await draw(x.device, ...x.shape).data();
  const at = await x.data();
  const shifted = async (sign: number) => {
    const values = at.map((value, i) => value + sign * step * direction[i]);
    const y = f(tensor(x.device, values, { shape: x.shape }));
    return await sum(mul(y, dy)).item();
  };
  const numeric = (await shifted(1) - await shifted(-1)) / (2 * step);
  const values = [...await gradient.data()];
  const analytic = values.reduce((total, g, i) => total + g * direction[i], 0);
  assertAlmostEquals(analytic, numeric, 1e-7 * Math.max(1, Math.abs(numeric)));
}

for (
  const [aBatches, bBatches] of [
    [[], []],
    [[3], []],
    [[], [3]],
    [[2, 3], [2, 3]],
    [[1], [3]],
  ]
) {
  reference.test(`matmulBackwardA() and B() sum over shared factors of ${JSON.stringify(aBatches)} by ${JSON.stringify(bBatches)}`, async (device) => {
    using _scope = device.scope();
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const a = draw(device, ...aBatches, ...(transposeA ? [4, 2] : [2, 4]));
        const b = draw(device, ...bBatches, ...(transposeB ? [5, 4] : [4, 5]));
        const options = { transposeA, transposeB };
        const { attributes, outputs } = save(
          "matmul",
          () => matmul(a, b, options),
        );
        const dy = draw(device, ...outputs[0].shape);
        const { layout } = attributes;
        const dA = matmulBackwardA(dy, b, a.shape, layout);
        const dB = matmulBackwardB(a, dy, b.shape, layout);
        await assertGradient((x) => matmul(x, b, options), a, dy, dA);
        await assertGradient((x) => matmul(a, x, options), b, dy, dB);
      }
    }
  });
}

reference.test("matmulBackwardA() gives back its temporaries", (device) => {
  using b = ones(device, [4, 3, 5]);
  using dy = ones(device, [4, 2, 5]);
  using dA = matmulBackwardA(dy, b, [2, 3], {
    ...{ batch: 4, m: 2, n: 5, k: 3, aBatchStride: 0, bBatchStride: 15 },
    ...{ transposeA: false, transposeB: false, activation: undefined },
  });
  assertEquals([dA.shape, device.memory.liveBuffers], [[2, 3], 3]);
});

reference.test("gradients of activations are those of their formulas", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, Float64Array.of(-1, 0, 2));
  const dy = tensor(device, Float64Array.of(3, 3, 3));
  assertEquals([...await reluGradient(x, dy).data()], [0, 0, 3]);
  const y = tensor(device, Float64Array.of(0.5));
  const one = tensor(device, Float64Array.of(1));
  assertEquals(await tanhGradient(y, one).item(), 0.75);
  assertEquals(await sigmoidGradient(y, one).item(), 0.25);
  const zero = tensor(device, Float64Array.of(0));
  assertEquals(await geluGradient(zero, one, "none").item(), 0.5);
  assertEquals(await geluGradient(zero, one, "tanh").item(), 0.5);
});

reference.test("sliceBackward() puts a part back in its place", async (device) => {
  using _scope = device.scope();
  const dy = tensor(device, [[1, 2], [3, 4]]);
  const dx = sliceBackward(dy, [3, 4], [1, 0], [1, 3]);
  assertEquals([...await dx.data()], [0, 0, 0, 0, 1, 0, 0, 2, 3, 0, 0, 4]);
  const none = sliceBackward(zeros(device, [0]), [2], [1], [1]);
  assertEquals([...await none.data()], [0, 0]);
});

reference.test("gatherBackward() adds slices up at their indices", async (device) => {
  using _scope = device.scope();
  const indices = tensor(device, [2, 0, 2], { dtype: "int32" });
  const dy = tensor(device, [[1, 2, 3]]);
  const dx = gatherBackward(dy, indices, [1, 3], 1);
  assertEquals([...await dx.data()], [2, 0, 4]);
  const none = zeros(device, [0], { dtype: "int32" });
  const nothing = gatherBackward(zeros(device, [0, 2]), none, [3, 2], 0);
  assertEquals([...await nothing.data()], [0, 0, 0, 0, 0, 0]);
});

reference.test("conv2dBackwardInput() and Weight() are gradients", async (device) => {
  using _scope = device.scope();
  const x = draw(device, 2, 5, 4, 4);
  const weight = draw(device, 3, 2, 2, 6);
  const options = { stride: 2, padding: [1, 0], groups: 2 } as const;
  const { attributes: { geometry }, outputs } = save(
    "conv2d",
    () => conv2d(x, weight, options),
  );
  const dy = draw(device, ...outputs[0].shape);
  await assertGradient(
    (x) => conv2d(x, weight, options),
    x,
    dy,
    conv2dBackwardInput(dy, weight, geometry),
  );
  await assertGradient(
    (weight) => conv2d(x, weight, options),
    weight,
    dy,
    conv2dBackwardWeight(x, dy, geometry),
  );
});

reference.test("conv2dBackwardWeight() of no images is 0", async (device) => {
  using _scope = device.scope();
  const x = zeros(device, [0, 2, 2, 1]);
  const weight = ones(device, [1, 1, 1, 1]);
  const { attributes } = save("conv2d", () => conv2d(x, weight));
  const dWeight = conv2dBackwardWeight(x, x, attributes.geometry);
  assertEquals([...await dWeight.data()], [0]);
});

reference.test("maxPool2dBackward() and averagePool2dBackward() are gradients", async (device) => {
  using _scope = device.scope();
  const x = draw(device, 2, 5, 4, 3);
  const options = { size: 3, stride: 2, padding: 1 };
  const max = save("maxPool2d", () => maxPool2d(x, options));
  const average = save("averagePool2d", () => averagePool2d(x, options));
  const dy = draw(device, ...max.outputs[0].shape);
  await assertGradient(
    (x) => maxPool2d(x, options),
    x,
    dy,
    maxPool2dBackward(dy, max.outputs[1], max.attributes.geometry),
  );
  await assertGradient(
    (x) => averagePool2d(x, options),
    x,
    dy,
    averagePool2dBackward(dy, average.attributes.geometry),
  );
});

reference.test("batchNormBackward() gives all gradients", async (device) => {
  using _scope = device.scope();
  const x = draw(device, 3, 2, 4);
  const residual = draw(device, 3, 2, 4);
  const [scale, bias] = [draw(device, 4), draw(device, 4)];
  const still = ones(device, [4], { dtype: "float64" });
  const statistics = { mean: still, variance: still };
  const run = (x: Tensor, scale: Tensor, bias: Tensor, residual: Tensor) =>
    batchNorm(x, { scale, bias, ...statistics }, {
      training: true,
      updateStatistics: false,
      relu: true,
      residual,
    });
  const { outputs: [y, mean, rstd] } = save(
    "batchNorm",
    () => run(x, scale, bias, residual),
  );
  const dy = draw(device, 3, 2, 4);
  const { dx, dScale, dBias, dResidual } = batchNormBackward(
    { x, y, dy, scale, mean, rstd },
    true,
  );
  await assertGradient((x) => run(x, scale, bias, residual), x, dy, dx);
  await assertGradient((s) => run(x, s, bias, residual), scale, dy, dScale);
  await assertGradient((b) => run(x, scale, b, residual), bias, dy, dBias);
  await assertGradient((r) => run(x, scale, bias, r), residual, dy, dResidual!);
  const without = batchNormBackward({ x, y, dy, scale, mean, rstd }, false);
  assertEquals(without.dResidual, undefined);
  assertEquals(await without.dx.data(), await dx.data());
});

reference.test("batchNormBackward() and layerNormBackward() of no rows are 0", async (device) => {
  using _scope = device.scope();
  const none = zeros(device, [0, 2]);
  const channels = ones(device, [2]);
  const batch = batchNormBackward({
    ...{ x: none, y: undefined, dy: none },
    ...{ scale: channels, mean: channels, rstd: channels },
  }, false);
  assertEquals([...await batch.dScale.data()], [0, 0]);
  const rows = zeros(device, [0]);
  const layer = layerNormBackward({
    ...{ x: none, dy: none, scale: channels, mean: rows, rstd: rows },
  });
  assertEquals([...await layer.dBias.data()], [0, 0]);
});

reference.test("layerNormBackward() gives all gradients", async (device) => {
  using _scope = device.scope();
  const [x, residual] = [draw(device, 3, 2, 4), draw(device, 3, 2, 4)];
  const [scale, bias] = [draw(device, 2, 4), draw(device, 2, 4)];
  const run = (x: Tensor, scale: Tensor, bias: Tensor) =>
    layerNorm(x, { scale, bias }, { residual });
  const { outputs: [, mean, rstd, added] } = save(
    "layerNorm",
    () => run(x, scale, bias),
  );
  const dy = draw(device, 3, 2, 4);
  const { dx, dScale, dBias } = layerNormBackward({
    ...{ x: added, dy, scale, mean, rstd },
  });
  await assertGradient((x) => run(x, scale, bias), x, dy, dx);
  await assertGradient((scale) => run(x, scale, bias), scale, dy, dScale);
  await assertGradient((bias) => run(x, scale, bias), bias, dy, dBias);
});

reference.test("softmaxBackward() and logSoftmaxBackward() use the output", async (device) => {
  using _scope = device.scope();
  const dy = tensor(device, Float64Array.of(1, 0));
  const y = tensor(device, Float64Array.of(0.25, 0.75));
  assertEquals([...await softmaxBackward(y, dy).data()], [0.1875, -0.1875]);
  const logs = tensor(device, Float64Array.of(0.25, 0.75).map(Math.log));
  const dx = await logSoftmaxBackward(logs, dy).data();
  assertAlmostEquals(dx[0], 0.75, 1e-15);
  assertAlmostEquals(dx[1], -0.75, 1e-15);
});

reference.test("softmaxCrossEntropyBackward() is the gradient of each row's loss", async (device) => {
  using _scope = device.scope();
  const logits = draw(device, 3, 4);
  const labels = tensor(device, [1, -1, 3], { dtype: "int32" });
  const run = (logits: Tensor) =>
    softmaxCrossEntropy(logits, labels, {
      ...{ reduction: "none", labelSmoothing: 0.1, ignoreIndex: -1 } as const,
    });
  const saved = save("softmaxCrossEntropy", () => run(logits));
  const dLosses = draw(device, 3);
  await assertGradient(
    run,
    logits,
    dLosses,
    softmaxCrossEntropyBackward(
      logits,
      labels,
      saved.outputs[1],
      dLosses,
      saved.attributes.layout,
    ),
  );
});

reference.test("dropoutBackward() drops what dropout() dropped", async (device) => {
  using _scope = device.scope();
  const x = ones(device, [20]);
  const { attributes, outputs } = save(
    "dropout",
    () => dropout(x, { rate: 0.5, seed: 3n }),
  );
  const dx = dropoutBackward(x, attributes.rate, attributes.state);
  assertEquals(await dx.data(), await outputs[0].data());
});

reference.test("scaledDotProductAttentionBackward() gives all gradients", async (device) => {
  using _scope = device.scope();
  const query = draw(device, 2, 3, 2, 4);
  const key = draw(device, 2, 5, 2, 4);
  const value = draw(device, 2, 5, 2, 3);
  const run = (query: Tensor, key: Tensor, value: Tensor) =>
    scaledDotProductAttention(query, key, value, { causal: true });
  const { inputs: [, , , mask], outputs: [out, logSumExp], attributes } = save(
    "scaledDotProductAttention",
    () => run(query, key, value),
  );
  const dOut = draw(device, 2, 3, 2, 3);
  const { dQuery, dKey, dValue } = scaledDotProductAttentionBackward(
    { query, key, value, mask, out, logSumExp, dOut },
    attributes.layout,
  );
  await assertGradient((x) => run(x, key, value), query, dOut, dQuery);
  await assertGradient((x) => run(query, x, value), key, dOut, dKey);
  await assertGradient((x) => run(query, key, x), value, dOut, dValue);
});
