/**
 * `deno task train-squad`: trains a BERT to answer questions on passages.
 *
 * @module
 */

import { SQUAD_RECIPES } from "../squad/squad_recipes.ts";
import { describeOptions, parseOptions } from "./options.ts";
import { runProgram } from "./program.ts";
import {
  COMMON_OPTIONS,
  SQUAD_OPTIONS,
  SQUAD_TRAINING_OPTIONS,
  type SquadTrainingOptionValues,
} from "./squad_options.ts";
import { chooseSquadRecipe, settleSquadTraining } from "./squad_settings.ts";
import { configOf, openSquadMaterial, trainSquad } from "./squad_training.ts";
import { describeRecipes } from "./training_options.ts";
import { openChosenDevice } from "./training_run.ts";

const HELP = `Trains a BERT to answer questions on passages.

Usage: deno task train-squad [--data PATH] [options]

Without options it trains a small BERT from scratch, on passages and questions
that come with the project, in a few minutes. --data PATH is a file in the JSON
format of SQuAD v1.1 or v2.0, or a folder with train*.json, and dev*.json or
val*.json.

Questions and model (where no default is mentioned, it is the recipe's):
${describeOptions(SQUAD_OPTIONS)}

Training (where no default is mentioned, it is the recipe's):
${describeOptions(COMMON_OPTIONS)}

Recipes:
${describeRecipes(SQUAD_RECIPES)}

Ctrl-C finishes the step, writes weights and a checkpoint, and ends. The same
command with --resume goes on from there, or from the last checkpoint after a
crash, and comes to the same weights as if nothing had happened.

Examples:
  deno task train-squad
  deno task train-squad --optimizer cram+ --sparsities 0.5,0.7 --out runs/a
  deno task train-squad --data DIR --model bert-mini --epochs 5
  deno task train-squad --data squad --init DIR --batch-size 16 --accumulate 4
  deno task train-squad --recipe squad-cram+-k70 --out runs/b
`;

async function train(
  options: SquadTrainingOptionValues,
  signal: AbortSignal,
): Promise<void> {
  const recipe = chooseSquadRecipe(options);
  const material = await openSquadMaterial(options, recipe, signal);
  const { features } = material.train;
  const settings = settleSquadTraining(options, recipe, features.length);
  await using device = await openChosenDevice(options);
  const config = configOf(settings, device, material);
  if (options.printConfig) {
    console.log(JSON.stringify(config, undefined, 2));
    return;
  }
  await trainSquad({ options, material, settings, config, device, signal });
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, SQUAD_TRAINING_OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await train(options, signal);
    }),
  );
}
