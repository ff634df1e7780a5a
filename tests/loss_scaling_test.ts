/**
 * Every optimizer of the table × loss scaling, on every device: a scale
 * that is a power of two must change no bit.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { topK } from "@cram/compress";
import {
  cramPlus,
  type Evaluation,
  gradualPruning,
  type LossScaling,
  type Optimizer,
  type Pass,
  sgd,
  StateError,
} from "@cram/optim";
import {
  ArgumentError,
  copy,
  type Device,
  matmul,
  mul,
  softmaxCrossEntropy,
  tanh,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";
import { Samples, upload } from "./host_tensor.ts";
import { OPTIMIZERS } from "./optimizer_table.ts";

/** In float64 where it can be had: the reference rounds scalars on the device to float32, and numbers not. */
function dtypeOf({ info }: Device): "float32" | "float64" {
  return info.kind === "reference" ? "float64" : "float32";
}

/** A classifier of three layers. */
class Network {
  readonly parameters: Map<string, Tensor>;
  readonly #x: Tensor;
  readonly #labels: Tensor;

  constructor(device: Device) {
    const samples = new Samples(21);
    const random = (...shape: number[]) =>
      upload(device, samples.floats(shape), dtypeOf(device));
    this.parameters = new Map([
      ["first.weight", random(6, 8)],
      ["second.weight", random(8, 8)],
      ["third.weight", random(8, 4)],
      ["third.bias", random(4)],
    ]);
    this.#x = random(8, 6);
    this.#labels = tensor(device, Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3));
  }

  /** Loss and scaled gradients over a part of the batch. */
  evaluate({ lossScale, microBatch }: Pass, parts: number): Evaluation {
    const rows = 8 / parts;
    const x = this.#x.view(microBatch * rows * 6, [rows, 6]);
    const labels = this.#labels.view(microBatch * rows, [rows]);
    const parameters = [...this.parameters.values()];
    return valueAndGrad(
      () => {
        const [first, second, third, bias] = parameters;
        const hidden = tanh(matmul(tanh(matmul(x, first)), second));
        return softmaxCrossEntropy(matmul(hidden, third, { bias }), labels);
      },
      parameters,
      { seed: lossScale },
    );
  }

  async bits(): Promise<number[][]> {
    return await bitsOf(this.parameters);
  }
}

async function bitsOf(
  tensors: ReadonlyMap<string, Tensor>,
): Promise<number[][]> {
  return await Promise.all(
    Array.from(tensors.values(), async (x) => [...await x.data()]),
  );
}

/** Takes a step; the gradient of pass `failing` has an infinite element. */
async function step(
  network: Network,
  optimizer: Optimizer,
  { failing, parts = 1 }: { failing?: 1 | 2; parts?: number } = {},
): Promise<void> {
  using _scope = [...network.parameters.values()][0].device.scope();
  await optimizer.step((pass) => {
    const { value, gradients } = network.evaluate(pass, parts);
    if (pass.pass !== failing) return { value, gradients };
    return {
      value,
      gradients: gradients.map((g, i) => i === 3 ? mul(g, Infinity) : g),
    };
  }, { learningRate: 0.05 });
}

/** The scale, and how many steps were left out. */
async function standing({ lossScale }: Optimizer): Promise<number[]> {
  if (lossScale === undefined) return [];
  return [await lossScale.scale.item(), await lossScale.skipped.item()];
}

const devices = await openTested(REFERENCE, CPU, WEBGPU);
const [reference] = devices;

/** One optimizer for each way over the chunks; tests of all of them take long on webgpu. */
const ON_EVERY_DEVICE = [
  "SGD with Nesterov",
  "AdamW",
  "ASAM",
  "CrAM",
  "CrAM+-Multi with old masks",
];

for (const { name, rule, ascent } of OPTIMIZERS) {
  const passes = ascent === undefined ? [1] as const : [1, 2] as const;
  const tests = ON_EVERY_DEVICE.includes(name) ? devices : [reference];
  for (const tested of tests) {
    tested.test(
      `${name} takes the same steps with a scaled loss`,
      async (device) => {
        using _scope = device.scope();
        const [plain, scaled] = [new Network(device), new Network(device)];
        const options = { clip: { maxNorm: 0.5 }, microBatches: 2 };
        using one = rule.start(plain.parameters, options);
        using other = rule.start(scaled.parameters, {
          ...options,
          lossScaling: { growthInterval: 2 },
        });
        for (let i = 0; i < 4; i++) {
          await step(plain, one, { parts: 2 });
          await step(scaled, other, { parts: 2 });
        }
        assertEquals(await scaled.bits(), await plain.bits());
        assertEquals(await standing(other), [2 ** 18, 0]);
      },
    );

    tested.test(
      `${name} leaves steps out whose gradient is not finite, and halves the scale`,
      async (device) => {
        using _scope = device.scope();
        const network = new Network(device);
        using optimizer = rule.start(network.parameters, { lossScaling: {} });
        const memory = async () => {
          const memory = new Map(optimizer.state().tensors);
          for (const name of [...memory.keys()]) {
            if (!/^(velocity|mean|square)/.test(name)) memory.delete(name);
          }
          return [await network.bits(), await bitsOf(memory)];
        };
        for (const failing of passes) {
          const before = await memory();
          await step(network, optimizer, { failing });
          assertEquals(await memory(), before);
          assertEquals(await standing(optimizer), [
            2 ** (16 - failing),
            failing,
          ]);
        }
        const before = await memory();
        await step(network, optimizer);
        assertNotEquals(await memory(), before);
        assertEquals(await standing(optimizer), [
          2 ** (16 - passes.length),
          passes.length,
        ]);
      },
    );
  }

  reference.test(
    `${name} goes on with its loss scale when it is resumed`,
    async (device) => {
      using _scope = device.scope();
      const options = { lossScaling: { growthInterval: 3 } };
      const run = async (
        network: Network,
        optimizer: Optimizer,
        from: number,
      ) => {
        for (let i = from; i < 8; i++) {
          await step(network, optimizer, { failing: i === 1 ? 1 : undefined });
        }
      };
      const whole = new Network(device);
      using uninterrupted = rule.start(whole.parameters, options);
      await run(whole, uninterrupted, 0);

      const begun = new Network(device);
      using first = rule.start(begun.parameters, options);
      for (let i = 0; i < 3; i++) {
        await step(begun, first, { failing: i === 1 ? 1 : undefined });
      }
      const resumed = new Network(device);
      for (const [name, x] of begun.parameters) {
        resumed.parameters.set(name, copy(x));
      }
      using second = rule.start(resumed.parameters, options);
      second.load(first.state());
      await run(resumed, second, 3);
      assertEquals(await resumed.bits(), await whole.bits());
      assertEquals(await standing(second), await standing(uninterrupted));
      assertEquals(await standing(second), [2 ** 17, 1]);
    },
  );
}

reference.test("masks that are kept are those of weights, also when the ascent is not finite", async (device) => {
  using _scope = device.scope();
  const network = new Network(device);
  const compressor = topK(0.5, { exact: true });
  const rule = cramPlus({
    base: sgd(),
    compressors: [compressor],
    maskEvery: 2,
  });
  using optimizer = rule.start(network.parameters, { lossScaling: {} });
  const expected = compressor.compress(
    optimizer.weights.map(({ name, tensor }) => ({
      name,
      tensor: copy(tensor),
    })),
  )!;
  await optimizer.step((pass) => {
    const { value, gradients } = network.evaluate(pass, 1);
    return { value, gradients: gradients.map((g) => mul(g, NaN)) };
  }, { learningRate: 0.05 });
  const { tensors } = optimizer.state();
  for (const [name, mask] of expected.entries) {
    assertEquals(
      await tensors.get(`mask.0.${name}`)?.data(),
      await mask.data(),
    );
  }
});

reference.test("the loss scale doubles after steps in a row, within its bounds", async (device) => {
  using _scope = device.scope();
  const scalesOf = async (lossScaling: LossScaling, failing: string) => {
    const network = new Network(device);
    using optimizer = sgd().start(network.parameters, { lossScaling });
    const scales: number[] = [];
    for (const mark of failing) {
      await step(network, optimizer, { failing: mark === "x" ? 1 : undefined });
      scales.push((await standing(optimizer))[0]);
    }
    return scales;
  };
  assertEquals(
    await scalesOf({ initial: 8, growthInterval: 2 }, "..x...."),
    [8, 16, 8, 8, 16, 16, 32],
  );
  assertEquals(await scalesOf({ initial: 2 }, "xx"), [1, 1]);
  assertEquals(
    await scalesOf({ initial: 2 ** 23, growthInterval: 1 }, ".."),
    [2 ** 24, 2 ** 24],
  );
});

reference.test("gradual pruning scales the loss of what it is put around", async (device) => {
  using _scope = device.scope();
  const network = new Network(device);
  const rule = gradualPruning({ base: sgd(), sparsity: () => 0.5, every: 1 });
  using optimizer = rule.start(network.parameters, { lossScaling: {} });
  await step(network, optimizer, { failing: 1 });
  assertEquals(await standing(optimizer), [2 ** 15, 1]);
});

reference.test("start() and load() refuse loss scaling that does not fit", (device) => {
  using _scope = device.scope();
  const { parameters } = new Network(device);
  const wrong: [LossScaling, string][] = [
    [{ initial: 0.5 }, "by 0.5"],
    [{ initial: NaN }, "by NaN"],
    [{ initial: 2 ** 25 }, "33554432"],
    [{ growthInterval: 0 }, "after 0 steps"],
    [{ growthInterval: 1.5 }, "after 1.5 steps"],
  ];
  for (const [lossScaling, message] of wrong) {
    assertThrows(
      () => sgd().start(parameters, { lossScaling }),
      ArgumentError,
      message,
    );
  }
  for (const nonFinite of ["skip", "stop"] as const) {
    assertThrows(
      () => sgd().start(parameters, { lossScaling: {}, nonFinite }),
      ArgumentError,
      nonFinite,
    );
  }
  using scaled = sgd().start(parameters, { lossScaling: {} });
  using plain = sgd().start(new Network(device).parameters);
  assertThrows(() => scaled.load(plain.state()), StateError, "lossScale.scale");
  assertThrows(
    () => plain.load(scaled.state()),
    StateError,
    'Cannot load a state with "lossScale.scale": the loss was scaled, so start() needs the option lossScaling',
  );
});
