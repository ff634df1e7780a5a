/**
 * `deno task train-imagenet`: trains an image classifier.
 *
 * @module
 */

import { sgd, warmupCosine } from "@cram/optim";
import { openDevice } from "@cram/tensor";
import { type ImageDataset, openImages, type Split } from "../data/dataset.ts";
import { ImageLoader } from "../data/loader.ts";
import { ImageNormalizer } from "../data/normalization.ts";
import { UsageError } from "../errors.ts";
import { evaluateClassifier } from "../evaluate.ts";
import { formatDuration, ProgressLine, standardOutput } from "../progress.ts";
import { type ModelName, MODELS } from "../recipes.ts";
import { RunDirectory } from "../run_directory.ts";
import { trainClassifier } from "../train.ts";
import {
  choice,
  describeOptions,
  flag,
  integer,
  number,
  type OptionValues,
  parseOptions,
  seed,
  text,
} from "./options.ts";
import { runProgram } from "./program.ts";

const MODEL_NAMES = Object.keys(MODELS) as ModelName[];
const DEVICE_NAMES = ["auto", "webgpu", "cpu", "reference"] as const;

const OPTIONS = {
  data: text("DIR", "the images: DIR/train/CLASS/FILE, or DIR/train-*.tar"),
  model: choice(MODEL_NAMES, "which network; default resnet50"),
  steps: integer(1, "how many steps to train; default: as --epochs says"),
  epochs: number(
    { least: 0 },
    "how many passes over the images; default: 200 for resnet20, else 100",
  ),
  batchSize: integer(
    1,
    "images in a step; default: 128 for resnet20, else 32",
  ),
  imageSize: integer(
    1,
    "height and width in pixels; default: 32 for resnet20, else 224",
  ),
  lr: number(
    { least: 0 },
    "highest learning rate; default: 0.1 for 128 images in a step of resnet20, else 0.2 for 512, and in proportion",
  ),
  warmupEpochs: number(
    { least: 0 },
    "in how many epochs the learning rate rises, before it falls along a cosine; default: 5, but at most 5 % of the training",
  ),
  momentum: number({ least: 0, below: 1 }, "momentum of SGD; default 0.9"),
  weightDecay: number(
    { least: 0 },
    "weight decay; default: 5e-4 for resnet20, else 1e-4",
  ),
  classes: integer(1, "how many classes; default: as many as the data have"),
  seed: seed("what weights, order and augmentation come from; default 1"),
  device: choice(DEVICE_NAMES, "what to compute on; default auto"),
  threads: integer(1, "threads of the cpu device; default: one for each core"),
  workers: integer(1, "threads that decode images; default: one for each core"),
  maxBad: integer(0, "how many images may be broken; default 10"),
  logEvery: integer(1, "after how many steps the loss is read; default 10"),
  augment: flag("take images as they are, without crops and flips", true),
  shuffle: flag("take images in the order of the data set", true),
  evaluate: flag("measure the accuracy on DIR/val or DIR/val-*.tar at the end"),
  out: text(
    "DIR",
    "where config.json, metrics.jsonl and model.safetensors are written",
  ),
  help: flag("show this"),
};

const HELP = `Trains an image classifier.

Usage: deno task train-imagenet --data DIR [options]

Images are JPEG, PNG or WebP files in one folder for each class, or in
WebDataset archives with labels (.cls) next to the images.

Options:
${describeOptions(OPTIONS)}

Ctrl-C finishes the step, writes the weights and ends.

Examples:
  deno task train-imagenet --data cifar10 --model resnet20 --epochs 10
  deno task train-imagenet --data imagenet --model resnet50 --out runs/a
`;

/** Settings of a run, complete; what \`config.json\` holds. */
interface Settings {
  readonly data: string;
  readonly model: ModelName;
  readonly imageSize: number;
  readonly classes: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly seed: bigint;
  readonly augment: boolean;
  readonly shuffle: boolean;
  readonly workers: number;
  readonly maxBad: number;
  readonly logEvery: number;
}

/** The data folder, which must be given. */
function dataFolder(options: OptionValues<typeof OPTIONS>): string {
  if (options.data === undefined) {
    throw new UsageError(
      "Cannot train without images: say --data DIR; --help explains",
    );
  }
  return options.data;
}

function settle(
  options: OptionValues<typeof OPTIONS>,
  dataset: ImageDataset,
): Settings {
  const model = options.model ?? "resnet50";
  const recipe = MODELS[model];
  const imageSize = options.imageSize ?? recipe.imageSize;
  const batchSize = options.batchSize ?? recipe.batchSize;
  const images = dataset.files.length;
  const stepsPerEpoch = Math.ceil(images / batchSize);
  const epochs = options.epochs ??
    (options.steps === undefined ? recipe.epochs : Infinity);
  const steps = Math.min(
    options.steps ?? Infinity,
    Math.ceil(epochs * stepsPerEpoch),
  );
  if (steps < 1) {
    throw new UsageError(
      `Cannot use --epochs "${options.epochs}": that is not one step`,
    );
  }
  const classes = options.classes ?? dataset.classes.length;
  if (classes < dataset.classes.length) {
    throw new UsageError(
      `Cannot use --classes "${classes}": the data have ${dataset.classes.length}`,
    );
  }
  const smallest = images % batchSize || batchSize;
  if (recipe.transform === "imagenet" && imageSize <= 32 && smallest === 1) {
    throw new UsageError(
      `Cannot train ${model} on a step of 1 image of ${imageSize} pixels: nothing is left to normalize over; choose another --batch-size than "${batchSize}" for ${images} images, or a larger --image-size`,
    );
  }
  return {
    data: dataFolder(options),
    model,
    imageSize,
    classes,
    steps,
    batchSize,
    learningRate: options.lr ?? recipe.learningRatePerImage * batchSize,
    warmupSteps: options.warmupEpochs === undefined
      ? Math.round(Math.min(5 * stepsPerEpoch, 0.05 * steps))
      : Math.min(steps, Math.round(options.warmupEpochs * stepsPerEpoch)),
    momentum: options.momentum ?? 0.9,
    weightDecay: options.weightDecay ?? recipe.weightDecay,
    seed: options.seed ?? 1n,
    augment: options.augment,
    shuffle: options.shuffle,
    workers: options.workers ?? navigator.hardwareConcurrency,
    maxBad: options.maxBad ?? 10,
    logEvery: options.logEvery ?? 10,
  };
}

async function train(
  options: OptionValues<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<void> {
  const folder = dataFolder(options);
  const dataset = await openImages(folder, "train");
  const validation = options.evaluate
    ? await openImages(folder, "val")
    : undefined;
  const settings = settle(options, dataset);
  await using device = await openDevice(
    options.device === "auto" ? undefined : options.device,
    { threads: options.threads },
  );
  const directory = options.out === undefined
    ? undefined
    : await RunDirectory.create(options.out, {
      ...settings,
      seed: `${settings.seed}`,
      device: device.info.kind,
      images: dataset.files.length,
      classNames: dataset.classes,
    });

  const recipe = MODELS[settings.model];
  const { classes, steps, batchSize, imageSize } = settings;
  using model = recipe.create(device, { classes, seed: settings.seed });
  using normalizer = new ImageNormalizer(device, recipe.transform);
  const progress = new ProgressLine(standardOutput(), steps);
  const loaderOf = (dataset: ImageDataset, split: Split): ImageLoader =>
    new ImageLoader(dataset, {
      ...settings,
      shuffle: settings.shuffle && split === "train",
      transform: {
        recipe: recipe.transform,
        size: imageSize,
        augment: settings.augment && split === "train",
      },
      onBroken: ({ name }, reason) =>
        progress.note(`skipped "${name}": ${reason}`),
    });

  progress.note(
    `${settings.model} on ${device.info.kind} (${device.info.description})`,
  );
  progress.note(
    `${count(dataset.files.length, "image")} of ${
      count(classes, "class", "classes")
    }, ${count(steps, "step")} of ${count(batchSize, "image")}`,
  );
  const begin = performance.now();
  using loader = loaderOf(dataset, "train");
  const done = await trainClassifier({
    device,
    model,
    optimizer: sgd(settings),
    schedule: warmupCosine({ ...settings, peak: settings.learningRate }),
    loader,
    normalizer,
    steps,
    logEvery: settings.logEvery,
    signal,
    onStep: (step) => progress.advance(step),
    onReport: async (report) => {
      progress.report(
        report.step,
        [
          `loss ${report.loss.toFixed(4)}`,
          `accuracy ${percent(report.accuracy)}`,
          `lr ${report.learningRate.toPrecision(3)}`,
          `${report.imagesPerSecond.toPrecision(3)} images/s`,
        ].join("  "),
      );
      await directory?.log({ ...report });
    },
  });
  progress.finish();
  if (done < steps) {
    progress.note(`Stopped after ${count(done, "step")} of ${steps}`);
  }
  progress.note(
    `Trained ${count(done, "step")} in ${
      formatDuration(performance.now() - begin)
    }`,
  );
  if (directory !== undefined) {
    progress.note(`Wrote ${await directory.saveModel(device, model)}`);
  }
  if (validation !== undefined && !signal.aborted) {
    using loader = loaderOf(validation, "val");
    const { accuracy, images, loss } = await evaluateClassifier({
      device,
      model,
      loader,
      normalizer,
      signal,
    });
    progress.note(
      `Validation accuracy ${percent(accuracy)}, loss ${loss.toFixed(4)} on ${
        count(images, "image")
      }`,
    );
  }
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
      const options = parseOptions(Deno.args, OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await train(options, signal);
    }),
  );
}
