import { topK } from "@cram/compress";
import { sgd } from "@cram/optim";
import { assign, fullLike, openDevice } from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
} from "@std/assert";
import { classification } from "./classification.ts";
import { openImages } from "./data/dataset.ts";
import { ImageLoader } from "./data/loader.ts";
import { ImageNormalizer } from "./data/normalization.ts";
import {
  evaluateOneShot,
  type OneShotOptions,
  OneShotTable,
} from "./one_shot.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "./testdata/temporary_folder.ts";
import { TinyNetwork } from "./testdata/tiny_network.ts";
import { train } from "./train.ts";

/** A network that has learned colours, and all that is needed to measure it. */
async function withTrainedNetwork(
  body: (
    options: OneShotOptions & { readonly calibration: { batches: number } },
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
      using loader = new ImageLoader(await openImages(folder, "train"), {
        batchSize: 5,
        transform: { recipe: "imagenet", size: 8, augment: false },
        seed: 1n,
        shuffle: true,
        workers: 1,
        maxBad: 0,
      });
      const options = { device, model, normalizer, loader };
      await train({
        task: classification(options),
        optimizer: sgd({ momentum: 0.9 }),
        schedule: () => 0.1,
        steps: 30,
        logEvery: 30,
      });
      const before = device.memory.liveBytes;
      await body({
        ...options,
        compressors: [topK(0.25), topK(0.9)],
        calibration: { loader, batches: 40 },
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
      const results = await evaluateOneShot({
        ...options,
        onResult: (result) => told.push(result),
      });
      assertEquals(told, results);
      assertEquals(await weights(), before);
      assertEquals(results.map(({ name }) => name), [
        "dense",
        "top-k 25 %",
        "top-k 90 %",
      ]);
      const [dense, some, most] = results;
      assertEquals(dense.images, 9);
      assertEquals(dense.accuracy, 1);
      assertEquals(dense.sparsity, 0);
      // Of 48 weights 35 and 4 stay: one less than k.
      assertAlmostEquals(some.sparsity, 13 / 48);
      assertAlmostEquals(most.sparsity, 44 / 48);
      assertLess(dense.loss, most.loss);
      // Each is pruned from the dense weights, not from those before it.
      const [, alone] = await evaluateOneShot({
        ...options,
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
      const mean = options.model.buffers().get("bn.running_mean")!;
      using wrong = fullLike(mean, 100);
      assign(mean, wrong);
      const [dense] = await evaluateOneShot(options);
      assertAlmostEquals(dense.accuracy, 1 / 3);
      assertEquals(dense.tuned?.accuracy, 1);
      const [untuned] = await evaluateOneShot({
        ...options,
        calibration: undefined,
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
    assert(results.every(({ loss }) => Number.isFinite(loss)));
    assertEquals(await weights(), before);
  }));

Deno.test("OneShotTable aligns numbers under their names", () => {
  const compressors = [topK(0.5)];
  const result = { images: 3, accuracy: 1, loss: 0.5 };
  const table = new OneShotTable({ compressors });
  assertEquals(
    [
      table.header,
      table.row({ ...result, name: "dense", sparsity: 0 }),
      table.row({
        ...result,
        name: "top-k 50 %",
        sparsity: 0.5,
        accuracy: 1 / 3,
      }),
    ].join("\n"),
    `
            sparsity  accuracy
dense          0.0 %   100.0 %
top-k 50 %    50.0 %    33.3 %`.slice(1),
  );
});
