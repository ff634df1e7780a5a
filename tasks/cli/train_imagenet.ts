/**
 * `deno task train-imagenet`: trains an image classifier.
 *
 * @module
 */

import type { ResNet } from "@cram/models";
import type { Device } from "@cram/tensor";
import { BatchNormTuning } from "../batch_norm_tuning.ts";
import { classification } from "../classification.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { openImageSource } from "../data/image_source.ts";
import { ImageLoader, type ImageLoaderOptions } from "../data/loader.ts";
import { ImageNormalizer } from "../data/normalization.ts";
import { DataError } from "../errors.ts";
import { evaluateClassifier } from "../evaluate.ts";
import { evaluateOneShot } from "../one_shot.ts";
import { OneShotTable } from "../one_shot_table.ts";
import { compressorsOf } from "../optimizers.ts";
import { ProgressLine, standardOutput } from "../progress.ts";
import { IMAGE_RECIPES, MODELS } from "../recipes.ts";
import type { RunDirectory } from "../run_directory.ts";
import {
  IMAGE_OPTIONS,
  IMAGE_TRAINING_OPTIONS,
  type ImageTrainingOptionValues,
} from "./image_options.ts";
import {
  chooseImageRecipe,
  type ImageTrainingSettings,
  settleImageTraining,
} from "./image_settings.ts";
import { describeOptions, parseOptions } from "./options.ts";
import { runProgram } from "./program.ts";
import { describeRecipes, TRAINING_OPTIONS } from "./training_options.ts";
import {
  count,
  initialize,
  openChosenDevice,
  openRun,
  runTraining,
} from "./training_run.ts";

const HELP = `Trains an image classifier.

Usage: deno task train-imagenet [--data DIR] [options]

Without options it trains on pictures of emoji, in a few minutes. --data DIR
holds JPEG, PNG or WebP files as DIR/train/CLASS/FILE and DIR/val/CLASS/FILE,
or WebDataset archives DIR/train-*.tar and DIR/val-*.tar with labels (.cls)
next to the images.

Images and model (where no default is mentioned, it is the recipe's):
${describeOptions(IMAGE_OPTIONS)}

Training (where no default is mentioned, it is the recipe's):
${describeOptions(TRAINING_OPTIONS)}

Recipes (those of ImageNet and CIFAR-10 are the CrAM paper's):
${describeRecipes(IMAGE_RECIPES)}

Ctrl-C finishes the step, writes weights and a checkpoint, and ends. The same
command with --resume goes on from there, or from the last checkpoint after a
crash, and comes to the same weights as if nothing had happened.

Examples:
  deno task train-imagenet
  deno task train-imagenet --data cifar10 --epochs 10 --optimizer cram+
  deno task train-imagenet --recipe cifar10-cram+-multi --out runs/a
  deno task train-imagenet --data DIR --model resnet50 --out runs/b
  deno task train-imagenet --data DIR --recipe imagenet-cram+-nm --accumulate 8
`;

async function trainImagenet(
  options: ImageTrainingOptionValues,
  signal: AbortSignal,
): Promise<void> {
  const recipe = chooseImageRecipe(options);
  const source = await openImageSource(recipe.data, {
    onProgress: (message) => console.error(message),
    signal,
  });
  const dataset = await source.train();
  const validation = options.evaluate ? await source.validation() : undefined;
  if (validation !== undefined) checkClasses(source.name, dataset, validation);
  const settings = settleImageTraining(options, recipe, dataset);
  await using device = await openChosenDevice(options);
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

  const { model: name, transform, classes, steps, batchSize, seed } = settings;
  using model = MODELS[name](device, { classes, seed });
  await initialize(model, settings.init);
  const directory = await openRun(options, config);
  using normalizer = new ImageNormalizer(device, transform);
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
        recipe: transform,
        size: settings.imageSize,
        augment: settings.augment,
      },
      onBroken: ({ name }, reason) =>
        progress.note(`skipped "${name}": ${reason}`),
    },
  };
  progress.note(`${name} on ${device.info.kind} (${device.info.description})`);
  progress.note(
    `${count(dataset.files.length, "image")} of ${
      count(classes, "class", "classes")
    }, ${count(steps, "step")} of ${count(batchSize, "image")}`,
  );
  {
    using loader = new ImageLoader(dataset, run.loading);
    const task = classification({ ...run, loader });
    await runTraining({ ...run, task, examples: "images" });
  }
  if (validation !== undefined && !signal.aborted) {
    await pruneAtOnce(run, validation);
  }
}

/** What the parts of the program work on. */
interface Run {
  readonly settings: ImageTrainingSettings;
  readonly device: Device;
  readonly model: ResNet;
  readonly dataset: ImageDataset;
  readonly loading: ImageLoaderOptions;
  readonly normalizer: ImageNormalizer;
  readonly directory: RunDirectory | undefined;
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
}

/** Measures the model dense and pruned, and saves the table. */
async function pruneAtOnce(run: Run, validation: ImageDataset): Promise<void> {
  const { settings, directory, progress, loading, signal } = run;
  using loader = new ImageLoader(validation, {
    ...loading,
    shuffle: false,
    transform: { ...loading.transform, augment: false },
  });
  using tuning = settings.bnTuning === 0
    ? undefined
    : new BatchNormTuning({ ...run, images: settings.bnTuning });
  const options = {
    ...run,
    compressors: compressorsOf({ ...settings, sparsities: SPARSITIES }),
    measure: () => evaluateClassifier({ ...run, loader }),
    tuning,
  };
  const table = new OneShotTable(options, METRICS);
  progress.note(
    `Accuracy on ${
      count(validation.files.length, "validation image")
    }, dense and pruned at once${
      tuning ? ", then with batch norm tuned" : ""
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

/** What the table shows. */
const METRICS = [{ metric: "accuracy", title: "accuracy", percent: true }];

/** Labels are numbers: they must mean the same in both splits. */
function checkClasses(
  name: string,
  train: ImageDataset,
  validation: ImageDataset,
): void {
  const index = validation.classes.findIndex((name, i) =>
    name !== train.classes[i]
  );
  if (index < 0) return;
  throw new DataError(
    `Cannot evaluate on the images of "${name}": class ${index} is "${
      validation.classes[index]
    }" in val, ${
      index < train.classes.length
        ? `"${train.classes[index]}"`
        : "and there is none"
    } in train; --no-evaluate leaves that out`,
  );
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, IMAGE_TRAINING_OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await trainImagenet(options, signal);
    }),
  );
}
