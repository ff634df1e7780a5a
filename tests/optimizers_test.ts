/**
 * Every optimizer of the table × what all optimizers must do.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  type Compressor,
  cubicSparsity,
  Masks,
  nm,
  sparsityOf,
  topK,
} from "@cram/compress";
import {
  adam,
  adamW,
  cram,
  cramPlus,
  type Evaluation,
  gradualPruning,
  NonFiniteGradientError,
  type Optimizer,
  type OptimizerOptions,
  type OptimizerRule,
  type OptimizerState,
  ParameterArena,
  type Pass,
  sam,
  sgd,
  StateError,
} from "@cram/optim";
import {
  add,
  ArgumentError,
  copy,
  Device,
  type DType,
  encodeSafetensors,
  matmul,
  mul,
  openDevice,
  parseSafetensors,
  ShapeError,
  softmaxCrossEntropy,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
  tensor,
  zeros,
  zerosLike,
} from "@cram/tensor";
import {
  assert,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  CPU,
  openTested,
  REFERENCE,
  WEBGPU,
  WEBGPU_SMALL_BINDINGS,
} from "./devices.ts";
import { generator } from "./host_tensor.ts";
import { guardLeaks } from "./leak_guard.ts";
import { OPTIMIZERS, type OptimizerSpec } from "./optimizer_table.ts";
import { PlainOptimizer } from "./plain_optimizer.ts";

const INPUTS = 10;
const CLASSES = 3;
const BATCH = 8;

/** A small classifier with parameters of many sizes, some of them no multiple of 4. */
class Network {
  readonly parameters: Map<string, Tensor>;
  readonly x: Tensor;
  readonly labels: Tensor;

  constructor(device: Device, dtype: DType, width = 6) {
    const next = generator(11);
    const random = (...shape: number[]) =>
      tensor(
        device,
        Float64Array.from(
          { length: shape.reduce((a, b) => a * b, 1) },
          () => Math.fround(next() - 0.5),
        ),
        { shape, dtype },
      );
    this.parameters = new Map([
      ["first.weight", random(INPUTS, width)],
      ["first.bias", random(width)],
      ["second.weight", random(width, width)],
      ["second.bias", random(width)],
      ["third.weight", random(width, CLASSES)],
      ["third.bias", random(CLASSES)],
      ["temperature", random()],
    ]);
    this.x = random(BATCH, INPUTS);
    this.labels = tensor(
      device,
      Int32Array.from({ length: BATCH }, (_, i) => i % CLASSES),
    );
  }

  get list(): Tensor[] {
    return [...this.parameters.values()];
  }

  /** Loss and gradients over a part of the batch. */
  evaluate(parameters: readonly Tensor[], part = 0, parts = 1): Evaluation {
    const rows = BATCH / parts;
    const x = this.x.view(part * rows * INPUTS, [rows, INPUTS]);
    const labels = this.labels.view(part * rows, [rows]);
    return valueAndGrad(() => {
      const [w1, b1, w2, b2, w3, b3, temperature] = parameters;
      const hidden = tanh(matmul(x, w1, { bias: b1 }));
      const deeper = tanh(matmul(hidden, w2, { bias: b2 }));
      const logits = matmul(deeper, w3, { bias: b3 });
      return softmaxCrossEntropy(mul(logits, add(temperature, 1)), labels);
    }, parameters);
  }
}

type Bits = Record<string, number[]>;

async function read(tensors: ReadonlyMap<string, Tensor>): Promise<Bits> {
  const bits: Bits = {};
  for (const [name, tensor] of tensors) bits[name] = [...await tensor.data()];
  return bits;
}

async function train(
  network: Network,
  optimizer: Optimizer,
  learningRate: number,
  steps: number,
): Promise<void> {
  for (let step = 0; step < steps; step++) {
    using _scope = network.x.device.scope();
    await optimizer.step(() => network.evaluate(network.list), {
      learningRate,
    });
  }
}

function assertClose(actual: Bits, expected: Bits, tolerance: number): void {
  for (const [name, values] of Object.entries(expected)) {
    for (const [i, value] of values.entries()) {
      const error = Math.abs(actual[name][i] - value);
      assert(
        error <= tolerance,
        `Element ${i} of ${name} is ${
          actual[name][i]
        } instead of ${value}: ${error} apart`,
      );
    }
  }
}

interface Case {
  readonly dtype: DType;
  readonly tolerance: number;
  readonly width?: number;
  readonly options?: OptimizerOptions;
}

const DOUBLE: Case = { dtype: "float64", tolerance: 1e-12 };
const SINGLE: Case = { dtype: "float32", tolerance: 2e-5 };

async function comparePaths(
  device: Device,
  { name, base, rule, ascent }: OptimizerSpec,
  { dtype, tolerance, width, options }: Case,
): Promise<void> {
  using _scope = device.scope();
  const network = new Network(device, dtype, width);
  const plain = new PlainOptimizer(
    { name, base, rule, ascent },
    network.list.map(copy),
    (parameters) => network.evaluate(parameters),
    options?.clip,
  );
  using optimizer = rule.start(network.parameters, options);
  await train(network, optimizer, base.learningRate, 7);
  for (let step = 0; step < 7; step++) await plain.step();
  const expected = new Map(
    [...network.parameters.keys()].map((
      name,
      i,
    ) => [name, plain.parameters[i]]),
  );
  assertClose(await read(network.parameters), await read(expected), tolerance);
}

const [reference, ...fast] = await openTested(REFERENCE, CPU, WEBGPU);
const [smallBindings] = await openTested(WEBGPU_SMALL_BINDINGS);
const every = [
  { tested: reference, single: DOUBLE },
  ...fast.map((tested) => ({ tested, single: SINGLE })),
];

/** One optimizer for each way over the chunks; tests of all of them take long on webgpu. */
const SEVERAL_CHUNKS = [
  "AdamW",
  "SAM",
  "CrAM",
  "CrAM+",
  "CrAM+-Multi, uniform",
  "CrAM+ N:M",
  "CrAM+, pruned and quantized, with old masks",
];

for (const spec of OPTIMIZERS) {
  const { name, rule, base } = spec;

  for (const { tested, single } of every) {
    tested.test(
      `${name} over an arena takes the steps of the plain path`,
      (device) => comparePaths(device, spec, single),
    );

    tested.test(
      `${name} goes on bit for bit when it is resumed from saved bytes`,
      async (device) => {
        using _scope = device.scope();
        const { dtype } = single;
        const whole = new Network(device, dtype);
        using uninterrupted = rule.start(whole.parameters);
        await train(whole, uninterrupted, base.learningRate, 8);

        const begun = new Network(device, dtype);
        using first = rule.start(begun.parameters);
        await train(begun, first, base.learningRate, 5);
        const state = first.state();
        const bytes = await encodeSafetensors([
          ...state.tensors,
          ...[...begun.parameters].map(([name, x]) =>
            [`parameter.${name}`, x] as const
          ),
        ]);
        const json = JSON.stringify([state.optimizer, state.scalars]);

        const file = parseSafetensors(bytes);
        const saved = new Map<string, Tensor>();
        for (const name of file.entries.keys()) {
          saved.set(name, await file.tensor(device, name));
        }
        const tensors = new Map(
          [...saved].filter(([name]) => !name.startsWith("parameter.")),
        );
        const resumed = new Network(device, dtype);
        for (const name of resumed.parameters.keys()) {
          resumed.parameters.set(name, saved.get(`parameter.${name}`)!);
        }
        using second = rule.start(resumed.parameters);
        const [optimizer, scalars] = JSON.parse(json);
        second.load({ optimizer, scalars, tensors });
        assertEquals(second.steps, 5);
        await train(resumed, second, base.learningRate, 3);

        assertEquals(
          await read(resumed.parameters),
          await read(whole.parameters),
        );
        assertEquals(
          await read(second.state().tensors),
          await read(uninterrupted.state().tensors),
        );
        assertEquals(second.state().scalars, uninterrupted.state().scalars);
      },
    );

    tested.test(`${name} keeps its memory from step to step`, async (device) => {
      using _scope = device.scope();
      const network = new Network(device, single.dtype);
      using optimizer = rule.start(network.parameters);
      // Masks that are kept are added until each compressor was drawn.
      await train(network, optimizer, base.learningRate, 8);
      for (let step = 0; step < 3; step++) {
        await guardLeaks(device, async () => {
          const evaluate = () => network.evaluate(network.list);
          using _inner = device.scope();
          await optimizer.step(evaluate, { learningRate: 0.01 });
          optimizer.state();
        });
      }
    });
  }

  if (SEVERAL_CHUNKS.includes(name)) {
    smallBindings.test(
      `${name} over several chunks takes the steps of the plain path`,
      (device) => comparePaths(device, spec, { ...SINGLE, width: 60 }),
    );
  }

  Deno.test(`${name} over chunks of a few parameters takes the steps of the plain path`, async () => {
    await using device = await withBindings(256);
    await comparePaths(device, spec, DOUBLE);
  });

  for (const where of ["first", "each", "combined"] as const) {
    reference.test(
      `${name} clips as the plain path does (${where})`,
      (device) =>
        comparePaths(device, spec, {
          ...DOUBLE,
          options: { clip: { maxNorm: 0.3, where } },
        }),
    );
  }

  reference.test(`${name} minimizes a quadratic`, async (device) => {
    using _scope = device.scope();
    // The minimum stays where it is under every compressor of the table.
    const target = tensor(device, [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [-1, 0, 1, 0],
      [0, 0, 0, 0],
    ]);
    const theta = add(
      target,
      tensor(
        device,
        Array.from(
          { length: 4 },
          (_, i) => [0.3, -0.2, 0.1, 0.25].map((x) => x / (i + 1)),
        ),
      ),
    );
    const others = [tensor(device, [[1, 2]]), tensor(device, [[2, -1]])];
    const parameters = [others[0], theta, others[1]];
    const loss = () => sum(square(sub(theta, target)));
    using optimizer = rule.start(parameters);
    const distance = async () => {
      spec.ascent?.compressors[0]?.compress([
        { name: "0", tensor: others[0] },
        { name: "1", tensor: theta },
        { name: "2", tensor: others[1] },
      ]);
      return await loss().item();
    };
    const before = await loss().item();
    for (let step = 0; step < 150; step++) {
      using _inner = device.scope();
      await optimizer.step(() => valueAndGrad(loss, parameters), {
        learningRate: base.learningRate / 2,
      });
    }
    assertLess(await distance(), 0.05 * before);
  });

  reference.test(`${name} tells the closure which pass it is in`, async (device) => {
    using _scope = device.scope();
    const network = new Network(device, "float64");
    const passes: Pass[] = [];
    using optimizer = rule.start(network.parameters, { microBatches: 2 });
    for (let step = 0; step < 2; step++) {
      await optimizer.step((pass) => {
        passes.push(pass);
        return network.evaluate(network.list, pass.microBatch, 2);
      }, { learningRate: 0.1 });
    }
    const count = spec.ascent === undefined ? 1 : 2;
    assertEquals(
      passes.map(({ pass, microBatch }) => [pass, microBatch]),
      [0, 1].flatMap(() =>
        Array.from({ length: count }, (_, i) => [[i + 1, 0], [i + 1, 1]]).flat()
      ),
    );
    for (const { pass, updateStatistics } of passes) {
      assertEquals(updateStatistics, pass === 1);
    }
    const streams = passes.map(({ stream }) => stream);
    assertEquals(new Set(streams).size, 4);
    const perStep = 2 * count;
    for (let step = 0; step < 2; step++) {
      const first = streams.slice(step * perStep, step * perStep + 2);
      const last = streams.slice(
        (step + 1) * perStep - 2,
        (step + 1) * perStep,
      );
      assertEquals(first, last);
    }
  });

  reference.test(`${name} takes the same step over parts of the batch`, async (device) => {
    using _scope = device.scope();
    const whole = new Network(device, "float64");
    const parts = new Network(device, "float64");
    using one = rule.start(whole.parameters);
    using four = rule.start(parts.parameters, { microBatches: 4 });
    for (let step = 0; step < 3; step++) {
      const options = { learningRate: base.learningRate };
      const a = await one.step(() => whole.evaluate(whole.list), options);
      const b = await four.step(
        ({ microBatch }) => parts.evaluate(parts.list, microBatch, 4),
        options,
      );
      assert(Math.abs(await a.item() - await b.item()) < 1e-12);
    }
    assertClose(
      await read(parts.parameters),
      await read(whole.parameters),
      1e-12,
    );
  });

  for (const failing of spec.ascent === undefined ? [1] : [1, 2]) {
    reference.test(
      `${name} leaves a step out, or stops, when the gradient of pass ${failing} is not finite`,
      async (device) => {
        using _scope = device.scope();
        const good = new Network(device, "float64");
        using untouched = rule.start(good.parameters);
        await train(good, untouched, base.learningRate, 4);

        // The other pass is fine, so that both must be looked at.
        const bad = (network: Network) => ({ pass }: Pass) => {
          const { value, gradients } = network.evaluate(network.list);
          return {
            value,
            gradients: gradients.map((g, i) =>
              pass === failing && i === 1 ? mul(g, NaN) : zerosLike(g)
            ),
          };
        };
        const options = { learningRate: base.learningRate };
        const network = new Network(device, "float64");
        using skipping = rule.start(network.parameters, { nonFinite: "skip" });
        await train(network, skipping, base.learningRate, 2);
        const before = await read(network.parameters);
        await skipping.step(bad(network), options);
        assertEquals(await read(network.parameters), before);
        assertEquals([skipping.steps, skipping.skipped], [2, 1]);
        await train(network, skipping, base.learningRate, 2);
        assertEquals(
          await read(network.parameters),
          await read(good.parameters),
        );

        const other = new Network(device, "float64");
        using stopping = rule.start(other.parameters, { nonFinite: "stop" });
        await assertRejects(
          () => stopping.step(bad(other), options),
          NonFiniteGradientError,
          "NaN",
        );
        await train(other, stopping, base.learningRate, 4);
        assertEquals(await read(other.parameters), await read(good.parameters));
      },
    );
  }

  reference.test(`${name} changes nothing when the closure fails`, async (device) => {
    using _scope = device.scope();
    const network = new Network(device, "float64");
    const before = await read(network.parameters);
    using optimizer = rule.start(network.parameters);
    const last = spec.ascent === undefined ? 1 : 2;
    await assertRejects(
      () =>
        optimizer.step(({ pass }) => {
          if (pass === last) throw new RangeError("no more images");
          return network.evaluate(network.list);
        }, { learningRate: 0.1 }),
      RangeError,
      "images",
    );
    assertEquals(await read(network.parameters), before);
    assertEquals(optimizer.steps, 0);
  });

  reference.test(`${name} leaves frozen zeros alone, also when it is resumed`, async (device) => {
    using _scope = device.scope();
    const network = new Network(device, "float64");
    using optimizer = rule.start(network.parameters);
    await train(network, optimizer, base.learningRate, 2);
    using masks = topK(0.6).compress(optimizer.weights);
    optimizer.freeze(masks);
    const zeros = (bits: Bits) =>
      optimizer.weights.map(({ name }) => bits[name].map((x) => x === 0));
    const before = await read(network.parameters);
    await train(network, optimizer, base.learningRate, 3);
    const after = await read(network.parameters);
    assertEquals(zeros(after), zeros(before));
    assert(
      after["first.weight"].some((x, i) => x !== before["first.weight"][i]),
    );

    const resumed = new Network(device, "float64");
    for (const [name, x] of network.parameters) {
      resumed.parameters.set(name, copy(x));
    }
    using second = rule.start(resumed.parameters);
    second.load(optimizer.state());
    await train(resumed, second, base.learningRate, 3);
    await train(network, optimizer, base.learningRate, 3);
    assertEquals(
      await read(resumed.parameters),
      await read(network.parameters),
    );

    const fresh = new Network(device, "float64");
    using third = rule.start(fresh.parameters);
    third.freeze(masks);
    await train(fresh, third, base.learningRate, 2);
    for (const [name, memory] of third.state().tensors) {
      const [weight, mask] = [...masks!.entries]
        .find(([weight]) => name.endsWith(weight)) ?? [];
      if (mask === undefined || !/^(velocity|mean|square)/.test(name)) continue;
      const kept = await mask.data();
      for (const [i, x] of (await memory.data()).entries()) {
        assert(kept[i] || x === 0, `${name} moves ${weight} at ${i}`);
      }
    }

    optimizer.freeze(undefined);
    await train(network, optimizer, base.learningRate, 2);
    const free = zeros(await read(network.parameters));
    assert(
      free.flat().filter(Boolean).length <
        zeros(after).flat().filter(Boolean).length,
    );
  });
}

reference.test("an optimizer whose parameters were given to another one says so", async (device) => {
  using _scope = device.scope();
  const [shared, own] = [[1], [2]].map((values) => tensor(device, values));
  const parameters = new Map([["own", own], ["shared", shared]]);
  const evaluate = (list: readonly Tensor[]) => () =>
    valueAndGrad(
      () => list.map((x) => sum(square(x))).reduce((a, b) => add(a, b)),
      list,
    );
  using first = sgd().start(parameters);
  using second = sgd().start([shared]);
  await assertRejects(
    () => first.step(evaluate([own, shared]), { learningRate: 0.1 }),
    ArgumentError,
    'Cannot take a step: "shared" was given to another optimizer since',
  );
  assertEquals(first.steps, 0);
  await second.step(evaluate([shared]), { learningRate: 0.25 });
  assertEquals(await shared.item(), 0.5);
  assertEquals(await own.item(), 2);
});

Deno.test("arenas have several chunks where bindings are small", async () => {
  await using device = await withBindings(256);
  using _scope = device.scope();
  const { parameters } = new Network(device, "float64");
  using arena = new ParameterArena(parameters);
  assertEquals(arena.chunks.map(({ size }) => size), [60, 36, 30, 4]);
});

reference.test("passes draw random numbers of their own when they are independent", async (device) => {
  using _scope = device.scope();
  const network = new Network(device, "float64");
  const streams: bigint[] = [];
  using optimizer = sam({ base: sgd() }).start(network.parameters, {
    independentPasses: true,
    microBatches: 2,
  });
  for (let step = 0; step < 2; step++) {
    await optimizer.step(({ stream, microBatch }) => {
      streams.push(stream);
      return network.evaluate(network.list, microBatch, 2);
    }, { learningRate: 0.1 });
  }
  assertEquals(new Set(streams).size, 8);
});

for (const { test } of [reference, ...fast]) {
  test("clipping does not make a step with an infinite gradient one that is left out", async (device) => {
    for (const rule of [sgd(), adam()]) {
      using _scope = device.scope();
      const weight = tensor(device, [1, 2]);
      using optimizer = rule.start([weight], { clip: { maxNorm: 1 } });
      await optimizer.step(() => ({
        value: tensor(device, 0),
        gradients: [tensor(device, [Infinity, 1])],
      }), { learningRate: 0.1 });
      const [value] = await weight.data();
      assert(!Number.isFinite(value), `${value}`);
    }
  });
}

reference.test("groups have learning rates, weight decays and compressors of their own", async (device) => {
  using _scope = device.scope();
  const start = [[4, -3], [2, -1]];
  const make = () => tensor(device, start, { dtype: "float64" });
  const parameters = new Map([
    ["a.weight", make()],
    ["b.weight", make()],
    ["c.weight", make()],
    ["head", make()],
  ]);
  const compressed: string[] = [];
  const watched: Compressor = {
    name: "watched",
    compress(weights) {
      compressed.push(...weights.map(({ name }) => name));
      return undefined;
    },
  };
  const rule = cramPlus({
    base: sgd({ weightDecay: 0.5 }),
    compressors: [watched],
    rho: 0,
  });
  using optimizer = rule.start(parameters, {
    groups: [
      { match: "a", learningRateScale: 0.5 },
      { match: /^b|^head$/, weightDecay: 0, prunable: false },
    ],
  });
  const gradient = () => tensor(device, [[1, 1], [1, 1]], { dtype: "float64" });
  await optimizer.step(() => ({
    value: tensor(device, 0),
    gradients: Array.from({ length: 4 }, gradient),
  }), { learningRate: 0.1 });
  assertEquals(compressed, ["a.weight", "c.weight"]);
  const expected = (rate: number, decay: number) =>
    start.flat().map((w) => w - rate * (2 + decay * w));
  assertClose(await read(parameters), {
    "a.weight": expected(0.05, 0.5),
    "b.weight": expected(0.1, 0),
    "c.weight": expected(0.1, 0.5),
    "head": expected(0.1, 0),
  }, 1e-12);
});

const ROSENBROCK: readonly [OptimizerSpec["name"], OptimizerRule, number][] = [
  ["SGD with momentum", sgd({ momentum: 0.9 }), 5e-4],
  ["SGD with Nesterov", sgd({ momentum: 0.9, nesterov: true }), 5e-4],
  ["Adam", adam(), 0.02],
  ["AdamW", adamW({ weightDecay: 0 }), 0.02],
  ["SAM", sam({ base: adam(), rho: 1e-3 }), 0.02],
  ["ASAM", sam({ base: adam(), rho: 1e-3, adaptive: true }), 0.02],
  ["CrAM", cram({ base: adam(), compressors: [topK(0)], rho: 1e-5 }), 0.02],
  [
    "CrAM+",
    cramPlus({ base: adam(), compressors: [topK(0)], rho: 1e-5 }),
    0.02,
  ],
];

for (const [name, rule, learningRate] of ROSENBROCK) {
  reference.test(`${name} finds the minimum of Rosenbrock's function`, async (device) => {
    using _scope = device.scope();
    const point = tensor(device, [[-1], [1]], { dtype: "float64" });
    using optimizer = rule.start([point]);
    for (let step = 0; step < 3000; step++) {
      using _inner = device.scope();
      await optimizer.step(async () => {
        const [x, y] = await point.data();
        const slope = 200 * (y - x * x);
        return {
          value: tensor(device, (1 - x) ** 2 + 100 * (y - x * x) ** 2),
          gradients: [
            tensor(device, [[-2 * (1 - x) - 2 * x * slope], [slope]], {
              dtype: "float64",
            }),
          ],
        };
      }, { learningRate });
    }
    for (const x of await point.data()) assert(Math.abs(x - 1) < 0.05, `${x}`);
  });
}

/** Checks that a call fails and leaves an optimizer and its parameters as they were. */
async function assertUnchanged(
  optimizer: Optimizer,
  network: Network,
  fails: () => Promise<unknown>,
): Promise<void> {
  const contents = async () => [
    await read(network.parameters),
    await read(optimizer.state().tensors),
    optimizer.state().scalars,
  ];
  const before = await contents();
  await fails();
  assertEquals(await contents(), before);
}

reference.test("load() refuses states of others, and nothing changes", async (device) => {
  using _scope = device.scope();
  await using elsewhere = await openDevice("reference");
  const network = new Network(device, "float32");
  const rule = cramPlus({
    base: sgd({ momentum: 0.9 }),
    compressors: [topK(0.5), nm(2, 4)],
    maskEvery: 2,
  });
  using optimizer = rule.start(network.parameters);
  await train(network, optimizer, 0.1, 4);
  const state = optimizer.state();
  const replaced = (name: string, tensor?: Tensor): OptimizerState => {
    const tensors = new Map(state.tensors);
    if (tensor === undefined) tensors.delete(name);
    else tensors.set(name, tensor);
    return { ...state, tensors };
  };
  const velocity = "velocity.third.bias";
  const wrong: [OptimizerState, string][] = [
    [{ ...state, optimizer: "adam()" }, '"adam()" into "cram+('],
    [{ ...state, scalars: { ...state.scalars, steps: 1.5 } }, "1.5"],
    [{ ...state, scalars: { steps: 1, skipped: 0 } }, "draws.0"],
    [replaced(velocity), `without "${velocity}"`],
    [replaced("velocity.other", tensor(device, [1])), "velocity.other"],
    [replaced("mask.7.third.weight", tensor(device, [1])), "mask.7"],
    [replaced(velocity, tensor(device, [1, 2])), "[2]: expected float32 [3]"],
    [
      replaced(velocity, tensor(device, [1, 2, 3], { dtype: "int32" })),
      "int32 [3]: expected float32",
    ],
    [replaced(velocity, tensor(elsewhere, [1, 2, 3])), "another device"],
    [
      replaced("mask.0.third.weight", tensor(device, [1])),
      "expected bool [6, 3]",
    ],
  ];
  for (const [other, message] of wrong) {
    await assertUnchanged(optimizer, network, () => {
      assertThrows(() => optimizer.load(other), StateError, message);
      return Promise.resolve();
    });
  }
});

reference.test("step() refuses other gradients and rates, and nothing changes", async (device) => {
  using _scope = device.scope();
  const network = new Network(device, "float64");
  using optimizer = cramPlus({
    base: sgd({ momentum: 0.9 }),
    compressors: [topK(0.5)],
  }).start(network.parameters);
  await train(network, optimizer, 0.1, 2);
  const evaluate = () => network.evaluate(network.list);
  for (const learningRate of [-1, NaN, Infinity]) {
    await assertUnchanged(optimizer, network, () =>
      assertRejects(
        () => optimizer.step(evaluate, { learningRate }),
        ArgumentError,
        `${learningRate}`,
      ));
  }
  for (const failing of [1, 2]) {
    const broken = (
      change: (gradients: readonly Tensor[]) => readonly Tensor[],
    ) =>
    ({ pass }: Pass) => {
      const { value, gradients } = evaluate();
      return {
        value,
        gradients: pass === failing ? change(gradients) : gradients,
      };
    };
    await assertUnchanged(optimizer, network, () =>
      assertRejects(
        () =>
          optimizer.step(broken((list) => list.slice(1)), {
            learningRate: 0.1,
          }),
        ArgumentError,
        "6 tensors in an arena of 7",
      ));
    await assertUnchanged(optimizer, network, () =>
      assertRejects(
        () =>
          optimizer.step(broken((list) => list.toReversed()), {
            learningRate: 0.1,
          }),
        ShapeError,
        "first.weight",
      ));
  }
});

reference.test("CrAM refuses what cannot be compressed, and nothing changes", async (device) => {
  using _scope = device.scope();
  const rule = (scope: "global" | "uniform") =>
    cram({ base: sgd(), compressors: [topK(0.5, { scope })] });
  const bias = tensor(device, [1, 2]);
  assertThrows(
    () => rule("global").start([bias]),
    ArgumentError,
    "none of the 1 is prunable",
  );
  const weight = tensor(device, [[1, 2]]);
  using optimizer = rule("uniform").start([weight]);
  await assertRejects(
    () =>
      optimizer.step(() => ({
        value: tensor(device, 0),
        gradients: [tensor(device, [[1, 1]])],
      }), { learningRate: 0.1 }),
    ArgumentError,
    "the first and the last stay dense",
  );
  assertEquals([...await weight.data()], [1, 2]);
  assertEquals(optimizer.steps, 0);
});

reference.test("freeze() refuses masks of others", (device) => {
  using _scope = device.scope();
  const network = new Network(device, "float32");
  using optimizer = sgd().start(network.parameters);
  const masksOf = (name: string, ...shape: number[]) =>
    Masks.for([{ name, tensor: zeros(device, shape) }]);
  assertThrows(
    () => optimizer.freeze(masksOf("other", 2)),
    ArgumentError,
    '"other"',
  );
  assertThrows(
    () => optimizer.freeze(masksOf("first.weight", 2)),
    ShapeError,
    "[2]",
  );
});

reference.test("rules refuse options out of their ranges", (device) => {
  using _scope = device.scope();
  const base = sgd();
  const compressors = [topK(0.5)];
  const wrong = [
    () => sam({ base, rho: -0.1 }),
    () => sam({ base, rho: NaN }),
    () => cram({ base, compressors, rho: -0.1 }),
    () => cram({ base, compressors: [] }),
    () => cram({ base, compressors, maskEvery: 0 }),
    () => cram({ base, compressors, seed: -1n }),
    () => adam({ beta1: 1 }),
    () => adam({ beta2: -0.1 }),
    () => adamW({ epsilon: -1 }),
    () => base.start([]),
    () => base.start([tensor(device, 1)], { microBatches: 0 }),
    () => base.start([tensor(device, 1)], { clip: { maxNorm: 0 } }),
    () => base.start([tensor(device, 1)], { groups: [{ match: "no" }] }),
    () =>
      base.start([tensor(device, 1)], {
        groups: [{ match: /0/, learningRateScale: -1 }],
      }),
  ];
  for (const call of wrong) assertThrows(call, ArgumentError);
});

for (const { tested } of every) {
  tested.test("gradualPruning() prunes along its schedule, and goes on when it is resumed", async (device) => {
    using _scope = device.scope();
    const rule = gradualPruning({
      base: adam(),
      sparsity: cubicSparsity({ final: 0.9, end: 8 }),
      every: 2,
      exact: true,
    });
    const network = new Network(device, "float32");
    using optimizer = rule.start(network.parameters);
    const sparsityAfter = async (steps: number) => {
      await train(network, optimizer, 0.01, steps);
      return (await sparsityOf(optimizer.weights)).prunable.zeros;
    };
    const size = 60 + 36 + 18;
    const kept = (sparsity: number) => Math.ceil(size * (1 - sparsity));
    const schedule = cubicSparsity({ final: 0.9, end: 8 });
    for (const steps of [2, 4, 6]) {
      assertEquals(await sparsityAfter(1), size - kept(schedule(steps - 2)));
      assertEquals(await sparsityAfter(1), size - kept(schedule(steps)));
    }
    const resumed = new Network(device, "float32");
    for (const [name, x] of network.parameters) {
      resumed.parameters.set(name, copy(x));
    }
    using second = rule.start(resumed.parameters);
    second.load(optimizer.state());
    assertEquals(await sparsityAfter(4), size - kept(0.9));
    await train(resumed, second, 0.01, 4);
    assertEquals(
      await read(resumed.parameters),
      await read(network.parameters),
    );
  });
}

Deno.test("gradualPruning() with a constant sparsity prunes at once, and trains what is left", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const network = new Network(device, "float32");
  const rule = gradualPruning({
    base: sgd({ momentum: 0.9, weightDecay: 0.1 }),
    sparsity: () => 0.5,
    every: 100,
  });
  using optimizer = rule.start(network.parameters);
  const zeros = async () => {
    const values = await Promise.all(
      optimizer.weights.map(({ tensor }) => tensor.data()),
    );
    return values.map((value) => Array.from(value, (x) => x === 0));
  };
  const pruned = await zeros();
  // Of 114 weights 57 are the largest, and by the strict rule 56 are kept.
  assertEquals(pruned.flat().filter((isZero) => !isZero).length, 56);
  assertEquals(optimizer.sparsity, 0.5);
  const before = await read(network.parameters);
  await train(network, optimizer, 0.01, 3);
  assertEquals(await zeros(), pruned);
  assertNotEquals(await read(network.parameters), before);
});

/** A reference device whose bindings, and so chunks, are small. */
async function withBindings(maxBindingBytes: number): Promise<Device> {
  const { backend } = await openDevice("reference");
  const info = { ...backend.info, maxBindingBytes };
  return new Device(
    new Proxy(backend, {
      get(target, key) {
        if (key === "info") return info;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    }),
  );
}
