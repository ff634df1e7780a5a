/**
 * Trained models as the command line names them: a run folder, or a file of
 * weights.
 *
 * @module
 */

import type { ResNet } from "@cram/models";
import { type Device, openSafetensors } from "@cram/tensor";
import { exists } from "@std/fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Recipe as TransformRecipe } from "../data/augment.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { CheckpointError, DataError } from "../errors.ts";
import { defaultImageRecipe, type ModelName, MODELS } from "../recipes.ts";
import { checkWeightsTask } from "../weights_task.ts";
import { findWeights, readConfig } from "./run_files.ts";
import { initialize } from "./training_run.ts";

/** What a run folder may hold to evaluate, the first that is there. */
const WEIGHTS = ["model.safetensors", "checkpoint.safetensors"];
const CONFIG = "config.json";

/** Help of `--data` where there is a trained model. */
export const TRAINED_DATA_HELP =
  "the images: a folder, cifar10, which is downloaded, or emoji; default: those of the training";

/** A trained image classifier. */
export interface TrainedModel {
  /** What it is called: its run folder, or its file. */
  readonly name: string;
  /** The file with its weights. */
  readonly checkpoint: string;
  /** Which network. */
  readonly model: ModelName;
  /** How images are prepared. */
  readonly transform: TransformRecipe;
  /** Height and width of images, in pixels. */
  readonly imageSize: number;
  /** Whether it was trained with crops and flips. */
  readonly augment: boolean;
  /** How many classes it tells apart. */
  readonly classes: number;
  /** What they are called, if that is known. */
  readonly classNames?: readonly string[];
  /** What it was trained on, if that is known. */
  readonly data?: string;
}

/** What can be said about files outside of run folders. */
export interface ModelChoice {
  /** Which network; by default what the data set is usually trained with. */
  readonly model?: ModelName;
  /** Height and width of images, in pixels. */
  readonly imageSize?: number;
  /** The data set. */
  readonly data?: string;
}

/**
 * Finds a trained model. Its settings come from the `config.json` next to it,
 * unless they are said.
 *
 * @param path A run folder, or a safetensors file.
 * @param choice What was said.
 * @returns The model, whose weights are not read yet.
 * @throws {CheckpointError} If there is none, or it is no image classifier.
 * @throws {SafetensorsError} If its file is no safetensors file.
 */
export async function findTrainedModel(
  path: string,
  choice: ModelChoice,
): Promise<TrainedModel> {
  const checkpoint = await findWeights(path, WEIGHTS);
  await checkWeightsTask(checkpoint, "images");
  const folder = dirname(resolve(checkpoint));
  const configFile = join(folder, CONFIG);
  const config = await exists(configFile)
    ? await readConfig<ModelConfig>(configFile)
    : undefined;
  const model = choice.model ?? config?.model;
  const data = choice.data ?? config?.data;
  if (model !== undefined && !Object.hasOwn(MODELS, model)) {
    throw new CheckpointError(
      `Cannot use "${path}": its model is "${model}", expected one of ${
        Object.keys(MODELS).join(", ")
      }`,
    );
  }
  const recipe = defaultImageRecipe(data, model);
  return {
    name: config === undefined
      ? basename(checkpoint).replace(/\.safetensors$/, "")
      : basename(folder),
    checkpoint,
    model: model ?? recipe.model,
    transform: config?.transform ?? recipe.transform,
    imageSize: choice.imageSize ?? config?.imageSize ?? recipe.imageSize,
    augment: config?.augment ?? true,
    classes: config?.classes ?? await countClasses(checkpoint),
    classNames: config?.classNames,
    data,
  };
}

/** What `config.json` holds of a training on images. */
type ModelConfig =
  & Omit<TrainedModel, "name" | "checkpoint">
  & { readonly data: string };

/** Classes are the rows of PyTorch's last weight. */
async function countClasses(checkpoint: string): Promise<number> {
  await using file = await openSafetensors(checkpoint);
  const classes = file.entries.get("fc.weight")?.shape[0];
  if (classes === undefined) {
    throw new CheckpointError(
      `Cannot use "${checkpoint}": there is no "fc.weight" in it, and no ${CONFIG} next to it`,
    );
  }
  return classes;
}

/**
 * Checks that labels mean to a model what they mean in a data set.
 *
 * @param trained The model.
 * @param dataset The images.
 * @throws {DataError} If there are other classes.
 */
export function checkTrainedClasses(
  { checkpoint, classes, classNames }: TrainedModel,
  dataset: ImageDataset,
): void {
  const problem = classNames === undefined
    ? classes === dataset.classes.length
      ? undefined
      : `it tells ${classes} classes apart, the data have ${dataset.classes.length}`
    : differenceOf(classNames, dataset.classes);
  if (problem === undefined) return;
  throw new DataError(`Cannot use "${checkpoint}": ${problem}`);
}

function differenceOf(
  trained: readonly string[],
  found: readonly string[],
): string | undefined {
  const length = Math.max(trained.length, found.length);
  for (let i = 0; i < length; i++) {
    if (trained[i] === found[i]) continue;
    const [was, is] = [trained[i], found[i]].map((name) =>
      name === undefined ? "missing" : `"${name}"`
    );
    return `class ${i} was ${was} in training and is ${is} in the data`;
  }
  return undefined;
}

/**
 * Brings a trained model to a device.
 *
 * @param device Where it shall live.
 * @param trained What {@linkcode findTrainedModel} found.
 * @returns The model, for the caller to dispose of.
 * @throws {StateDictError} If its weights are of another model.
 * @throws {SafetensorsError} If they cannot be read.
 */
export async function loadTrainedModel(
  device: Device,
  { checkpoint, model: name, classes }: TrainedModel,
): Promise<ResNet> {
  const model = MODELS[name](device, { classes, seed: 0n });
  try {
    await initialize(model, checkpoint);
    return model;
  } catch (error) {
    model[Symbol.dispose]();
    throw error;
  }
}
