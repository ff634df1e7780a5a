/**
 * Long training: device memory is flat, and the loss falls.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  assign,
  batchNorm,
  conv2d,
  type Device,
  dropout,
  globalAveragePool2d,
  matmul,
  maxPool2d,
  mul,
  ones,
  randomNormal,
  RandomSource,
  type Shape,
  softmaxCrossEntropy,
  sub,
  type Tensor,
  tensor,
  zeros,
} from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import { CPU, openTested, WEBGPU } from "./devices.ts";

const CLASSES = 3;
const BATCH = 4;

/** What is trained: parameters, and the loss of a step on the one batch. */
interface Task {
  readonly parameters: readonly Tensor[];
  loss(step: number): Tensor;
}

function labels(device: Device): Tensor {
  return tensor(
    device,
    Int32Array.from({ length: BATCH }, (_, i) => i % CLASSES),
  );
}

function weights(
  device: Device,
  random: RandomSource,
  shape: Shape,
): Tensor {
  const inputs = shape.slice(0, -1).reduce((product, n) => product * n, 1);
  const standardDeviation = Math.sqrt(2 / inputs);
  return randomNormal(device, shape, { ...random.next(), standardDeviation });
}

/** Two layers with dropout in between. */
function mlp(device: Device): Task {
  const random = new RandomSource(1n);
  const x = randomNormal(device, [BATCH, 6], random.next());
  const y = labels(device);
  const first = weights(device, random, [6, 8]);
  const bias = zeros(device, [8]);
  const last = weights(device, random, [8, CLASSES]);
  return {
    parameters: [first, bias, last],
    loss: (step) => {
      const hidden = matmul(x, first, { bias, activation: "gelu" });
      const dropped = dropout(hidden, {
        rate: 0.1,
        seed: 7n,
        stream: BigInt(step),
      });
      return softmaxCrossEntropy(matmul(dropped, last), y);
    },
  };
}

/** A convolution, batch normalization with a shortcut, pooling, and a layer. */
function convNet(device: Device): Task {
  const random = new RandomSource(2n);
  const x = randomNormal(device, [BATCH, 6, 6, 2], random.next());
  const y = labels(device);
  const first = weights(device, random, [3, 3, 2, 4]);
  const second = weights(device, random, [3, 3, 4, 4]);
  const [scale, bias] = [ones(device, [4]), zeros(device, [4])];
  const [mean, variance] = [zeros(device, [4]), ones(device, [4])];
  const last = weights(device, random, [4, CLASSES]);
  return {
    parameters: [first, second, scale, bias, last],
    loss: () => {
      const stem = maxPool2d(conv2d(x, first, { padding: 1 }), { size: 2 });
      const body = batchNorm(
        conv2d(stem, second, { padding: 1 }),
        { scale, bias, mean, variance },
        { training: true, residual: stem, relu: true },
      );
      return softmaxCrossEntropy(matmul(globalAveragePool2d(body), last), y);
    },
  };
}

/** One step of gradient descent; gives the loss. */
function descend({ parameters, loss }: Task, step: number): Tensor {
  const { value, gradients } = valueAndGrad(() => loss(step), parameters);
  for (const [i, parameter] of parameters.entries()) {
    assign(parameter, sub(parameter, mul(gradients[i], 0.02)));
  }
  return value;
}

async function soak(
  device: Device,
  task: Task,
  steps: number,
): Promise<void> {
  let flat: Device["memory"] | undefined;
  let first = NaN;
  let last = NaN;
  for (let step = 1; step <= steps; step++) {
    using _scope = device.scope();
    const loss = descend(task, step);
    if (step === 1) first = await loss.item();
    if (step % 500 === 0) last = await loss.item();
    if (step === 10) flat = device.memory;
    if (step > 10) {
      assertEquals(device.memory, flat, `Memory moved in step ${step}`);
    }
  }
  assert(last < first / 2, `The loss went from ${first} to ${last}`);
}

const TASKS = { "an MLP": mlp, "a conv net": convNet };

for (const { kind, test } of await openTested(CPU, WEBGPU)) {
  const steps = kind === "cpu" ? 10_000 : 1_000;
  for (const [name, task] of Object.entries(TASKS)) {
    test(`${name} trains ${steps} steps in flat memory`, async (device) => {
      using _scope = device.scope();
      await soak(device, task(device), steps);
    });
  }
}
