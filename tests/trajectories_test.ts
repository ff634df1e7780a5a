/**
 * Fifty steps of a small convolutional network with batch normalization, by
 * every optimizer, against PyTorch. `goldens/trajectories.py` made the values.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { nm, topK } from "@cram/compress";
import {
  adam,
  type BaseRule,
  cram,
  cramPlus,
  type OptimizerRule,
  sam,
  sgd,
} from "@cram/optim";
import {
  batchNorm,
  conv2d,
  type Device,
  type DType,
  matmul,
  mean,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
  transpose,
} from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";
import goldens from "./goldens/trajectories.json" with { type: "json" };

interface Golden {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Trajectory {
  readonly losses: readonly number[];
  /** Parameters and running statistics at the end, in PyTorch's order of axes. */
  readonly state: Readonly<Record<string, readonly number[]>>;
}

const { state, images, labels, trajectories } = goldens as unknown as {
  readonly state: Readonly<Record<string, Golden>>;
  readonly images: Golden;
  readonly labels: readonly number[];
  readonly trajectories: Readonly<Record<string, Trajectory>>;
};

interface Base {
  readonly name: string;
  readonly rule: BaseRule;
  readonly learningRate: number;
}

const BASES: readonly Base[] = [
  {
    name: "sgd",
    rule: sgd({ momentum: 0.9, weightDecay: 1e-3 }),
    learningRate: 0.02,
  },
  {
    name: "adam",
    rule: adam({ epsilon: 1e-4, weightDecay: 1e-3 }),
    learningRate: 0.002,
  },
];

// The script takes ρ = 0.05 too, and the draws of seed 0.
const OPTIMIZERS: Readonly<Record<string, (base: BaseRule) => OptimizerRule>> =
  {
    "base": (base) => base,
    "SAM": (base) => sam({ base }),
    "CrAM": (base) => cram({ base, compressors: [topK(0.5)] }),
    "CrAM+": (base) => cramPlus({ base, compressors: [topK(0.5)] }),
    "CrAM+-Multi": (base) =>
      cramPlus({ base, compressors: [topK(0.3), topK(0.5), topK(0.7)] }),
    "CrAM+ N:M": (base) =>
      cramPlus({ base, compressors: [nm(2, 4), nm(4, 8)] }),
  };

/** To this library's order of axes, and back to PyTorch's. */
const FROM: Readonly<Record<number, readonly number[]>> = {
  2: [1, 0],
  4: [2, 3, 1, 0],
};
const TO: Readonly<Record<number, readonly number[]>> = {
  2: [1, 0],
  4: [3, 2, 0, 1],
};

function reordered(x: Tensor, orders: typeof FROM): Tensor {
  return x.rank in orders ? transpose(x, orders[x.rank]) : x;
}

class Network {
  readonly #variables: ReadonlyMap<string, Tensor>;
  readonly #images: Tensor;
  readonly #labels: Tensor;
  readonly parameters: ReadonlyMap<string, Tensor>;

  constructor(device: Device, dtype: DType) {
    const upload = ({ data, shape }: Golden) =>
      tensor(device, Float64Array.from(data), { shape, dtype });
    this.#variables = new Map(
      Object.entries(state).map(([name, value]) => [
        name,
        reordered(upload(value), FROM),
      ]),
    );
    this.#images = upload(images);
    this.#labels = tensor(device, Int32Array.from(labels));
    this.parameters = new Map(
      [...this.#variables].filter(([name]) => !name.includes("running")),
    );
  }

  /** The variables by name, in PyTorch's order of axes. */
  async export(): Promise<[name: string, values: Iterable<number>][]> {
    return await Promise.all(
      Array.from(
        this.#variables,
        async ([name, x]) => [name, await reordered(x, TO).data()] as const,
      ),
    ) as [string, Iterable<number>][];
  }

  loss(updateStatistics: boolean): Tensor {
    const get = (name: string) => this.#variables.get(name) as Tensor;
    const normalize = (x: Tensor, name: string) =>
      batchNorm(x, {
        scale: get(`${name}.weight`),
        bias: get(`${name}.bias`),
        mean: get(`${name}.running_mean`),
        variance: get(`${name}.running_var`),
      }, { training: true, updateStatistics, relu: true });
    const first = conv2d(this.#images, get("conv1.weight"), { padding: 1 });
    const second = conv2d(normalize(first, "bn1"), get("conv2.weight"), {
      padding: 1,
      stride: 2,
    });
    const features = mean(normalize(second, "bn2"), { axes: [1, 2] });
    const logits = matmul(features, get("fc.weight"), { bias: get("fc.bias") });
    return softmaxCrossEntropy(logits, this.#labels);
  }
}

function assertClose(
  what: string,
  actual: Iterable<number>,
  expected: readonly number[],
  tolerance: number,
): void {
  const values = [...actual];
  assertEquals(values.length, expected.length, what);
  const scale = Math.max(...expected.map(Math.abs));
  for (const [i, value] of expected.entries()) {
    assert(
      Math.abs(values[i] - value) <= tolerance * scale,
      `${what}, element ${i}: ${values[i]} instead of ${value}`,
    );
  }
}

async function follow(
  device: Device,
  dtype: DType,
  rule: OptimizerRule,
  learningRate: number,
  steps: number,
): Promise<{ network: Network; losses: number[] }> {
  const network = new Network(device, dtype);
  using optimizer = rule.start(network.parameters);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    using _scope = device.scope();
    const loss = await optimizer.step(
      ({ updateStatistics }) =>
        valueAndGrad(
          () => network.loss(updateStatistics),
          [...network.parameters.values()],
        ),
      { learningRate },
    );
    losses.push(await loss.item());
  }
  return { network, losses };
}

/**
 * Rounding to float32 parts two runs as soon as it swaps two weights whose
 * magnitudes decide which of them is pruned, or lifts an activation over 0. In
 * these fifty steps it does not, so that losses stay as close as sums of a few
 * hundred rounded products are. The software adapter of the webgpu tests is
 * slow: ten steps pass through every kernel.
 */
const SINGLE_TOLERANCE = 1e-4;
const SINGLE_STEPS: Readonly<Record<string, number>> = { cpu: 50, webgpu: 10 };

const [reference, ...others] = await openTested(REFERENCE, CPU, WEBGPU);

for (const [name, ruleOn] of Object.entries(OPTIMIZERS)) {
  for (const base of BASES) {
    const title = `${name} on ${base.name}`;
    const golden = trajectories[title];
    const rule = ruleOn(base.rule);

    reference.test(`${title} follows PyTorch for 50 steps`, async (device) => {
      using _scope = device.scope();
      const { network, losses } = await follow(
        device,
        "float64",
        rule,
        base.learningRate,
        golden.losses.length,
      );
      assertClose("losses", losses, golden.losses, 1e-9);
      for (const [name, values] of await network.export()) {
        assertClose(name, values, golden.state[name], 1e-9);
      }
    });

    for (const other of others) {
      const steps = SINGLE_STEPS[other.kind];
      other.test(`${title} follows PyTorch for ${steps} steps`, async (device) => {
        using _scope = device.scope();
        const { losses } = await follow(
          device,
          "float32",
          rule,
          base.learningRate,
          steps,
        );
        const expected = golden.losses.slice(0, steps);
        assertClose("losses", losses, expected, SINGLE_TOLERANCE);
      });
    }
  }
}
