/**
 * `deno task train-imagenet`: trains an image classifier.
 *
 * @module
 */

import { IMAGE_RECIPES } from "../recipes.ts";
import {
  IMAGE_OPTIONS,
  IMAGE_TRAINING_OPTIONS,
  type ImageTrainingOptionValues,
} from "./image_options.ts";
import { chooseImageRecipe, settleImageTraining } from "./image_settings.ts";
import {
  checkInit,
  configOf,
  openImages,
  trainImages,
} from "./image_training.ts";
import { describeOptions, parseOptions } from "./options.ts";
import { runProgram } from "./program.ts";
import { describeRecipes, TRAINING_OPTIONS } from "./training_options.ts";
import { openChosenDevice } from "./training_run.ts";

const HELP = `Trains an image classifier.

Usage: deno task train-imagenet [--data DIR] [options]

Without options it trains on pictures of emoji, in a few minutes. --data DIR
holds JPEG, PNG or WebP files as DIR/train/CLASS/FILE and DIR/val/CLASS/FILE,
WebDataset archives DIR/train-*.tar and DIR/val-*.tar with labels (.cls) next
to the images, or Parquet files of Hugging Face, DIR/train-*.parquet.

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
  await checkInit(options);
  const images = await openImages(recipe, options, signal);
  const settings = settleImageTraining(options, recipe, images.train);
  await using device = await openChosenDevice(options);
  const config = configOf(settings, device, images.train);
  if (options.printConfig) {
    console.log(JSON.stringify(config, undefined, 2));
    return;
  }
  await trainImages({ options, images, settings, config, device, signal });
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
