/**
 * The settings of a training on images, complete, from the options that were
 * given and a recipe.
 *
 * @module
 */

import type { Recipe as TransformRecipe } from "../data/augment.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { UsageError } from "../errors.ts";
import {
  defaultImageRecipe,
  IMAGE_RECIPES,
  type ImageRecipe,
  type ModelName,
} from "../recipes.ts";
import type { ImageTrainingOptionValues } from "./image_options.ts";
import {
  checkTrainingOptions,
  settleTraining,
  type TrainingSettings,
} from "./training_settings.ts";

/** Settings of a training on images; what `config.json` holds. */
export interface ImageTrainingSettings extends TrainingSettings {
  readonly data: string;
  readonly model: ModelName;
  readonly transform: TransformRecipe;
  readonly imageSize: number;
  readonly classes: number;
  readonly augment: boolean;
  readonly shuffle: boolean;
  readonly workers: number;
  readonly maxBad: number;
  readonly cache?: string;
  readonly bnTuning: number;
}

/** A recipe whose data set is known. */
export type DataRecipe = ImageRecipe & { readonly data: string };

/**
 * Finds the recipe, and checks options against each other, before any file is
 * looked at.
 *
 * @param options The options.
 * @returns The recipe, with the data set that the options name.
 * @throws {UsageError} If options do not go together, or there are no data.
 */
export function chooseImageRecipe(
  options: ImageTrainingOptionValues,
): DataRecipe {
  const recipe: ImageRecipe = options.recipe === undefined
    ? defaultImageRecipe(options.data, options.model)
    : IMAGE_RECIPES[options.recipe];
  const data = options.data ?? recipe.data;
  if (data === undefined) {
    throw new UsageError(
      `Cannot use --recipe ${options.recipe} without --data DIR, where its images are`,
    );
  }
  checkTrainingOptions(options, recipe);
  return { ...recipe, data };
}

/**
 * Fills in what was not said.
 *
 * @param options The options.
 * @param recipe What {@linkcode chooseImageRecipe} found.
 * @param dataset The images to train on.
 * @returns The settings.
 * @throws {UsageError} If options do not go together, or not with the images.
 */
export function settleImageTraining(
  options: ImageTrainingOptionValues,
  recipe: DataRecipe,
  dataset: ImageDataset,
): ImageTrainingSettings {
  const images = dataset.files.length;
  const common = settleTraining(options, recipe, {
    count: images,
    name: "images",
  });
  const settings = {
    data: recipe.data,
    model: options.model ?? recipe.model,
    transform: recipe.transform,
    imageSize: options.imageSize ?? recipe.imageSize,
    classes: options.classes ?? dataset.classes.length,
    augment: options.augment,
    shuffle: options.shuffle,
    workers: options.workers ?? navigator.hardwareConcurrency,
    maxBad: options.maxBad ?? 10,
    cache: options.cache,
    bnTuning: options.bnTuning ?? 1000,
    ...common,
  };
  checkClassCount(settings.classes, dataset);
  checkSmallestPart(settings, images);
  return settings;
}

function checkClassCount(classes: number, dataset: ImageDataset): void {
  if (classes < dataset.classes.length) {
    throw new UsageError(
      `Cannot use --classes "${classes}": the data have ${dataset.classes.length}`,
    );
  }
}

/** ResNets for ImageNet leave one pixel of 32: batch norm needs two images then. */
function checkSmallestPart(
  { model, imageSize, batchSize, accumulate }: ImageTrainingSettings,
  images: number,
): void {
  const smallestStep = images % batchSize || batchSize;
  const smallestPart = Math.floor(smallestStep / accumulate);
  if (model === "resnet20" || imageSize > 32 || smallestPart > 1) return;
  throw new UsageError(
    `Cannot train ${model} on a step of 1 image of ${imageSize} pixels: nothing is left to normalize over; choose another --batch-size than "${batchSize}" for ${images} images, or a larger --image-size`,
  );
}
