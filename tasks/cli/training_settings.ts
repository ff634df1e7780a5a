/** The settings of a training, complete, from the options that were given. */

import type { ImageDataset } from "../data/dataset.ts";
import { UsageError } from "../errors.ts";
import type {
  OptimizerName,
  OptimizerSettings,
  ScheduleSettings,
} from "../optimizers.ts";
import { type ModelName, type ModelRecipe, MODELS } from "../recipes.ts";
import type { TrainingOptionValues } from "./training_options.ts";

/** Settings of a run, complete; what `config.json` holds. */
export interface TrainingSettings extends OptimizerSettings, ScheduleSettings {
  readonly data: string;
  readonly model: ModelName;
  readonly imageSize: number;
  readonly classes: number;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly augment: boolean;
  readonly shuffle: boolean;
  readonly workers: number;
  readonly maxBad: number;
  readonly logEvery: number;
  readonly checkpointEvery: number;
  readonly bnTuning: number;
  readonly init?: string;
}

const WITH_MOMENTUM: readonly OptimizerName[] = ["sgd", "sam", "cram", "cram+"];
const WITH_COMPRESSION: readonly OptimizerName[] = ["cram", "cram+"];
const WITH_ASCENT: readonly OptimizerName[] = ["sam", ...WITH_COMPRESSION];

/**
 * Checks options against each other, before any file is looked at.
 *
 * @param options The options.
 * @returns The data folder, which must be given.
 * @throws {UsageError} If options do not go together.
 */
export function checkOptions(options: TrainingOptionValues): string {
  const { optimizer = "sgd", momentum, rho, sparsities, nm } = options;
  const patterns = nm?.map(({ n, m }) => `${n}:${m}`);
  checkUse("momentum", momentum, optimizer, WITH_MOMENTUM);
  checkUse("rho", rho, optimizer, WITH_ASCENT);
  checkUse("sparsities", sparsities, optimizer, WITH_COMPRESSION);
  checkUse("nm", patterns, optimizer, WITH_COMPRESSION);
  if (options.resume && options.out === undefined) {
    throw new UsageError(
      "Cannot use --resume without --out DIR, where the run is",
    );
  }
  if (options.checkpointEvery !== undefined && options.out === undefined) {
    throw new UsageError(
      `Cannot use --checkpoint-every "${options.checkpointEvery}" without --out DIR, where checkpoints are written`,
    );
  }
  if (options.data === undefined) {
    throw new UsageError(
      "Cannot train without images: say --data DIR; --help explains",
    );
  }
  return options.data;
}

function checkUse(
  option: string,
  value: unknown,
  optimizer: OptimizerName,
  users: readonly OptimizerName[],
): void {
  if (value !== undefined && !users.includes(optimizer)) {
    throw new UsageError(
      `Cannot use --${option} "${value}" with --optimizer ${optimizer}: it is for ${
        users.join(", ")
      }`,
    );
  }
}

/**
 * Fills in what was not said.
 *
 * @param options The options.
 * @param dataset The images to train on.
 * @returns The settings.
 * @throws {UsageError} If options do not go together, or not with the images.
 */
export function settle(
  options: TrainingOptionValues,
  dataset: ImageDataset,
): TrainingSettings {
  const data = checkOptions(options);
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
  const accumulate = options.accumulate ?? 1;
  const smallest = images % batchSize || batchSize;
  if (accumulate > smallest) {
    throw new UsageError(
      `Cannot use --accumulate "${accumulate}": there are ${images} images, and with --batch-size ${batchSize} the last step of an epoch has ${smallest}`,
    );
  }
  const smallestPart = Math.floor(smallest / accumulate);
  if (
    recipe.transform === "imagenet" && imageSize <= 32 && smallestPart === 1
  ) {
    throw new UsageError(
      `Cannot train ${model} on a step of 1 image of ${imageSize} pixels: nothing is left to normalize over; choose another --batch-size than "${batchSize}" for ${images} images, or a larger --image-size`,
    );
  }
  return {
    data,
    model,
    imageSize,
    classes,
    steps,
    batchSize,
    accumulate,
    ...optimizerSettings(options, recipe, batchSize),
    schedule: options.schedule ?? "cosine",
    warmupSteps: options.warmupEpochs === undefined
      ? Math.round(Math.min(5 * stepsPerEpoch, 0.05 * steps))
      : Math.min(steps, Math.round(options.warmupEpochs * stepsPerEpoch)),
    seed: options.seed ?? 1n,
    augment: options.augment,
    shuffle: options.shuffle,
    workers: options.workers ?? navigator.hardwareConcurrency,
    maxBad: options.maxBad ?? 10,
    logEvery: options.logEvery ?? 10,
    checkpointEvery: options.checkpointEvery ?? stepsPerEpoch,
    bnTuning: options.bnTuning ?? 1000,
    init: options.init,
  };
}

/** What Adam is used with where nobody knows better. */
const ADAM_LEARNING_RATE = 0.001;
/** λ of AdamW in PyTorch. */
const ADAMW_WEIGHT_DECAY = 0.01;
/** ρ of SAM in the paper that proposes it. */
const SAM_RHO = 0.05;

function optimizerSettings(
  options: TrainingOptionValues,
  recipe: ModelRecipe,
  batchSize: number,
): Omit<OptimizerSettings, "seed"> & { readonly learningRate: number } {
  const { optimizer = "sgd", rho, sparsities, nm: patterns } = options;
  const compresses = WITH_COMPRESSION.includes(optimizer);
  const isAdam = optimizer === "adam" || optimizer === "adamw";
  return {
    optimizer,
    learningRate: options.lr ??
      (isAdam ? ADAM_LEARNING_RATE : recipe.learningRatePerImage * batchSize),
    weightDecay: options.weightDecay ??
      (optimizer === "adamw" ? ADAMW_WEIGHT_DECAY : recipe.weightDecay),
    ...WITH_MOMENTUM.includes(optimizer)
      ? { momentum: options.momentum ?? 0.9 }
      : {},
    ...WITH_ASCENT.includes(optimizer)
      ? { rho: rho ?? (compresses ? recipe.rho : SAM_RHO) }
      : {},
    ...compresses
      ? {
        sparsities: sparsities ?? (patterns ? [] : recipe.sparsities),
        patterns: patterns ?? [],
      }
      : {},
  };
}
