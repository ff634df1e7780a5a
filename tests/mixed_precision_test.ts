/**
 * Training in mixed precision: what it comes to beside float32, and that its
 * loss is scaled for a reason.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { topK } from "@cram/compress";
import {
  BertForQuestionAnswering,
  bertGroups,
  Linear,
  parseBertConfig,
  PERTURBED,
  type Precision,
  ResNet,
  spanLoss,
  TRAINING,
  trainingContext,
} from "@cram/models";
import {
  adamW,
  type BaseRule,
  cramPlus,
  type Evaluation,
  type LossScaling,
  type Optimizer,
  type OptimizerRule,
  type Pass,
  sgd,
} from "@cram/optim";
import {
  add,
  cast,
  type Device,
  DTypeError,
  gather,
  mean,
  mul,
  randomNormal,
  RandomSource,
  softmaxCrossEntropy,
  square,
  type Tensor,
  tensor,
} from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";
import { generator } from "./host_tensor.ts";

const devices = await openTested(REFERENCE, WEBGPU);

/** A training with its length, learning rate, model and data. */
interface Workload {
  readonly steps: number;
  readonly learningRate: number;
  readonly base: BaseRule;
  /** Begins a training; what it makes belongs to the open scope or the stack. */
  begin(device: Device, rule: OptimizerRule, precision: Precision): {
    readonly optimizer: Optimizer;
    evaluate(pass: Pass, step: number): Evaluation;
  } & Disposable;
}

/** A scale so low that no step is left out, which would delay the curve. */
const scaling = (precision: Precision): LossScaling | undefined =>
  precision === "float16" ? { initial: 2 ** 8 } : undefined;

/** Telling four patterns in noise apart. */
const images: Workload = {
  steps: 30,
  learningRate: 0.03,
  base: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  begin(device, rule, precision) {
    using stack = new DisposableStack();
    const model = stack.use(
      new ResNet(device, {
        stem: "cifar",
        block: "basic",
        widths: [4, 8],
        depths: [1, 1],
      }, { classes: 4, seed: 1n }),
    );
    const parameters = model.parameters();
    const labels = tensor(device, Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3));
    const patterns = randomNormal(device, [4, 8, 8, 3], { seed: 2n });
    const optimizer = stack.use(
      rule.start(parameters, { lossScaling: scaling(precision) }),
    );
    const owned = stack.move();
    return {
      optimizer,
      evaluate: ({ updateStatistics, lossScale }, step) => {
        const noise = randomNormal(device, [8, 8, 8, 3], {
          seed: 3n,
          stream: BigInt(step),
          standardDeviation: 2,
        });
        const context = updateStatistics ? TRAINING : PERTURBED;
        return valueAndGrad(
          () =>
            softmaxCrossEntropy(
              model.forward(add(gather(patterns, labels), noise), {
                ...context,
                precision,
              }),
              labels,
            ),
          [...parameters.values()],
          { seed: lossScale },
        );
      },
      [Symbol.dispose]: () => owned.dispose(),
    };
  },
};

/** Finding the token that occurs nowhere else, with dropout. */
const questions: Workload = {
  steps: 15,
  learningRate: 2e-3,
  base: adamW(),
  begin(device, rule, precision) {
    using stack = new DisposableStack();
    const config = parseBertConfig({
      vocab_size: 20,
      hidden_size: 16,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 32,
      max_position_embeddings: 12,
    });
    const model = stack.use(
      new BertForQuestionAnswering(device, config, { seed: 1n }),
    );
    const parameters = model.parameters();
    const optimizer = stack.use(
      rule.start(parameters, {
        groups: bertGroups(),
        clip: { maxNorm: 1 },
        lossScaling: scaling(precision),
      }),
    );
    const owned = stack.move();
    return {
      optimizer,
      evaluate: (pass, step) => {
        const next = generator(step + 1);
        const places = Array.from({ length: 8 }, () => Math.floor(next() * 12));
        const tokens = places.flatMap((place) =>
          Array.from(
            { length: 12 },
            (_, i) => i === place ? 1 : 2 + Math.floor(next() * 18),
          )
        );
        const labels = tensor(device, Int32Array.from(places));
        const inputIds = tensor(device, Int32Array.from(tokens), {
          shape: [8, 12],
        });
        return valueAndGrad(
          () =>
            spanLoss(
              model.forward({ inputIds }, {
                ...trainingContext(pass, 2n),
                precision,
              }),
              { start: labels, end: labels },
            ),
          [...parameters.values()],
          { seed: pass.lossScale },
        );
      },
      [Symbol.dispose]: () => owned.dispose(),
    };
  },
};

/** The loss of each step. */
async function curveOf(
  device: Device,
  { begin, learningRate, steps }: Workload,
  rule: OptimizerRule,
  precision: Precision,
): Promise<number[]> {
  using _scope = device.scope();
  using training = begin(device, rule, precision);
  const losses: Tensor[] = [];
  for (let step = 0; step < steps; step++) {
    using scope = device.scope();
    losses.push(
      scope.keep(
        await training.optimizer.step(
          (pass) => training.evaluate(pass, step),
          { learningRate },
        ),
      ),
    );
  }
  assertEquals(await training.optimizer.lossScale?.skipped.item() ?? 0, 0);
  return await Promise.all(losses.map((loss) => loss.item()));
}

/** Whether a device computes with float16, as not every GPU does. */
function hasHalf({ info }: Device): boolean {
  return info.floatDTypes.includes("float16");
}

/** The largest relative error of rounding to float16. */
const ROUNDING = 2 ** -11;

const average = (list: readonly number[]): number =>
  list.reduce((a, b) => a + b) / list.length;

for (const [what, workload] of Object.entries({ images, questions })) {
  const { base } = workload;
  const compressors = [topK(0.5), topK(0.9)];
  for (
    const [name, rule] of Object.entries({
      [what === "images" ? "SGD" : "AdamW"]: base,
      "CrAM+": cramPlus({ base, compressors }),
    })
  ) {
    // CrAM+ has the kernels of both; to compile them takes a GPU long.
    const tests = rule === base ? devices.slice(0, 1) : devices;
    for (const { test } of tests) {
      test(`${name} has the losses of float32 on ${what} in float16`, async (device) => {
        if (!hasHalf(device)) return;
        const single = await curveOf(device, workload, rule, "float32");
        const half = await curveOf(device, workload, rule, "float16");
        assertLess(
          average(single.slice(-5)),
          0.9 * average(single.slice(0, 5)),
        );
        for (const [step, loss] of half.entries()) {
          // As if each step added one rounding error. A third of it was seen.
          const bound = (step + 1) * ROUNDING * single[step];
          assertAlmostEquals(loss, single[step], bound, `step ${step + 1}`);
        }
        assertNotEquals(half, single);
      });
    }
  }
}

/** A layer and a small loss of it, in float16. */
class SmallLoss implements Disposable {
  readonly layer: Linear;
  readonly optimizer: Optimizer;
  readonly #x: Tensor;
  readonly #precision: Precision;
  readonly #factor: number;

  constructor(
    device: Device,
    factor: number,
    lossScaling: LossScaling | undefined,
    precision: Precision = "float16",
  ) {
    this.layer = new Linear(
      device,
      { inFeatures: 4, outFeatures: 3 },
      new RandomSource(1n),
    );
    this.optimizer = sgd().start(this.layer.parameters(), { lossScaling });
    this.#x = randomNormal(device, [5, 4], { seed: 2n });
    this.#precision = precision;
    this.#factor = factor;
  }

  /** Takes a step whose length makes up for the factor; returns how the weights are then. */
  async step(): Promise<number[]> {
    const { layer, optimizer } = this;
    using _scope = this.#x.device.scope();
    const precision = this.#precision;
    const factor = this.#factor;
    await optimizer.step(({ lossScale }) =>
      valueAndGrad(
        () => {
          const y = layer.forward(this.#x, { ...TRAINING, precision });
          return mul(mean(square(cast(y, "float32"))), factor);
        },
        [...layer.parameters().values()],
        { seed: lossScale },
      ), {
      learningRate: 0.1 / factor,
    });
    return await this.weights();
  }

  async weights(): Promise<number[]> {
    return [...await this.layer.weight.value.data()];
  }

  [Symbol.dispose](): void {
    this.optimizer[Symbol.dispose]();
    this.layer[Symbol.dispose]();
    this.#x.dispose();
  }
}

for (const { test } of devices) {
  test("gradients that are 0 in float16 come through with a scaled loss", async (device) => {
    if (!hasHalf(device)) return;
    const factor = 2 ** -26;
    using unscaled = new SmallLoss(device, factor, undefined);
    using scaled = new SmallLoss(device, factor, {});
    using single = new SmallLoss(device, factor, undefined, "float32");
    const before = await unscaled.weights();
    assertEquals(await unscaled.step(), before);
    const expected = await single.step();
    for (const [i, weight] of (await scaled.step()).entries()) {
      const change = expected[i] - before[i];
      assert(Math.abs(change) > 1e-4);
      const bound = 16 * ROUNDING * Math.abs(change);
      assertAlmostEquals(weight - before[i], change, bound);
    }
  });

  test("a scale that is too large for float16 is halved until it fits, and no step is taken until then", async (device) => {
    if (!hasHalf(device)) return;
    using training = new SmallLoss(device, 1, { initial: 2 ** 20 });
    const before = await training.weights();
    const { scale, skipped } = training.optimizer.lossScale!;
    let steps = 0;
    while (steps < 10) {
      steps++;
      const after = await training.step();
      if (await skipped.item() < steps) {
        assertNotEquals(after, before);
        break;
      }
      assertEquals(after, before);
      assertEquals(await scale.item(), 2 ** (20 - steps));
    }
    assert(steps > 1 && steps < 10, `${steps} steps`);
  });
}

const [cpu] = await openTested(CPU);

cpu.test("layers refuse float16 on devices that only store it", (device) => {
  using _scope = device.scope();
  using layer = new Linear(
    device,
    { inFeatures: 4, outFeatures: 3 },
    new RandomSource(1n),
  );
  const x = randomNormal(device, [5, 4], { seed: 2n });
  assertThrows(
    () => layer.forward(x, { ...TRAINING, precision: "float16" }),
    DTypeError,
    "the cpu device computes with float32",
  );
});
