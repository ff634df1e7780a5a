import { compressOnce, topK } from "@cram/compress";
import { sgd } from "@cram/optim";
import { assign, copy, fullLike, openDevice } from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertNotEquals,
} from "@std/assert";
import { batchNormTuning } from "./batch_norm_tuning.ts";
import { classification } from "./classification.ts";
import { openImages } from "./data/dataset.ts";
import { ImageLoader, type ImageLoaderOptions } from "./data/loader.ts";
import { ImageNormalizer } from "./data/normalization.ts";
import { evaluateClassifier } from "./evaluate.ts";
import { evaluateOneShot, type OneShotOptions } from "./one_shot.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "./testdata/temporary_folder.ts";
import { TinyNetwork } from "./testdata/tiny_network.ts";
import { train } from "./train.ts";

/** A network that has learned colours, and all that is needed to measure it. */
async function withTrainedNetwork(
  body: (
    options: OneShotOptions,
    weights: () => Promise<unknown>,
  ) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const { writeColorFolder } = await import("./testdata/pictures.ts");
    await writeColorFolder(folder, "train", 3);
    await using device = await openDevice("reference");
    {
      using model = new TinyNetwork(device, { batchNorm: true });
      using normalizer = new ImageNormalizer(device, "imagenet");
      const dataset = await openImages(folder, "train");
      const loading: ImageLoaderOptions = {
        batchSize: 5,
        transform: { recipe: "imagenet", size: 8, augment: false },
        seed: 1n,
        shuffle: true,
        workers: 1,
        maxBad: 0,
      };
      using loader = new ImageLoader(dataset, loading);
      const options = { device, model, normalizer, loader };
      await train({
        task: classification(options),
        optimizer: sgd({ momentum: 0.9 }),
        schedule: () => 0.1,
        steps: 30,
        logEvery: 30,
      });
      const tuning = batchNormTuning({
        ...options,
        dataset,
        loading,
        images: 6,
        batches: 20,
        draws: 2,
      });
      const before = device.memory.liveBytes;
      await body({
        ...options,
        compressors: [topK(0.25), topK(0.9)],
        measure: () => evaluateClassifier(options),
        tuning,
      }, () =>
        Promise.all(
          Array.from(model.stateDict().values(), (tensor) => tensor.data()),
        ));
      assertEquals(device.memory.liveBytes, before);
    }
    assertEquals(device.memory.liveBytes, 0);
  });
}

Deno.test(
  "evaluateOneShot() measures dense and pruned, and leaves the model as it was",
  {
    ignore,
  },
  () =>
    withTrainedNetwork(async (options, weights) => {
      const before = await weights();
      const told: unknown[] = [];
      const once = {
        draws: 1,
        tune: options.tuning!.tune.bind(options.tuning),
      };
      const results = await evaluateOneShot({
        ...options,
        tuning: once,
        onResult: (result) => {
          told.push(result);
        },
      });
      assertEquals(told, results);
      assertEquals(await weights(), before);
      assertEquals(results.map(({ name }) => name), [
        "dense",
        "top-k 25 %",
        "top-k 90 %",
      ]);
      const [dense, some, most] = results;
      assertEquals(dense.metrics.accuracy, 1);
      assertEquals(dense.sparsity, 0);
      // Of 48 weights 35 and 4 stay: one less than k.
      assertAlmostEquals(some.sparsity, 13 / 48);
      assertAlmostEquals(most.sparsity, 44 / 48);
      assertLess(dense.metrics.loss, most.metrics.loss);
      // Each is pruned from the dense weights, not from those before it.
      const [, alone] = await evaluateOneShot({
        ...options,
        tuning: once,
        compressors: options.compressors.slice(1),
      });
      assertEquals(alone, most);
    }),
);

Deno.test(
  "evaluateOneShot() tunes running statistics behind each compression",
  {
    ignore,
  },
  () =>
    withTrainedNetwork(async (options) => {
      const runningMean = options.model.buffers().get("bn.running_mean")!;
      using wrong = fullLike(runningMean, 100);
      assign(runningMean, wrong);
      const [dense] = await evaluateOneShot({ ...options, compressors: [] });
      assertAlmostEquals(dense.metrics.accuracy, 1 / 3);
      const { draws, mean, deviation } = dense.tuned!;
      assertEquals(mean.accuracy, 1);
      // Each draw has images of its own, and they are the same each time.
      assertEquals(draws.length, 2);
      const [a, b] = draws.map(({ loss }) => loss);
      assertNotEquals(a, b);
      assertAlmostEquals(mean.loss, (a + b) / 2);
      assertAlmostEquals(deviation.loss, Math.abs(a - b) / Math.SQRT2);
      const [again] = await evaluateOneShot({ ...options, compressors: [] });
      assertEquals(again, dense);
      const [untuned] = await evaluateOneShot({
        ...options,
        compressors: [],
        tuning: undefined,
      });
      assertEquals(untuned.tuned, undefined);
    }),
);

Deno.test("evaluateOneShot() ends early with the model as it was", {
  ignore,
}, () =>
  withTrainedNetwork(async (options, weights) => {
    const before = await weights();
    const controller = new AbortController();
    const results = await evaluateOneShot({
      ...options,
      signal: controller.signal,
      onResult: ({ sparsity }) => {
        if (sparsity > 0) controller.abort();
      },
    });
    assertEquals(results.map(({ name }) => name), ["dense", "top-k 25 %"]);
    assertEquals(await weights(), before);

    // What is measured when the signal comes is left out, what was before stays.
    const measuring = new AbortController();
    let left = 2;
    const [cut] = await evaluateOneShot({
      ...options,
      signal: measuring.signal,
      measure: async () => {
        if (left-- === 0) measuring.abort();
        return await options.measure();
      },
    });
    assertEquals(cut.tuned?.draws.length, 1);
    assert(Number.isFinite(cut.metrics.loss));
  }));

Deno.test("evaluateOneShot() calls a model sparse that was pruned before", {
  ignore,
}, () =>
  withTrainedNetwork(async ({ tuning: _, ...options }) => {
    using _scope = options.device.scope();
    const saved = Array.from(options.model.stateDict(), ([name, tensor]) =>
      [name, copy(tensor)] as const);
    await compressOnce(options.model.parameters(), topK(0.5));
    const results = await evaluateOneShot(options);
    assertEquals(
      results.map(({ name, sparsity }) => [name, sparsity]),
      [["sparse", 25 / 48], ["top-k 25 %", 25 / 48], ["top-k 90 %", 44 / 48]],
    );
    options.model.loadStateDict(new Map(saved));
  }));
