/**
 * What training steps ask of a GPU: few submits, nothing read back, nothing
 * made that the step before had made already; and what a step of CrAM⁺ asks
 * besides the two passes through the network.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { topK } from "@cram/compress";
import {
  BERT_CONFIGS,
  BertForQuestionAnswering,
  bertGroups,
  PERTURBED,
  ResNet,
  resnet20,
  spanLoss,
  TRAINING,
  trainingContext,
} from "@cram/models";
import { adam, adamW, cramPlus, sgd } from "@cram/optim";
import {
  type Device,
  full,
  randomNormal,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { openTested, WEBGPU } from "./devices.ts";

/** What is counted: for each name a method of a class of WebGPU. */
const COUNTED = {
  submits: ["GPUQueue", "submit"],
  dispatches: ["GPUComputePassEncoder", "dispatchWorkgroups"],
  readBacks: ["GPUBuffer", "mapAsync"],
  bindGroups: ["GPUDevice", "createBindGroup"],
  buffers: ["GPUDevice", "createBuffer"],
  pipelines: ["GPUDevice", "createComputePipeline"],
} as const;

type Counts = Record<keyof typeof COUNTED, number>;

/** Counts what is asked of WebGPU while a function runs. */
async function count(run: () => Promise<unknown>): Promise<Counts> {
  const counts = {} as Counts;
  using restored = new DisposableStack();
  for (const [name, [type, method]] of Object.entries(COUNTED)) {
    counts[name as keyof Counts] = 0;
    // deno-lint-ignore no-explicit-any -- any class with the method
    const { prototype } = (globalThis as any)[type];
    const original = prototype[method];
    prototype[method] = function (...args: unknown[]) {
      counts[name as keyof Counts]++;
      return original.apply(this, args);
    };
    restored.defer(() => prototype[method] = original);
  }
  await run();
  return counts;
}

const [webgpu] = await openTested(WEBGPU);

for (const base of [sgd({ momentum: 0.9, weightDecay: 1e-4 }), adam()]) {
  webgpu.test(
    `cramPlus() on ${base.name} takes at most 12 dispatches and reads nothing`,
    async (device) => {
      using _scope = device.scope();
      using model = resnet20(device, { seed: 1n });
      const parameters = model.parameters();
      const gradients = Array.from(
        parameters.values(),
        ({ shape }, i) => randomNormal(device, shape, { seed: BigInt(i) }),
      );
      const value = tensor(device, 0);
      const rule = cramPlus({ base, compressors: [topK(0.5), topK(0.9)] });
      using optimizer = rule.start(parameters);
      const step = () =>
        optimizer.step(() => ({
          value: value.alias(),
          gradients: gradients.map((gradient) => gradient.alias()),
        }), { learningRate: 0.1 });
      await step();
      const { dispatches, readBacks } = await count(step);
      assert(dispatches >= 6 && dispatches <= 12, `${dispatches} dispatches`);
      assertEquals(readBacks, 0);
    },
  );

  webgpu.test(
    `cramPlus() on ${base.name} with loss scaling takes at most 42 dispatches and reads nothing, also when a step is left out`,
    async (device) => {
      using _scope = device.scope();
      using model = resnet20(device, { seed: 1n });
      const parameters = model.parameters();
      const value = tensor(device, 0);
      const rule = cramPlus({ base, compressors: [topK(0.5), topK(0.9)] });
      using optimizer = rule.start(parameters, { lossScaling: {} });
      for (const gradient of [1, Infinity]) {
        const gradients = Array.from(
          parameters.values(),
          ({ shape }) => full(device, shape, gradient),
        );
        const step = () =>
          optimizer.step(() => ({
            value: value.alias(),
            gradients: gradients.map((gradient) => gradient.alias()),
          }), { learningRate: 0.1 });
        await step();
        const { dispatches, readBacks } = await count(step);
        assertLessOrEqual(dispatches, 42);
        assertEquals(readBacks, 0);
      }
      assertEquals(await optimizer.lossScale?.skipped.item(), 2);
    },
  );
}

webgpu.test("a step in float16 reads nothing, and makes nothing that the step before has made", async (device) => {
  if (!device.info.floatDTypes.includes("float16")) return;
  using _scope = device.scope();
  using model = new ResNet(device, {
    stem: "cifar",
    block: "basic",
    widths: [4, 8],
    depths: [1, 1],
  }, { classes: 4, seed: 1n });
  const images = randomNormal(device, [8, 8, 8, 3], { seed: 2n });
  const labels = tensor(device, Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3));
  const parameters = model.parameters();
  const rule = cramPlus({
    base: sgd({ momentum: 0.9 }),
    compressors: [topK(0.5)],
  });
  using optimizer = rule.start(parameters, { lossScaling: {} });
  const step = async () => {
    using _scope = device.scope();
    await optimizer.step(
      ({ updateStatistics, lossScale }) =>
        valueAndGrad(
          () =>
            softmaxCrossEntropy(
              model.forward(images, {
                ...updateStatistics ? TRAINING : PERTURBED,
                precision: "float16",
              }),
              labels,
            ),
          [...parameters.values()],
          { seed: lossScale },
        ),
      { learningRate: 0.1 },
    );
  };
  for (let i = 0; i < 2; i++) await step();
  const counts = await count(async () => {
    await step();
    await device.synchronize();
  });
  assertEquals(
    [counts.readBacks, counts.pipelines, counts.buffers, counts.bindGroups],
    [0, 0, 0, 0],
  );
});

/** Steps of networks that are as deep as the real ones, but narrow. */
const NETWORKS: Readonly<
  Record<
    string,
    (device: Device, stack: DisposableStack) => () => Promise<Tensor>
  >
> = {
  "ResNet-50": (device, stack) => {
    const model = stack.use(
      new ResNet(device, {
        stem: "imagenet",
        block: "bottleneck",
        widths: [4, 8, 16, 32],
        depths: [3, 4, 6, 3],
      }, { classes: 10, seed: 1n }),
    );
    const images = randomNormal(device, [2, 32, 32, 3], { seed: 2n });
    const labels = tensor(device, Int32Array.of(1, 3));
    const parameters = model.parameters();
    const optimizer = stack.use(sgd({ momentum: 0.9 }).start(parameters));
    return () =>
      optimizer.step(
        ({ updateStatistics }) =>
          valueAndGrad(() =>
            softmaxCrossEntropy(
              model.forward(images, updateStatistics ? TRAINING : PERTURBED),
              labels,
            ), [...parameters.values()]),
        { learningRate: 0.1 },
      );
  },
  "BERT-base": (device, stack) => {
    const model = stack.use(
      new BertForQuestionAnswering(device, {
        ...BERT_CONFIGS["bert-base"],
        vocabSize: 50,
        maxPositions: 16,
        hiddenSize: 48,
        intermediateSize: 96,
      }, { seed: 1n }),
    );
    const ids = Int32Array.from({ length: 2 * 16 }, (_, i) => i);
    const inputIds = tensor(device, ids, { shape: [2, 16] });
    const place = tensor(device, Int32Array.of(3, 4));
    const parameters = model.parameters();
    const optimizer = stack.use(
      adamW().start(parameters, {
        groups: bertGroups(),
        clip: { maxNorm: 1 },
      }),
    );
    return () =>
      optimizer.step(
        (pass) =>
          valueAndGrad(() =>
            spanLoss(model.forward({ inputIds }, trainingContext(pass, 3n)), {
              start: place,
              end: place,
            }), [...parameters.values()]),
        { learningRate: 0.1 },
      );
  },
};

/**
 * The most dispatches of a step, and the most uniforms that differ from those
 * of the step before: those of dropout and of AdamW hold its number.
 */
const LIMITS: Readonly<
  Record<string, { readonly dispatches: number; readonly uniforms: number }>
> = {
  "ResNet-50": { dispatches: 650, uniforms: 0 },
  "BERT-base": { dispatches: 710, uniforms: 52 },
};

for (const [name, prepare] of Object.entries(NETWORKS)) {
  webgpu.test(
    `a step of ${name} takes at most 8 submits, reads nothing, and makes nothing that the step before has made`,
    async (device) => {
      using stack = new DisposableStack();
      using _scope = device.scope();
      const run = prepare(device, stack);
      const step = async () => {
        using _scope = device.scope();
        await run();
      };
      // The memory of what a first step alone does is there for others.
      for (let i = 0; i < 2; i++) await step();
      const steps = 4;
      const counts = await count(async () => {
        await device.synchronize();
        for (let i = 0; i < steps; i++) await step();
        await device.synchronize();
      });
      const limits = LIMITS[name];
      assertEquals([counts.readBacks, counts.pipelines], [0, 0]);
      assertLessOrEqual(counts.submits, 8 * steps);
      assertLessOrEqual(counts.dispatches, limits.dispatches * steps);
      assertLessOrEqual(counts.buffers, limits.uniforms * steps);
      assertLessOrEqual(counts.bindGroups, 1.5 * limits.uniforms * steps);
    },
  );
}
