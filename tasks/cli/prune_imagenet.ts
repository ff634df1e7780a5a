/**
 * `deno task prune-imagenet`: the baselines of one-shot pruning, which train
 * on while weights are pruned, or after.
 *
 * @module
 */

import { cubicSparsity, formatSparsity, sparsityOf } from "@cram/compress";
import { gradualPruning, type OptimizerRule } from "@cram/optim";
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import { optimizerOf } from "../optimizers.ts";
import { writeJson } from "../output_file.ts";
import { IMAGE_RECIPES } from "../recipes.ts";
import { IMAGE_OPTIONS } from "./image_options.ts";
import {
  chooseImageRecipe,
  type ImageTrainingSettings,
  settleImageTraining,
} from "./image_settings.ts";
import {
  configOf,
  type ImageRun,
  openImages,
  trainImages,
} from "./image_training.ts";
import {
  choice,
  describeOptions,
  integer,
  number,
  type OptionValues,
  parseOptions,
  text,
} from "./options.ts";
import { runProgram } from "./program.ts";
import {
  checkTrainedClasses,
  findTrainedModel,
  TRAINED_DATA_HELP,
} from "./trained_model.ts";
import { describeRecipes, TRAINING_OPTIONS } from "./training_options.ts";
import { count, openChosenDevice } from "./training_run.ts";

const PRUNING_OPTIONS = {
  checkpoint: text(
    "PATH",
    "the model to begin with: a run folder of train-imagenet, or a .safetensors file with PyTorch's names; default, with gradual only: random weights",
  ),
  method: choice(
    ["gradual", "fine-tune"],
    "gradual: more and more weights are pruned during the training; fine-tune: all at once before it; default gradual",
  ),
  sparsity: number(
    { least: 0, below: 1 },
    "part of zeros in the end; default 0.9",
  ),
  scope: choice(
    ["global", "uniform"],
    "whether there is one threshold for all weights, or one for each layer, which leaves the first and the last one dense; default global",
  ),
  begin: integer(0, "the step at which gradual begins; default 0"),
  end: integer(
    1,
    "the step at which it has pruned all; default: three quarters of all steps",
  ),
  every: integer(
    1,
    "after how many steps it prunes again; default: a hundredth of all steps",
  ),
};

const { evaluate: _, data, recipe, ...imageOptions } = IMAGE_OPTIONS;
const { init: __, ...trainingOptions } = TRAINING_OPTIONS;
const TRAINED_OPTIONS = {
  data: { ...data, help: TRAINED_DATA_HELP },
  ...imageOptions,
  recipe: {
    ...recipe,
    help:
      "settings to begin with; see below; default: as for train-imagenet, but with sgd",
  },
  ...trainingOptions,
  optimizer: {
    ...trainingOptions.optimizer,
    help:
      `${trainingOptions.optimizer.help}; default: sgd, with --recipe the recipe's`,
  },
};
const OPTIONS = { ...PRUNING_OPTIONS, ...TRAINED_OPTIONS };

type Values = OptionValues<typeof OPTIONS>;

const HELP =
  `Prunes an image classifier by magnitude while it is trained on: gradually
(Zhu and Gupta, 2017: fast at first, slower as less is left), or at once before.

Usage: deno task prune-imagenet --checkpoint PATH [options]

Weights that were pruned stay 0; model.safetensors holds them as zeros. In the
end it is shown how sparse each layer is, and how accurate the model is, also
with batch norm tuned.

Pruning:
${describeOptions(PRUNING_OPTIONS)}

Training (where no default is mentioned, it is the recipe's):
${describeOptions(TRAINED_OPTIONS)}

Recipes:
${describeRecipes(IMAGE_RECIPES)}

Ctrl-C finishes the step, writes weights and a checkpoint, and ends. The same
command with --resume goes on from there, and comes to the same weights as if
nothing had happened.

Examples:
  deno task prune-imagenet --checkpoint runs/a --sparsity 0.9 --out runs/b
  deno task prune-imagenet --checkpoint runs/a --method fine-tune \\
    --sparsity 0.9 --epochs 2 --lr 0.01 --out runs/c
`;

/** How a model is pruned, complete. */
interface PruningSettings {
  readonly method: "gradual" | "fine-tune";
  readonly sparsity: number;
  readonly scope: "global" | "uniform";
  /** Steps of gradual pruning. */
  readonly begin?: number;
  readonly end?: number;
  readonly every?: number;
}

async function prune(values: Values, signal: AbortSignal): Promise<void> {
  checkPruning(values);
  const trained = values.checkpoint === undefined
    ? undefined
    : await findTrainedModel(values.checkpoint, values);
  const options = {
    ...values,
    data: values.data ?? trained?.data,
    model: values.model ?? trained?.model,
    imageSize: values.imageSize ?? trained?.imageSize,
    classes: values.classes ?? trained?.classes,
    // The usual recipe may be CrAM's; the baselines are not.
    optimizer: values.optimizer ??
      (values.recipe === undefined ? "sgd" as const : undefined),
    init: trained?.checkpoint,
    evaluate: true,
  };
  const recipe = {
    ...chooseImageRecipe(options),
    ...trained && { transform: trained.transform },
  };
  const images = await openImages(recipe, options, signal);
  if (trained !== undefined) checkTrainedClasses(trained, images.train);
  const settings = settleImageTraining(options, recipe, images.train);
  const pruning = settlePruning(options, settings);
  await using device = await openChosenDevice(options);
  const config = { ...configOf(settings, device, images.train), pruning };
  if (options.printConfig) {
    console.log(JSON.stringify(config, undefined, 2));
    return;
  }
  if (trained === undefined) {
    console.log(
      "Without --checkpoint PATH it begins with random weights, not with a trained model",
    );
  }
  await trainImages({
    options,
    images,
    settings,
    config,
    device,
    signal,
    optimizer: ruleOf(pruning, settings),
    compressors: [],
    onTrained: reportSparsity,
  });
}

function checkPruning({ checkpoint, method, begin, end, every }: Values): void {
  if (method !== "fine-tune") return;
  if (checkpoint === undefined) {
    throw new UsageError(
      "Cannot fine-tune without a model: say --checkpoint PATH; --help explains",
    );
  }
  for (const [name, value] of Object.entries({ begin, end, every })) {
    if (value === undefined) continue;
    throw new UsageError(
      `Cannot use --${name} "${value}" with --method fine-tune: it is for gradual`,
    );
  }
}

/** Fills in what was not said. */
function settlePruning(
  values: Values,
  { steps }: ImageTrainingSettings,
): PruningSettings {
  const { method = "gradual", sparsity = 0.9, scope = "global" } = values;
  if (method === "fine-tune") return { method, sparsity, scope };
  const every = values.every ?? Math.max(1, Math.round(steps / 100));
  const begin = values.begin ?? 0;
  if (begin >= steps) {
    throw new UsageError(
      `Cannot use --begin "${begin}": there are ${count(steps, "step")}`,
    );
  }
  const end = values.end ?? Math.max(begin + 1, Math.floor(0.75 * steps));
  if (begin >= end) {
    throw new UsageError(
      `Cannot use --begin "${begin}": pruning ends at step ${end}`,
    );
  }
  const last = Math.ceil(end / every) * every;
  if (last > steps) {
    // Without --end it is early enough by itself.
    const cause = values.end === undefined
      ? `Cannot use --every "${every}":`
      : `Cannot use --end "${end}": with --every ${every}`;
    throw new UsageError(
      `${cause} the last weights are pruned at step ${last}, and there are ${steps}`,
    );
  }
  return { method, sparsity, scope, begin, end, every };
}

function ruleOf(
  { sparsity, scope, begin, end, every }: PruningSettings,
  settings: ImageTrainingSettings,
): OptimizerRule {
  return gradualPruning({
    base: optimizerOf(settings),
    scope,
    ...end === undefined || every === undefined
      // Weights that are 0 stay so: there is nothing to prune again.
      ? { sparsity: () => sparsity, every: settings.steps }
      : { sparsity: cubicSparsity({ final: sparsity, begin, end }), every },
  });
}

/** Shows how sparse each layer is, and writes it down. */
async function reportSparsity(
  { model, progress, directory }: ImageRun,
): Promise<void> {
  const parameters = Array.from(
    model.parameters(),
    ([name, tensor]) => ({ name, tensor }),
  );
  const report = await sparsityOf(parameters);
  progress.note(formatSparsity(report));
  if (directory === undefined) return;
  await writeJson(join(directory.path, "sparsity.json"), report);
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await prune(options, signal);
    }),
  );
}
