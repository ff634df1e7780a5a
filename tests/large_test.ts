/**
 * Tensors beyond what one dispatch or one binding of a GPU reaches.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { Device, Shape, Tensor } from "@cram/tensor";
import { geluGradient, reluGradient } from "@cram/tensor/backward";
import { assert, assertEquals } from "@std/assert";
import { CPU, openTested, WEBGPU_DEFAULT_LIMITS } from "./devices.ts";

/** More elements than 65,535 workgroups of 256 invocations. */
const MANY: Shape = [4097, 4099];

/** More rows than one axis of a dispatch has workgroups. */
const ROWS = 65_537;

function uniform(device: Device, shape: Shape, stream = 0n): Tensor {
  return t.randomUniform(device, shape, { seed: 1n, stream, low: -1 });
}

function labels(device: Device, length: number, classes: number): Tensor {
  using whole = uniform(device, [length], 9n);
  using scaled = t.mul(whole, classes);
  return t.cast(scaled, "int32");
}

/** Calls on tensors with many elements. */
const MANY_ELEMENTS: Readonly<Record<string, (device: Device) => Tensor>> = {
  add: (device) => t.add(uniform(device, MANY), uniform(device, [MANY[1]], 1n)),
  neg: (device) => t.neg(uniform(device, MANY)),
  where: (device) => {
    const x = uniform(device, MANY);
    return t.where(t.greater(x, 0), x, -1);
  },
  cast: (device) => t.cast(t.mul(uniform(device, MANY), 300), "int32"),
  "cast to bytes": (device) =>
    t.cast(t.mul(uniform(device, MANY), 300), "uint8"),
  transpose: (device) => t.transpose(uniform(device, MANY)),
  dropout: (device) =>
    t.dropout(uniform(device, MANY), { rate: 0.5, seed: 3n }),
  clip: (device) => t.clip(uniform(device, MANY), { low: -0.5, high: 0.5 }),
  concat: (device) =>
    t.concat([uniform(device, MANY), uniform(device, [3, MANY[1]], 1n)]),
  pad: (device) => t.pad(uniform(device, MANY), [[1, 2], [3, 0]]),
  slice: (device) =>
    t.slice(uniform(device, [MANY[0] + 2, MANY[1] + 2]), [1, 2], MANY),
  "gradient of relu": (device) =>
    reluGradient(uniform(device, MANY), uniform(device, MANY, 1n)),
  "gradient of gelu": (device) =>
    geluGradient(uniform(device, MANY), uniform(device, MANY, 1n), "none"),
  "means of rows": (device) => t.mean(uniform(device, MANY), { axes: 1 }),
  "means of columns": (device) => t.mean(uniform(device, MANY), { axes: 0 }),
  "means of everything": (device) => t.mean(uniform(device, MANY)),
};

/** Calls on tensors with many rows, images, matrices or heads. */
const MANY_ROWS: Readonly<Record<string, (device: Device) => Tensor>> = {
  "norms of many rows": (device) =>
    t.l2Norm(uniform(device, [ROWS, 9]), { axes: 1 }),
  "argmax of many rows": (device) =>
    t.argmax(uniform(device, [ROWS, 5]), { axis: 1 }),
  "softmax of many rows": (device) => t.softmax(uniform(device, [ROWS, 5])),
  "cross-entropy of many rows": (device) =>
    t.softmaxCrossEntropy(uniform(device, [ROWS, 5]), labels(device, ROWS, 5), {
      reduction: "none",
    }),
  "layerNorm of many rows": (device) =>
    t.layerNorm(uniform(device, [ROWS, 5]), {
      scale: t.ones(device, [5]),
      bias: t.zeros(device, [5]),
    }),
  "batchNorm of many rows": (device) => {
    const [one, zero] = [t.ones(device, [5]), t.zeros(device, [5])];
    return t.batchNorm(
      uniform(device, [ROWS, 5]),
      { scale: one, bias: zero, mean: zero, variance: one },
      { training: true, updateStatistics: false },
    );
  },
  "batchNorm of many channels": (device) => {
    const [one, zero] = [t.ones(device, [ROWS]), t.zeros(device, [ROWS])];
    return t.batchNorm(
      uniform(device, [3, ROWS]),
      { scale: one, bias: zero, mean: zero, variance: one },
      { training: true, updateStatistics: false },
    );
  },
  "gather of many rows": (device) =>
    t.gather(uniform(device, [100, 5]), labels(device, ROWS, 100)),
  "scatterAdd to many rows": (device) =>
    t.scatterAdd(
      uniform(device, [ROWS, 5]),
      labels(device, 1000, ROWS),
      uniform(device, [1000, 5], 2n),
    ),
  "matmul of many rows": (device) =>
    t.matmul(uniform(device, [8 * ROWS, 3]), uniform(device, [3, 4], 1n)),
  "matmul of many columns": (device) =>
    t.matmul(uniform(device, [3, 4]), uniform(device, [4, 8 * ROWS], 1n)),
  "matmul of many matrices": (device) =>
    t.matmul(uniform(device, [ROWS, 2, 3]), uniform(device, [ROWS, 3, 2], 1n)),
  "attention of many heads": (device) => {
    const x = uniform(device, [ROWS, 2, 1, 2]);
    return t.scaledDotProductAttention(x, x, x);
  },
  "conv2d of many images": (device) =>
    t.conv2d(uniform(device, [ROWS, 2, 2, 1]), uniform(device, [2, 2, 1, 3])),
  "conv2d of a large image": (device) =>
    t.conv2d(uniform(device, [1, 800, 800, 1]), uniform(device, [3, 3, 1, 2])),
  "maxPool2d of many images": (device) =>
    t.maxPool2d(uniform(device, [ROWS, 2, 2, 3]), { size: 2 }),
};

/** Calls in a scope of their own, of which the result is left. */
function call(device: Device, make: (device: Device) => Tensor): Tensor {
  using scope = device.scope();
  return scope.keep(make(device));
}

async function compare(
  device: Device,
  oracle: Device,
  make: (device: Device) => Tensor,
): Promise<void> {
  using actual = call(device, make);
  using expected = call(oracle, make);
  assertEquals(actual.shape, expected.shape);
  const [a, e] = await Promise.all([actual.data(), expected.data()]);
  let worst = 0;
  for (let i = 0; i < e.length; i++) {
    const error = Math.abs(a[i] - e[i]) / Math.max(1, Math.abs(e[i]));
    if (!(error <= worst)) worst = error;
  }
  assert(worst <= 1e-5, `The largest error is ${worst}`);
}

const reference = await t.openDevice("reference");
const cpu = await t.openDevice("cpu");
Deno.test.afterAll(() => cpu.close());

const [onCpu, onWebGpu] = await openTested(CPU, WEBGPU_DEFAULT_LIMITS);

for (const [name, make] of Object.entries(MANY_ROWS)) {
  for (const { test } of [onCpu, onWebGpu]) {
    test(
      `${name} agrees with the reference`,
      (device) => compare(device, reference, make),
    );
  }
}

// The cpu has no workgroups, and is so much faster than the reference that it
// takes its place here.
for (const [name, make] of Object.entries(MANY_ELEMENTS)) {
  onWebGpu.test(
    `${name} of 16 million elements agrees with the cpu`,
    (device) => compare(device, cpu, make),
  );
}

onWebGpu.test("tensors larger than the largest binding work", async (device) => {
  // 128 MiB is the largest binding that WebGPU promises.
  const boundary = 2 ** 25;
  const length = boundary + 1000;
  using _scope = device.scope();
  const x = uniform(device, [length]);
  const y = t.add(t.mul(x, 2), t.slice(x, [length - 1], [1]));
  const [expected, actual, last, largest, mean] = await Promise.all([
    x.view(length - 2000, [2000]).data(),
    y.view(length - 2000, [2000]).data(),
    x.view(length - 1, [1]).item(),
    t.max(x).item(),
    t.mean(x).item(),
  ]);
  assertEquals(
    [...actual],
    [...expected].map((v) => Math.fround(Math.fround(2 * v) + last)),
  );
  assert(largest < 1 && largest > 0.9999, `The largest is ${largest}`);
  assert(Math.abs(mean) < 1e-3, `The mean is ${mean}`);
});
