/**
 * `deno task train-imagenet`: trains an image classifier.
 *
 * @module
 */

import { loadWeights, type ResNet } from "@cram/models";
import { type Device, openDevice, openSafetensors } from "@cram/tensor";
import { classification } from "../classification.ts";
import {
  findImages,
  type ImageDataset,
  openImages,
  sampleImages,
} from "../data/dataset.ts";
import { ImageLoader, type ImageLoaderOptions } from "../data/loader.ts";
import { ImageNormalizer } from "../data/normalization.ts";
import { calibrationRandom, calibrationSeed } from "../data/random_streams.ts";
import { DataError } from "../errors.ts";
import { evaluateOneShot, OneShotTable } from "../one_shot.ts";
import { compressorsOf, optimizerOf, scheduleOf } from "../optimizers.ts";
import { formatDuration, ProgressLine, standardOutput } from "../progress.ts";
import { MODELS } from "../recipes.ts";
import { type RunConfig, RunDirectory } from "../run_directory.ts";
import { train } from "../train.ts";
import { describeOptions, parseOptions } from "./options.ts";
import { runProgram } from "./program.ts";
import {
  TRAINING_OPTIONS,
  type TrainingOptionValues,
} from "./training_options.ts";
import {
  checkOptions,
  settle,
  type TrainingSettings,
} from "./training_settings.ts";

const HELP = `Trains an image classifier.

Usage: deno task train-imagenet --data DIR [options]

Images are JPEG, PNG or WebP files in one folder for each class, or in
WebDataset archives with labels (.cls) next to the images.

Options:
${describeOptions(TRAINING_OPTIONS)}

Ctrl-C finishes the step, writes weights and a checkpoint, and ends. The same
command with --resume goes on from there, or from the last checkpoint after a
crash, and comes to the same weights as if nothing had happened.

Examples:
  deno task train-imagenet --data cifar10 --model resnet20 --epochs 10
  deno task train-imagenet --data imagenet --model resnet50 --out runs/a
  deno task train-imagenet --data imagenet --optimizer cram+ --out runs/b
  deno task train-imagenet --data imagenet --optimizer cram+ --nm 2:4,4:8
`;

async function trainImagenet(
  options: TrainingOptionValues,
  signal: AbortSignal,
): Promise<void> {
  const folder = checkOptions(options);
  const dataset = await openImages(folder, "train");
  const validation = options.evaluate
    ? await findImages(folder, "val")
    : undefined;
  if (validation !== undefined) checkClasses(folder, dataset, validation);
  const settings = settle(options, dataset);
  await using device = await openDevice(
    options.device === "auto" ? undefined : options.device,
    { threads: options.threads },
  );
  const config = {
    ...settings,
    seed: `${settings.seed}`,
    device: device.info.kind,
    images: dataset.files.length,
    classNames: dataset.classes,
  };
  if (options.printConfig) {
    console.log(JSON.stringify(config, undefined, 2));
    return;
  }

  const recipe = MODELS[settings.model];
  const { classes, steps, batchSize, imageSize } = settings;
  using model = recipe.create(device, { classes, seed: settings.seed });
  if (settings.init !== undefined) {
    await using file = await openSafetensors(settings.init);
    await loadWeights(model, file);
  }
  const directory = await openRun(options, config);
  using normalizer = new ImageNormalizer(device, recipe.transform);
  const progress = new ProgressLine(standardOutput(), steps);
  const run: Run = {
    settings,
    device,
    model,
    dataset,
    normalizer,
    directory,
    progress,
    signal,
    loading: {
      ...settings,
      transform: {
        recipe: recipe.transform,
        size: imageSize,
        augment: settings.augment,
      },
      onBroken: ({ name }, reason) =>
        progress.note(`skipped "${name}": ${reason}`),
    },
  };
  progress.note(
    `${settings.model} on ${device.info.kind} (${device.info.description})`,
  );
  progress.note(
    `${count(dataset.files.length, "image")} of ${
      count(classes, "class", "classes")
    }, ${count(steps, "step")} of ${count(batchSize, "image")}`,
  );
  await minimizeLoss(run, options.resume);
  if (validation !== undefined && !signal.aborted) {
    await pruneAtOnce(run, validation);
  }
}

/** What the parts of the program work on. */
interface Run {
  readonly settings: TrainingSettings;
  readonly device: Device;
  readonly model: ResNet;
  readonly dataset: ImageDataset;
  readonly loading: ImageLoaderOptions;
  readonly normalizer: ImageNormalizer;
  readonly directory: RunDirectory | undefined;
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
}

/** Trains, and saves the weights. */
async function minimizeLoss(run: Run, resume: boolean): Promise<void> {
  const { settings, directory, progress, dataset, loading } = run;
  const { steps } = settings;
  const begin = performance.now();
  let first = 0;
  using loader = new ImageLoader(dataset, loading);
  const done = await train({
    task: classification({ ...run, loader }),
    optimizer: optimizerOf(settings),
    schedule: scheduleOf(settings),
    steps,
    accumulate: settings.accumulate,
    logEvery: settings.logEvery,
    checkpoints: directory && {
      every: settings.checkpointEvery,
      save: (state) => directory.saveCheckpoint(state),
      load: async () => {
        if (!resume) return undefined;
        const state = await directory.loadCheckpoint(run.device);
        first = state?.step ?? 0;
        progress.note(`Going on after ${count(first, "step")}`);
        return state;
      },
    },
    signal: run.signal,
    onStep: (step) => progress.advance(step),
    onReport: async ({ examplesPerSecond: imagesPerSecond, ...report }) => {
      progress.report(
        report.step,
        [
          `loss ${report.loss.toFixed(4)}`,
          `accuracy ${percent(report.accuracy)}`,
          `lr ${report.learningRate.toPrecision(3)}`,
          `${imagesPerSecond.toPrecision(3)} images/s`,
        ].join("  "),
      );
      await directory?.log({ ...report, imagesPerSecond });
    },
  });
  progress.finish();
  if (done < steps) {
    progress.note(`Stopped after ${count(done, "step")} of ${steps}`);
    if (directory !== undefined) {
      progress.note("The same command with --resume goes on from there");
    }
  }
  progress.note(
    `Trained ${count(done - first, "step")} in ${
      formatDuration(performance.now() - begin)
    }`,
  );
  if (directory !== undefined) {
    progress.note(`Wrote ${await directory.saveModel(run.device, run.model)}`);
  }
}

/** Measures the model dense and pruned, and saves the table. */
async function pruneAtOnce(run: Run, validation: ImageDataset): Promise<void> {
  const { settings, directory, progress, loading, signal } = run;
  using loader = new ImageLoader(validation, {
    ...loading,
    shuffle: false,
    transform: { ...loading.transform, augment: false },
  });
  using calibration = calibrationLoader(run);
  const options = {
    ...run,
    loader,
    compressors: compressorsOf({ ...settings, sparsities: SPARSITIES }),
    calibration: calibration &&
      { loader: calibration, batches: TUNING_BATCHES },
  };
  const table = new OneShotTable(options);
  progress.note(
    `Accuracy on ${
      count(validation.files.length, "validation image")
    }, dense and pruned at once${
      calibration ? ", then with batch norm tuned" : ""
    }:`,
  );
  progress.note(table.header);
  const results = await evaluateOneShot({
    ...options,
    onResult: (result) => progress.note(table.row(result)),
  });
  if (directory !== undefined && !signal.aborted) {
    progress.note(`Wrote ${await directory.saveResults({ results })}`);
  }
}

/** To which parts of zeros a trained model is pruned, as the CrAM paper does. */
const SPARSITIES = [0.5, 0.7, 0.8, 0.9];

/** How many batches move the running statistics, as in the code of the CrAM paper. */
const TUNING_BATCHES = 100;

function calibrationLoader(
  { settings: { seed, bnTuning }, dataset, loading }: Run,
): ImageLoader | undefined {
  if (bnTuning === 0) return undefined;
  const sample = sampleImages(dataset, bnTuning, calibrationRandom(seed));
  return new ImageLoader(sample, {
    ...loading,
    seed: calibrationSeed(seed),
    shuffle: true,
  });
}

/** Labels are numbers: they must mean the same in both splits. */
function checkClasses(
  folder: string,
  train: ImageDataset,
  validation: ImageDataset,
): void {
  const index = validation.classes.findIndex((name, i) =>
    name !== train.classes[i]
  );
  if (index < 0) return;
  throw new DataError(
    `Cannot evaluate on the images of "${folder}": class ${index} is "${
      validation.classes[index]
    }" in val, ${
      index < train.classes.length
        ? `"${train.classes[index]}"`
        : "and there is none"
    } in train; --no-evaluate leaves that out`,
  );
}

async function openRun(
  { out, resume }: TrainingOptionValues,
  config: RunConfig,
): Promise<RunDirectory | undefined> {
  if (out === undefined) return undefined;
  return resume
    ? await RunDirectory.reopen(out, config)
    : await RunDirectory.create(out, config);
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, TRAINING_OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await trainImagenet(options, signal);
    }),
  );
}
