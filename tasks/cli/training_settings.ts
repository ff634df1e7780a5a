/**
 * The settings of a training, complete, from the options that were given and
 * a recipe.
 *
 * @module
 */

import type { Precision } from "@cram/models";
import { UsageError } from "../errors.ts";
import type {
  BaseOptimizerName,
  OptimizerName,
  OptimizerSettings,
  ScheduleSettings,
} from "../optimizers.ts";
import type { TrainingRecipe } from "../recipes.ts";
import type { TrainingOptionValues } from "./training_options.ts";

/** Settings of a run, whatever is trained. */
export interface TrainingSettings extends OptimizerSettings, ScheduleSettings {
  readonly batchSize: number;
  readonly accumulate: number;
  readonly precision: Precision;
  /** Whether kernels were chosen by trials, which rounds results in another way. */
  readonly tuneKernels?: true;
  readonly logEvery: number;
  readonly checkpointEvery: number;
  readonly init?: string;
}

/** What a training has to learn from. */
export interface Examples {
  /** How many examples an epoch has. */
  readonly count: number;
  /** What they are called, for instance `images`. */
  readonly name: string;
}

const COMPRESSING: readonly OptimizerName[] = ["cram", "cram+"];
const ASCENDING: readonly OptimizerName[] = ["sam", ...COMPRESSING];

/** The optimizer that takes the steps, perhaps inside of SAM or CrAM. */
function baseOf(
  optimizer: OptimizerName,
  recipe: TrainingRecipe,
): BaseOptimizerName {
  return optimizer === "sgd" || optimizer === "adam" || optimizer === "adamw"
    ? optimizer
    : recipe.base;
}

/**
 * Checks options against each other, before any file is looked at.
 *
 * @param options The options.
 * @param recipe What is used where nothing was said.
 * @throws {UsageError} If options do not go together.
 */
export function checkTrainingOptions(
  options: TrainingOptionValues,
  recipe: TrainingRecipe,
): void {
  const { momentum, rho, sparsities, nm, out } = options;
  const optimizer = options.optimizer ?? recipe.optimizer;
  const check = (
    option: string,
    value: unknown,
    isUsed: boolean,
    users: readonly OptimizerName[],
  ): void => {
    if (value === undefined || isUsed) return;
    throw new UsageError(
      `Cannot use --${option} "${value}" with --optimizer ${optimizer}: it is for ${
        users.join(", ")
      }`,
    );
  };
  const compresses = COMPRESSING.includes(optimizer);
  const patterns = nm?.map(({ n, m }) => `${n}:${m}`);
  check("momentum", momentum, baseOf(optimizer, recipe) === "sgd", [
    "sgd",
    ...recipe.base === "sgd" ? ASCENDING : [],
  ]);
  check("rho", rho, ASCENDING.includes(optimizer), ASCENDING);
  check("sparsities", sparsities, compresses, COMPRESSING);
  check("nm", patterns, compresses, COMPRESSING);
  if (options.resume && out === undefined) {
    throw new UsageError(
      "Cannot use --resume without --out DIR, where the run is",
    );
  }
  if (options.checkpointEvery !== undefined && out === undefined) {
    throw new UsageError(
      `Cannot use --checkpoint-every "${options.checkpointEvery}" without --out DIR, where checkpoints are written`,
    );
  }
}

/**
 * Fills in what was not said.
 *
 * @param options The options.
 * @param recipe What is used where nothing was said.
 * @param examples What there is to learn from.
 * @returns The settings.
 * @throws {UsageError} If options do not go together, or not with the examples.
 */
export function settleTraining(
  options: TrainingOptionValues,
  recipe: TrainingRecipe,
  { count, name }: Examples,
): TrainingSettings {
  checkTrainingOptions(options, recipe);
  const batchSize = options.batchSize ?? recipe.batchSize;
  const stepsPerEpoch = Math.ceil(count / batchSize);
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
  const accumulate = options.accumulate ?? 1;
  const smallest = count % batchSize || batchSize;
  if (accumulate > smallest) {
    throw new UsageError(
      `Cannot use --accumulate "${accumulate}": there are ${count} ${name}, and with --batch-size ${batchSize} the last step of an epoch has ${smallest}`,
    );
  }
  const scheduleInterval = options.scheduleInterval ?? recipe.scheduleInterval;
  return {
    steps,
    batchSize,
    accumulate,
    precision: options.precision ?? "float32",
    tuneKernels: options.tuneKernels || undefined,
    ...optimizerSettings(options, recipe, batchSize),
    schedule: options.schedule ?? recipe.schedule,
    interval: scheduleInterval === "epoch" ? stepsPerEpoch : 1,
    warmupSteps: options.warmupEpochs === undefined
      ? Math.round(
        recipe.warmupEpochs * Math.min(
          stepsPerEpoch,
          steps / recipe.epochs,
        ),
      )
      : Math.min(steps, Math.round(options.warmupEpochs * stepsPerEpoch)),
    seed: options.seed ?? recipe.seed,
    logEvery: options.logEvery ?? 10,
    checkpointEvery: options.checkpointEvery ?? stepsPerEpoch,
    init: options.init,
  };
}

/** What optimizers are used with that a recipe says nothing of: Adam's learning rate and the weight decays are PyTorch's. */
const GENERAL: Readonly<
  Record<
    BaseOptimizerName,
    Pick<TrainingRecipe, "learningRate" | "weightDecay">
  >
> = {
  sgd: { learningRate: 0.1, weightDecay: 0 },
  adam: { learningRate: 0.001, weightDecay: 0 },
  adamw: { learningRate: 0.001, weightDecay: 0.01 },
};

/** With or without decoupled weight decay, steps are as long. */
function isAdam(base: BaseOptimizerName): boolean {
  return base !== "sgd";
}

/** ρ of SAM in the paper that proposes it. */
const SAM_RHO = 0.05;

function optimizerSettings(
  options: TrainingOptionValues,
  recipe: TrainingRecipe,
  batchSize: number,
): Omit<OptimizerSettings, "seed"> & { readonly learningRate: number } {
  const { optimizer = recipe.optimizer, sparsities, nm: patterns } = options;
  const base = baseOf(optimizer, recipe);
  const { weightDecay } = base === recipe.base ? recipe : GENERAL[base];
  const { learningRate } = isAdam(base) === isAdam(recipe.base)
    ? recipe
    : GENERAL[base];
  // Goyal et al., "Accurate, Large Minibatch SGD", 2017.
  const scale = base === "sgd" ? batchSize / recipe.batchSize : 1;
  const isSaid = sparsities !== undefined || patterns !== undefined;
  const drawn = isSaid ? { sparsities, patterns } : recipe;
  const compresses = COMPRESSING.includes(optimizer);
  const ascends = ASCENDING.includes(optimizer);
  return {
    optimizer,
    ...ascends ? { base } : {},
    learningRate: options.lr ?? learningRate * scale,
    weightDecay: options.weightDecay ?? weightDecay,
    ...base === "sgd" ? { momentum: options.momentum ?? recipe.momentum } : {},
    ...ascends
      ? { rho: options.rho ?? (compresses ? recipe.rho : SAM_RHO) }
      : {},
    ...compresses
      ? {
        sparsities: drawn.sparsities ?? [],
        patterns: drawn.patterns ?? [],
      }
      : {},
  };
}
