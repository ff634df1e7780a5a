import { topK } from "@cram/compress";
import { cramPlus, sgd, warmupCosine } from "@cram/optim";
import { type Device, openDevice } from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import {
  readCheckpoint,
  type TrainingState,
  writeCheckpoint,
} from "./checkpoint.ts";
import {
  classification,
  type ClassificationOptions,
} from "./classification.ts";
import { type ImageDataset, openImages } from "./data/dataset.ts";
import {
  type ImageBatch,
  ImageLoader,
  type ImageLoaderOptions,
} from "./data/loader.ts";
import { ImageNormalizer } from "./data/normalization.ts";
import { DivergenceError } from "./errors.ts";
import { evaluateClassifier } from "./evaluate.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "./testdata/temporary_folder.ts";
import { TinyNetwork } from "./testdata/tiny_network.ts";
import {
  type CheckpointStore,
  train as trainTask,
  type TrainingOptions,
  type TrainingReport,
} from "./train.ts";

interface Setup
  extends ClassificationOptions, Omit<TrainingOptions<ImageBatch>, "task"> {
  readonly dataset: ImageDataset;
  readonly loading: ImageLoaderOptions;
  readonly model: TinyNetwork;
}

function trainClassifier(options: Omit<Setup, "dataset" | "loading">) {
  return trainTask({ ...options, task: classification(options) });
}

async function withSetup(
  body: (setup: Setup) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const { writeColorFolder } = await import("./testdata/pictures.ts");
    await writeColorFolder(folder, "train", 3);
    await using device = await openDevice("reference");
    {
      using model = new TinyNetwork(device);
      using normalizer = new ImageNormalizer(device, "imagenet");
      const dataset = await openImages(folder, "train");
      const loading: ImageLoaderOptions = {
        batchSize: 4,
        transform: { recipe: "imagenet", size: 8, augment: true },
        seed: 1n,
        shuffle: true,
        workers: 1,
        maxBad: 0,
      };
      using loader = new ImageLoader(dataset, loading);
      await body({
        dataset,
        loading,
        device,
        model,
        normalizer,
        loader,
        optimizer: sgd({ momentum: 0.9 }),
        schedule: warmupCosine({ peak: 0.1, steps: 30 }),
        steps: 30,
        logEvery: 4,
      });
    }
    assertEquals(device.memory.liveBytes, 0);
  });
}

Deno.test(
  "train() lowers the loss and reports it",
  { ignore },
  () =>
    withSetup(async (setup) => {
      const reports: TrainingReport[] = [];
      const steps: number[] = [];
      const done = await trainClassifier({
        ...setup,
        onReport: (report) => void reports.push(report),
        onStep: (step) => void steps.push(step),
      });
      assertEquals(done, 30);
      assertEquals(steps, Array.from({ length: 30 }, (_, i) => i + 1));
      assertEquals(
        reports.map(({ step }) => step),
        [4, 8, 12, 16, 20, 24, 28, 30],
      );
      assertEquals(reports[0].epoch, 4 / 3);
      assertLess(reports.at(-1)!.loss, reports[0].loss / 2);
      assertEquals(reports.at(-1)!.accuracy, 1);
      assert(reports.every(({ sparsity }) => sparsity === 0));
      assert(reports.every(({ examplesPerSecond }) => examplesPerSecond > 0));
      assertEquals(
        reports.map(({ learningRate }) => learningRate),
        reports.map(({ step }) => setup.schedule(step - 1)),
      );
      const evaluation = await evaluateClassifier(setup);
      assertEquals(evaluation.accuracy, 1);
      assertLess(evaluation.loss, 0.5);
    }),
);

Deno.test("train() does the same whatever the number of reports", {
  ignore,
}, () =>
  withSetup(async (setup) => {
    const weights = async (logEvery: number): Promise<unknown[]> => {
      using model = new TinyNetwork(setup.device);
      await trainClassifier({ ...setup, model, steps: 5, logEvery });
      return await Promise.all(
        Array.from(model.stateDict().values(), (tensor) => tensor.data()),
      );
    };
    assertEquals(await weights(1), await weights(100));
  }));

Deno.test("train() takes the same steps in parts of unequal size", {
  ignore,
}, () =>
  withSetup(async (setup) => {
    const { device, dataset, loading } = setup;
    using loader = new ImageLoader(dataset, { ...loading, batchSize: 9 });
    const train = async (accumulate: number) => {
      using model = new TinyNetwork(device);
      const reports: TrainingReport[] = [];
      await trainClassifier({
        ...setup,
        loader,
        model,
        steps: 3,
        logEvery: 1,
        accumulate,
        optimizer: cramPlus({
          base: sgd({ momentum: 0.9 }),
          compressors: [topK(0.5)],
        }),
        onReport: (report) => void reports.push(report),
      });
      const weights = await Promise.all(
        Array.from(model.stateDict().values(), (tensor) => tensor.data()),
      );
      return {
        accuracies: reports.map(({ accuracy }) => accuracy),
        numbers: [
          ...reports.map(({ loss }) => loss),
          ...weights.flatMap((values) => [...values]),
        ],
      };
    };
    const [whole, parts] = [await train(1), await train(4)];
    assertEquals(parts.accuracies, whole.accuracies);
    for (const [i, number] of parts.numbers.entries()) {
      assertAlmostEquals(number, whole.numbers[i], 1e-6);
    }
  }));

Deno.test(
  "train() measures at the parameters themselves, not at perturbed ones",
  {
    ignore,
  },
  () =>
    withSetup(async (setup) => {
      const task = classification(setup);
      const asked: number[] = [];
      const reports: TrainingReport[] = [];
      await trainTask({
        ...setup,
        optimizer: cramPlus({
          base: sgd(),
          compressors: [topK(0.5), topK(0.9)],
        }),
        steps: 4,
        logEvery: 1,
        task: {
          ...task,
          parts: (batch, sizes) =>
            task.parts(batch, sizes).map((part) => ({
              forward(pass) {
                const outputs = part.forward(pass);
                const hits = () => {
                  asked.push(pass.pass);
                  return outputs.hits();
                };
                return { ...outputs, hits };
              },
            })),
        },
        onReport: (report) => void reports.push(report),
      });
      assertEquals(asked, [1, 1, 1, 1]);
      assert(reports.every(({ sparsity }) => [0.5, 0.9].includes(sparsity)));
    }),
);

Deno.test("train() ends after the step in which it is told to", {
  ignore,
}, () =>
  withSetup(async (setup) => {
    const controller = new AbortController();
    const reports: number[] = [];
    const done = await trainClassifier({
      ...setup,
      signal: controller.signal,
      onStep: (step) => {
        if (step === 6) controller.abort();
      },
      onReport: ({ step }) => void reports.push(step),
    });
    assertEquals(done, 6);
    assertEquals(reports, [4, 6]);
  }));

Deno.test(
  "train() gives the passes of the first step away, which change nothing",
  {
    ignore,
  },
  () =>
    withSetup(async (setup) => {
      const train = async (prepare?: TrainingOptions["prepare"]) => {
        using model = new TinyNetwork(setup.device, { batchNorm: true });
        const losses: number[] = [];
        await trainClassifier({
          ...setup,
          ...{ model, prepare, steps: 8, accumulate: 2 },
          onReport: ({ loss, accuracy }) => void losses.push(loss, accuracy),
        });
        const state = model.stateDict().values();
        const values = await Promise.all(Array.from(state, (t) => t.data()));
        return { losses, values };
      };
      const live = setup.device.memory.liveBytes;
      let calls = 0;
      const prepared = await train((passes) => {
        calls++;
        using _scope = setup.device.scope();
        passes();
        return Promise.resolve();
      });
      assertEquals(calls, 1);
      assertEquals(prepared, await train());
      assertEquals(setup.device.memory.liveBytes, live);
    }),
);

Deno.test("train() counts no time before the first step as time of steps", {
  ignore,
}, () =>
  withSetup(async (setup) => {
    const reports: TrainingReport[] = [];
    const begin = performance.now();
    let prepared = 0;
    await trainClassifier({
      ...setup,
      ...{ steps: 1, logEvery: 1 },
      prepare: async () => {
        const begin = performance.now();
        await new Promise((done) => setTimeout(done, 200));
        prepared = performance.now() - begin;
      },
      onReport: (report) => void reports.push(report),
    });
    const all = performance.now() - begin;
    const [{ examplesPerSecond }] = reports;
    assertLess(1000 * 4 / examplesPerSecond, all - prepared);
  }));

/** Goes on from the last state that was saved before a crash. */
class Checkpoints implements CheckpointStore {
  readonly every: number;
  readonly #path: string;
  readonly #device: Device;
  isSaved = false;

  constructor(folder: string, device: Device, every: number) {
    this.every = every;
    this.#path = join(folder, "checkpoint");
    this.#device = device;
  }

  async load(): Promise<TrainingState | undefined> {
    return this.isSaved
      ? await readCheckpoint(this.#path, this.#device)
      : undefined;
  }

  async save(state: TrainingState): Promise<void> {
    await writeCheckpoint(this.#path, { ...state, fileLengths: {} });
    this.isSaved = true;
  }
}

async function goOnBitForBit(
  options: Pick<Setup, "precision" | "optimizerOptions">,
): Promise<void> {
  await withSetup((setup) =>
    inTemporaryFolder(async (folder) => {
      const { device } = setup;
      const optimizer = cramPlus({
        base: sgd({ momentum: 0.9 }),
        compressors: [topK(0.3), topK(0.6), topK(0.9)],
        maskEvery: 3,
      });
      /** Trains for 11 steps; `end` is done behind a step, in a first attempt. */
      const train = async (
        every: number,
        end?: (step: number, controller: AbortController) => void,
      ) => {
        const checkpoints = new Checkpoints(folder, device, every);
        const lines = new Map<number, unknown>();
        const attempt = async (
          onStep: TrainingOptions["onStep"],
          signal?: AbortSignal,
        ) => {
          using model = new TinyNetwork(device);
          const done = await trainClassifier({
            ...setup,
            ...options,
            model,
            optimizer,
            checkpoints,
            steps: 11,
            onStep,
            signal,
            onReport: ({ examplesPerSecond: _, ...rest }) =>
              void lines.set(rest.step, rest),
          });
          const weights = await Promise.all(
            Array.from(model.stateDict().values(), (tensor) => tensor.data()),
          );
          return {
            done,
            weights,
            reports: [4, 8, 11].map((i) => lines.get(i)),
          };
        };
        if (end !== undefined) {
          const controller = new AbortController();
          try {
            await attempt((step) => end(step, controller), controller.signal);
          } catch (error) {
            assertStringIncludes(`${error}`, "crash");
          }
        }
        return await attempt(undefined);
      };
      const uninterrupted = await train(100);
      assertEquals(uninterrupted.done, 11);
      for (const last of [1, 4, 7]) {
        const stopped = await train(100, (step, controller) => {
          if (step === last) controller.abort();
        });
        assertEquals(stopped, uninterrupted);
        const crashed = await train(3, (step) => {
          if (step === last) throw new Error("crash");
        });
        assertEquals(crashed, uninterrupted);
      }
      const complete = await train(100, () => {});
      assertEquals(complete, uninterrupted);
      if (options.precision !== "float16") return;
      // The scale moves both ways in these steps.
      const [first, , last] = uninterrupted.reports as TrainingReport[];
      assert(first.skippedSteps! > 0);
      assert(last.lossScale! > first.lossScale!, `${last.lossScale}`);
    })
  );
}

Deno.test("train() goes on bit for bit wherever it was interrupted", {
  ignore,
}, () => goOnBitForBit({}));

Deno.test("train() goes on bit for bit with the scale of its loss in float16", {
  ignore,
}, () =>
  goOnBitForBit({
    precision: "float16",
    optimizerOptions: {
      lossScaling: { initial: 2 ** 18, growthInterval: 3 },
    },
  }));

Deno.test("train() saves no state in which the loss has diverged", {
  ignore,
}, () =>
  withSetup((setup) =>
    inTemporaryFolder(async (folder) => {
      const checkpoints = new Checkpoints(folder, setup.device, 3);
      await assertRejects(
        () =>
          trainClassifier({
            ...setup,
            checkpoints,
            logEvery: 100,
            schedule: () => 1e38,
          }),
        DivergenceError,
      );
      assert(!checkpoints.isSaved);
    })
  ));

Deno.test("train() names the step in which the loss diverges", {
  ignore,
}, () =>
  withSetup(async (setup) => {
    await assertRejects(
      () =>
        trainClassifier({
          ...setup,
          schedule: (step) => step < 5 ? 0 : 1e38,
        }),
      DivergenceError,
      "the loss became NaN in step 7",
    );
  }));
