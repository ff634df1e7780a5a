import { assertAlmostEquals, assertEquals } from "@std/assert";
import { batchNorm } from "./batch_norm.ts";
import { ones, tensor, zeros } from "./creation.ts";
import type { Device } from "./device.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import type { Tensor } from "./tensor.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

function parametersOf(device: Device) {
  return {
    scale: tensor(device, Float64Array.of(2, 3)),
    bias: tensor(device, Float64Array.of(10, 20)),
    mean: tensor(device, Float64Array.of(1, 2)),
    variance: tensor(device, Float64Array.of(4, 9)),
  };
}

/** Channels 1, 3, 5 (mean 3, variance 8/3) and 0, 0, 3 (mean 1, variance 2). */
function inputOf(device: Device): Tensor {
  return tensor(device, Float64Array.of(1, 0, 3, 0, 5, 3), { shape: [3, 2] });
}

async function assertClose(actual: Tensor, expected: number[]): Promise<void> {
  (await actual.data()).forEach((value, i) =>
    assertAlmostEquals(value, expected[i], 1e-12)
  );
  assertEquals(actual.size, expected.length);
}

reference.test("batchNorm() normalizes by the batch while training", async (device) => {
  using _scope = device.scope();
  const y = batchNorm(inputOf(device), parametersOf(device), {
    training: true,
    epsilon: 1e-3,
  });
  const [a, b] = [2 / Math.sqrt(8 / 3 + 1e-3), 3 / Math.sqrt(2 + 1e-3)];
  await assertClose(y, [
    10 - 2 * a,
    20 - b,
    10,
    20 - b,
    10 + 2 * a,
    20 + 2 * b,
  ]);
});

reference.test("batchNorm() moves the running statistics in place", async (device) => {
  using _scope = device.scope();
  const parameters = parametersOf(device);
  batchNorm(inputOf(device), parameters, { training: true });
  await assertClose(parameters.mean, [0.9 + 0.3, 1.8 + 0.1]);
  await assertClose(parameters.variance, [3.6 + 0.4, 8.1 + 0.3]);
  assertEquals(
    [parameters.mean.version, parameters.variance.version],
    [1, 1],
  );
  batchNorm(inputOf(device), parameters, { training: true, momentum: 1 });
  await assertClose(parameters.variance, [4, 3]);
});

reference.test("batchNorm() leaves the running statistics alone when asked to, or evaluating", async (device) => {
  using _scope = device.scope();
  const parameters = parametersOf(device);
  const x = inputOf(device);
  batchNorm(x, parameters, { training: true, updateStatistics: false });
  batchNorm(x, parameters, { training: false });
  await assertClose(parameters.mean, [1, 2]);
  await assertClose(parameters.variance, [4, 9]);
  assertEquals(parameters.mean.version, 0);
});

reference.test("batchNorm() normalizes by the running statistics when evaluating", async (device) => {
  using _scope = device.scope();
  const y = batchNorm(inputOf(device), parametersOf(device), {
    training: false,
    epsilon: 1e-12,
  });
  await assertClose(y, [10, 18, 12, 18, 14, 21]);
});

reference.test("batchNorm() adds the residual before the ReLU", async (device) => {
  using _scope = device.scope();
  const x = inputOf(device);
  const residual = tensor(
    device,
    Float64Array.of(-20, 1, -20, -20, 0, 0),
    { shape: [3, 2] },
  );
  for (const training of [false, true]) {
    const parameters = parametersOf(device);
    const options = { training, updateStatistics: false };
    const plain = await batchNorm(x, parameters, options).data();
    const expected = await residual.data();
    await assertClose(
      batchNorm(x, parameters, { ...options, residual, relu: true }),
      [...plain].map((value, i) => Math.max(0, value + expected[i])),
    );
  }
});

reference.test("batchNorm() takes evaluation of one row, and training of none", (device) => {
  using _scope = device.scope();
  const parameters = parametersOf(device);
  const row = zeros(device, [1, 2], { dtype: "float64" });
  assertEquals(batchNorm(row, parameters, { training: false }).shape, [1, 2]);
  const none = zeros(device, [0, 3, 2], { dtype: "float64" });
  const y = batchNorm(none, parameters, { training: true });
  assertEquals([y.shape, parameters.mean.version], [[0, 3, 2], 0]);
});

reference.test("batchNorm() gives back its statistics", (device) => {
  using x = inputOf(device);
  const { scale, ...rest } = parametersOf(device);
  const { liveBuffers } = device.memory;
  using _y = batchNorm(x, { scale, ...rest }, { training: true });
  assertEquals(device.memory.liveBuffers, liveBuffers + 1);
  for (const tensor of [scale, ...Object.values(rest)]) tensor.dispose();
});

reference.test("batchNorm() throws when arguments do not fit", (device) => {
  using _scope = device.scope();
  const parameters = parametersOf(device);
  const x = inputOf(device);
  const refuse = (
    run: () => unknown,
    // deno-lint-ignore no-explicit-any -- the signature of assertRefused()
    error: abstract new (...args: any[]) => Error,
    message: string,
  ) => assertRefused(device, run, error, message);
  const row = x.view(0, [1, 2]);
  const train = { training: true };
  refuse(
    () => batchNorm(row, parameters, train),
    ShapeError,
    "has no variance",
  );
  const wide = zeros(device, [3, 3], { dtype: "float64" });
  refuse(
    () => batchNorm(wide, parameters, train),
    ShapeError,
    "with scale Tensor(float64 [2]",
  );
  refuse(
    () => batchNorm(x, parameters, { ...train, residual: row }),
    ShapeError,
    "the shapes differ",
  );
  const scalar = zeros(device, [], { dtype: "float64" });
  refuse(() => batchNorm(scalar, parameters, train), ShapeError, "last axis");
  for (const momentum of [-0.1, 1.1, NaN]) {
    refuse(
      () => batchNorm(x, parameters, { ...train, momentum }),
      ArgumentError,
      `momentum ${momentum}`,
    );
  }
  for (const epsilon of [0, -1, NaN, Infinity]) {
    refuse(
      () => batchNorm(x, parameters, { ...train, epsilon }),
      ArgumentError,
      `epsilon ${epsilon}`,
    );
  }
  const single = ones(device, [3, 2]);
  refuse(
    () => batchNorm(single, parameters, train),
    DTypeError,
    "dtypes differ",
  );
});
