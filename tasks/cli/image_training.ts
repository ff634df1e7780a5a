/**
 * A training on images from the first step to the table of accuracies.
 *
 * @module
 */

import type { Compressor } from "@cram/compress";
import type { Precision, ResNet } from "@cram/models";
import type { OptimizerRule } from "@cram/optim";
import { type Device, openSafetensors } from "@cram/tensor";
import { exists } from "@std/fs";
import { join } from "node:path";
import { batchNormTuning } from "../batch_norm_tuning.ts";
import { classification } from "../classification.ts";
import type { Transform } from "../data/augment.ts";
import { cacheFolder } from "../data/cache.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { DecodedCache } from "../data/decoded_cache.ts";
import { openImageSource } from "../data/image_source.ts";
import { ImageLoader, type ImageLoaderOptions } from "../data/loader.ts";
import { ImageNormalizer } from "../data/normalization.ts";
import { CheckpointError, DataError, OutputError } from "../errors.ts";
import { evaluateClassifier } from "../evaluate.ts";
import { evaluateOneShot, type OneShotResult } from "../one_shot.ts";
import { OneShotTable } from "../one_shot_table.ts";
import { compressorsOf } from "../optimizers.ts";
import { ProgressLine, standardOutput } from "../progress.ts";
import { MODELS } from "../recipes.ts";
import type { RunConfig, RunDirectory } from "../run_directory.ts";
import type { ImageTrainingOptionValues } from "./image_options.ts";
import type { DataRecipe, ImageTrainingSettings } from "./image_settings.ts";
import { checkWeightsTask } from "../weights_task.ts";
import {
  count,
  initialize,
  openRun,
  precisionNote,
  runTraining,
} from "./training_run.ts";

/** To which parts of zeros a trained model is pruned, as the CrAM paper does. */
const SPARSITIES = [0.5, 0.7, 0.8, 0.9];

/** What the table shows. */
const METRICS = [{ metric: "accuracy", title: "accuracy", percent: true }];

/** Images to train and to measure on. */
export interface ImageSplits {
  /** The images to train on. */
  readonly train: ImageDataset;
  /** The images to measure on; `undefined` if there are none, or none are wanted. */
  readonly validation: ImageDataset | undefined;
}

/**
 * Opens the images that a recipe names.
 *
 * @param recipe The recipe.
 * @param options Whether images to measure on are wanted.
 * @param signal Ends a download.
 * @returns The images.
 * @throws {DataError} If they are not there or broken, or have other classes in training than in validation.
 */
export async function openImages(
  recipe: DataRecipe,
  { evaluate }: Pick<ImageTrainingOptionValues, "evaluate">,
  signal: AbortSignal,
): Promise<ImageSplits> {
  const source = await openImageSource(recipe.data, {
    onProgress: (message) => console.error(message),
    signal,
  });
  const train = await source.train();
  const validation = evaluate ? await source.validation() : undefined;
  if (validation !== undefined) checkClasses(source.name, train, validation);
  return { train, validation };
}

/**
 * What `config.json` holds.
 *
 * @param settings The settings of the training.
 * @param device What it is computed on.
 * @param dataset The images to train on.
 * @returns All of that, as JSON can hold it.
 */
export function configOf(
  settings: ImageTrainingSettings,
  device: Device,
  dataset: ImageDataset,
): RunConfig {
  return {
    ...settings,
    seed: `${settings.seed}`,
    device: device.info.kind,
    images: dataset.files.length,
    classNames: dataset.classes,
  };
}

/** What {@linkcode trainImages} needs. */
export interface ImageTraining {
  /** Where the run is written, whether it is gone on with, and whether it is profiled. */
  readonly options: Pick<
    ImageTrainingOptionValues,
    "out" | "resume" | "profile"
  >;
  /** The images. */
  readonly images: ImageSplits;
  /** How a model is trained on them. */
  readonly settings: ImageTrainingSettings;
  /** What `config.json` holds. */
  readonly config: RunConfig;
  /** What it is computed on. */
  readonly device: Device;
  /** Ends the training after the step that is going on. */
  readonly signal: AbortSignal;
  /** How the parameters change. Default: as the settings say. */
  readonly optimizer?: OptimizerRule;
  /** How one goes on with a run that was interrupted. Default: by `--resume`. */
  readonly goOn?: string;
  /** What the trained model is compressed by at the end. Default: Top-K, and the patterns of the settings. */
  readonly compressors?: readonly Compressor[];
  /** Told of the trained model, before it is measured. */
  readonly onTrained?: (run: ImageRun) => Promise<void>;
}

/** What the parts of a training work on. */
export interface ImageRun {
  /** How the model is trained. */
  readonly settings: ImageTrainingSettings;
  /** Where it lives. */
  readonly device: Device;
  /** The model. */
  readonly model: ResNet;
  /** The images to train on. */
  readonly dataset: ImageDataset;
  /** What it is computed with. */
  readonly precision: Precision;
  /** How images are loaded for it. */
  readonly loading: ImageLoaderOptions;
  /** How they are normalized. */
  readonly normalizer: ImageNormalizer;
  /** What the run leaves behind, if it was asked to. */
  readonly directory: RunDirectory | undefined;
  /** Where progress is shown. */
  readonly progress: ProgressLine;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * Trains a model, and measures it dense and pruned.
 *
 * @param training Images and settings.
 * @returns What the evaluation found; `undefined` if there was none, or the training was ended early.
 * @throws {DivergenceError} If a loss is not finite.
 * @throws {OutputError} If something cannot be written.
 * @throws {DataError} If images cannot be read.
 */
export async function trainImages(
  training: ImageTraining,
): Promise<OneShotResult[] | undefined> {
  const { options, images, settings, config, device, signal } = training;
  const { model: name, classes, steps, batchSize, seed } = settings;
  const { train: dataset, validation } = images;
  using model = MODELS[name](device, { classes, seed });
  if (settings.init !== undefined) {
    await checkHead(settings.init, model, images.train);
    await initialize(model, settings.init);
  }
  const progress = new ProgressLine(standardOutput(), steps);
  const transform: Transform = {
    recipe: settings.transform,
    size: settings.imageSize,
    augment: settings.augment,
  };
  const cache = await openDecodedCache(settings, transform, progress);
  using directory = await openRun(options, config);
  using normalizer = new ImageNormalizer(device, settings.transform);
  const run: ImageRun = {
    settings,
    device,
    model,
    precision: settings.precision,
    dataset,
    normalizer,
    directory,
    progress,
    signal,
    loading: {
      ...settings,
      transform,
      cache,
      onBroken: ({ name }, reason) =>
        progress.note(`skipped "${name}": ${reason}`),
    },
  };
  progress.note(
    `${name} on ${device.info.kind} (${device.info.description})${
      precisionNote(settings)
    }`,
  );
  progress.note(
    `${count(dataset.files.length, "image")} of ${
      count(classes, "class", "classes")
    }, ${count(steps, "step")} of ${count(batchSize, "image")}`,
  );
  using loader = new ImageLoader(dataset, run.loading);
  const task = classification({ ...run, loader });
  const { optimizer, goOn } = training;
  const { profile } = options;
  await runTraining({
    ...run,
    ...{ optimizer, goOn, task, profile, examples: "images" },
  });
  if (signal.aborted) return undefined;
  await training.onTrained?.(run);
  if (validation === undefined) return undefined;
  const compressors = training.compressors ??
    compressorsOf({ ...settings, sparsities: SPARSITIES });
  return await measure(run, validation, compressors);
}

/** Measures the model as it is and compressed, and saves the table. */
async function measure(
  run: ImageRun,
  validation: ImageDataset,
  compressors: readonly Compressor[],
): Promise<OneShotResult[] | undefined> {
  const { settings, directory, progress, loading, signal } = run;
  using loader = new ImageLoader(validation, {
    ...loading,
    shuffle: false,
    transform: { ...loading.transform, augment: false },
  });
  const options = {
    ...run,
    compressors,
    measure: () => evaluateClassifier({ ...run, loader }),
    tuning: settings.bnTuning === 0
      ? undefined
      : batchNormTuning({ ...run, images: settings.bnTuning }),
  };
  const table = new OneShotTable(options, METRICS);
  progress.note(
    `Accuracy on ${count(validation.files.length, "validation image")}${
      compressors.length > 0 ? ", dense and pruned at once" : ""
    }${options.tuning ? ", then with batch norm tuned" : ""}:`,
  );
  progress.note(table.header);
  const results = await evaluateOneShot({
    ...options,
    onResult: (result) => progress.note(table.row(result)),
  });
  if (signal.aborted) return undefined;
  if (directory !== undefined) {
    progress.note(`Wrote ${await directory.saveResults({ results })}`);
  }
  return results;
}

/**
 * Checks that there are weights to begin with, before images are looked at,
 * which may have to be downloaded.
 *
 * @param options The option `--init`.
 * @throws {CheckpointError} If there is no such file, or it is of a model for questions.
 * @throws {SafetensorsError} If it is no safetensors file.
 */
export async function checkInit(
  { init }: Pick<ImageTrainingOptionValues, "init">,
): Promise<void> {
  if (init === undefined) return;
  if (!await exists(init, { isFile: true })) {
    throw new CheckpointError(
      `Cannot begin with "${init}": ${
        await exists(init)
          ? "it is a folder; expected a .safetensors file"
          : "no such file"
      }`,
    );
  }
  await checkWeightsTask(init, "images");
}

/** Weights of another number of classes than there are. */
async function checkHead(
  init: string,
  model: ResNet,
  dataset: ImageDataset,
): Promise<void> {
  await using file = await openSafetensors(init);
  const given = file.entries.get(HEAD)?.shape[0];
  const expected = model.stateDict().get(HEAD)?.shape[1];
  if (given === undefined || given === expected) return;
  throw new CheckpointError(
    `Cannot begin with "${init}": its "${HEAD}" is for ${given} classes, that of the model for ${expected}${
      given >= dataset.classes.length
        ? `; --classes ${given} makes one for as many`
        : ""
    }`,
  );
}

/** The last weight of ResNets, which has an output for each class. */
const HEAD = "fc.weight";

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

/**
 * Opens what decoded images are kept in. Those of emoji always are, where that
 * can be written to: to decode one takes about as long as a step on it.
 */
async function openDecodedCache(
  { cache, data }: ImageTrainingSettings,
  transform: Transform,
  progress: ProgressLine,
): Promise<DecodedCache | undefined> {
  const onOff = (reason: string): void =>
    progress.note(`keeps no more decoded images: ${reason}`);
  if (cache !== undefined) {
    return await DecodedCache.open(cache, transform, onOff);
  }
  if (data !== "emoji") return undefined;
  try {
    const folder = join(cacheFolder(), "decoded");
    return await DecodedCache.open(folder, transform, onOff);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    return undefined;
  }
}
