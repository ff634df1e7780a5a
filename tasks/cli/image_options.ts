/**
 * The options of trainings on images.
 *
 * @module
 */

import { IMAGE_RECIPES, type ModelName, MODELS } from "../recipes.ts";
import { choice, flag, integer, type OptionValues, text } from "./options.ts";
import { recipeOption, TRAINING_OPTIONS } from "./training_options.ts";

const MODEL_NAMES = Object.keys(MODELS) as ModelName[];

/** What is trained on which images. */
export const IMAGE_OPTIONS = {
  data: text(
    "DIR",
    "the images: a folder, see above, cifar10, which is downloaded, or emoji; default: the recipe's",
  ),
  recipe: recipeOption(
    IMAGE_RECIPES,
    "emoji without --data, cifar10-sgd for cifar10 or resnet20, else imagenet-sgd, but with 32 images in a step",
  ),
  model: choice(MODEL_NAMES, "which network"),
  imageSize: integer(1, "height and width in pixels"),
  classes: integer(1, "how many classes; default: as many as the data have"),
  augment: flag("take images as they are, without crops and flips", true),
  shuffle: flag("take images in the order of the data set", true),
  workers: integer(1, "threads that decode images; default: one for each core"),
  maxBad: integer(0, "how many images may be broken; default 10"),
  cache: text(
    "DIR",
    "where decoded images are kept for later epochs and runs; random crops are then taken from images of the size of evaluation; default: only those of emoji are kept, in the cache folder",
  ),
  evaluate: flag(
    "leave out the table of accuracies at the end: on validation images, dense and pruned at once to 50, 70, 80 and 90 % of zeros and by --nm",
    true,
  ),
  bnTuning: integer(
    0,
    "how many training images batch norm is tuned on behind pruning, in 100 batches; 0: it is not; default 1000",
  ),
};

/** All options of a training on images. */
export const IMAGE_TRAINING_OPTIONS = { ...IMAGE_OPTIONS, ...TRAINING_OPTIONS };

/** Their values. */
export type ImageTrainingOptionValues = OptionValues<
  typeof IMAGE_TRAINING_OPTIONS
>;
