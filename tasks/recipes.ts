/**
 * The models of the experiments, and the settings they are trained with.
 *
 * @module
 */

import {
  type ResNet,
  resnet18,
  resnet20,
  resnet50,
  type ResNetOptions,
} from "@cram/models";
import type { Device } from "@cram/tensor";
import type { Recipe as TransformRecipe } from "./data/augment.ts";
import type {
  BaseOptimizerName,
  NMPattern,
  OptimizerName,
  ScheduleName,
} from "./optimizers.ts";

/** The models by name. */
export const MODELS = {
  resnet20,
  resnet18,
  resnet50,
} as const satisfies Readonly<
  Record<string, (device: Device, options: ResNetOptions) => ResNet>
>;

/** The name of a model. */
export type ModelName = keyof typeof MODELS;

/** Settings of a training, whatever is trained; those for other optimizers than its own say what these would be used with. */
export interface TrainingRecipe {
  /** What it is, in a line of `--help`. */
  readonly help: string;
  /** How the parameters change. */
  readonly optimizer: OptimizerName;
  /** What SAM and CrAM are put around. */
  readonly base: BaseOptimizerName;
  /** The highest learning rate. */
  readonly learningRate: number;
  /** μ of SGD. */
  readonly momentum: number;
  /** λ. */
  readonly weightDecay: number;
  /** ρ of CrAM. */
  readonly rho: number;
  /** The sparsities that CrAM draws from. */
  readonly sparsities: readonly number[];
  /** The N:M patterns that CrAM draws from. */
  readonly patterns: readonly NMPattern[];
  /** Examples in a step. */
  readonly batchSize: number;
  /** Passes over the data. */
  readonly epochs: number;
  /** In how many of them the learning rate rises first; in shorter trainings in as great a part. */
  readonly warmupEpochs: number;
  /** How the learning rate falls then. */
  readonly schedule: ScheduleName;
  /** How often the learning rate changes. */
  readonly scheduleInterval: ScheduleInterval;
  /** What everything random comes from. */
  readonly seed: bigint;
}

/** How often the learning rate can change. */
export const SCHEDULE_INTERVALS = ["step", "epoch"] as const;

/** How often the learning rate changes. */
export type ScheduleInterval = (typeof SCHEDULE_INTERVALS)[number];

/** Settings of the training of an image classifier. */
export interface ImageRecipe extends TrainingRecipe {
  /** The data set; `undefined` where nobody can have it from here. */
  readonly data?: string;
  /** Which network. */
  readonly model: ModelName;
  /** How images are prepared. */
  readonly transform: TransformRecipe;
  /** Height and width of images, in pixels. */
  readonly imageSize: number;
}

/** What the CrAM paper's code trains ResNet50 on ImageNet with. */
const IMAGENET: Omit<ImageRecipe, "help" | "optimizer"> = {
  model: "resnet50",
  transform: "imagenet",
  imageSize: 224,
  base: "sgd",
  learningRate: 0.2,
  momentum: 0.9,
  weightDecay: 1e-4,
  rho: 0.05,
  sparsities: [0.5, 0.7, 0.9],
  patterns: [],
  batchSize: 512,
  epochs: 100,
  warmupEpochs: 5,
  schedule: "cosine",
  scheduleInterval: "epoch",
  seed: 10n,
};

/** What it trains ResNet20 on CIFAR-10 with. */
const CIFAR10: Omit<ImageRecipe, "help" | "optimizer"> = {
  ...IMAGENET,
  data: "cifar10",
  model: "resnet20",
  transform: "cifar",
  imageSize: 32,
  learningRate: 0.1,
  weightDecay: 5e-4,
  rho: 0.2,
  sparsities: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
  batchSize: 128,
  epochs: 200,
};

/**
 * Settings by name: those that the CrAM paper's code trains with (Peste et
 * al., ICLR 2023), and one for the pictures that come with this project.
 */
export const IMAGE_RECIPES = {
  // Chosen to end within five minutes on two CPU cores, download included.
  // 16 pixels and batches of 16 leave time for twice as many steps as 24
  // pixels, and came to as much; a ρ of 0.2 and a learning rate of 0.05 for
  // batches of 32 came to less. `deno task train-imagenet` classified 62 % of
  // 369 validation images rightly (the standard error is 2.5 %), and 61, 62, 60
  // and 64 % with 50, 70, 80 and 90 % of zeros and batch norm tuned; SGD
  // with as many passes (`--optimizer sgd --epochs 64`) 72 %, and 70, 69, 67
  // and 53 %. The largest class has 18 %.
  "emoji": {
    ...CIFAR10,
    help: "ResNet20 on emoji, CrAM+ at 50, 70 and 90 %",
    data: "emoji",
    imageSize: 16,
    optimizer: "cram+",
    rho: 0.05,
    sparsities: [0.5, 0.7, 0.9],
    batchSize: 16,
    learningRate: 0.02,
    epochs: 32,
    warmupEpochs: 1,
    scheduleInterval: "step",
    seed: 1n,
  },
  "imagenet-sgd": {
    ...IMAGENET,
    help: "ResNet50 on ImageNet, SGD",
    optimizer: "sgd",
  },
  "imagenet-sam": {
    ...IMAGENET,
    help: "the same with SAM",
    optimizer: "sam",
  },
  "imagenet-cram+-k70": {
    ...IMAGENET,
    help: "the same with CrAM+ at 70 % of zeros",
    optimizer: "cram+",
    sparsities: [0.7],
  },
  "imagenet-cram+-multi": {
    ...IMAGENET,
    help: "the same with CrAM+ at 50, 70 and 90 %",
    optimizer: "cram+",
  },
  "imagenet-cram+-nm": {
    ...IMAGENET,
    help: "the same with CrAM+ for 2:4 and 4:8",
    optimizer: "cram+",
    sparsities: [],
    patterns: [{ n: 2, m: 4 }, { n: 4, m: 8 }],
  },
  "cifar10-sgd": {
    ...CIFAR10,
    help: "ResNet20 on CIFAR-10, SGD",
    optimizer: "sgd",
  },
  "cifar10-sam": {
    ...CIFAR10,
    help: "the same with SAM",
    optimizer: "sam",
  },
  "cifar10-cram+-multi": {
    ...CIFAR10,
    help: "the same with CrAM+ at 30, 40, … 90 %",
    optimizer: "cram+",
  },
  "cifar10-cram+-high-sparsity": {
    ...CIFAR10,
    help: "the same with CrAM+ at 50, 70, 80, 90 and 95 %",
    optimizer: "cram+",
    rho: 0.15,
    sparsities: [0.5, 0.7, 0.8, 0.9, 0.95],
  },
} as const satisfies Readonly<Record<string, ImageRecipe>>;

/** The name of a recipe. */
export type ImageRecipeName = keyof typeof IMAGE_RECIPES;

/** Images in a step of ImageNet's models on one device; the paper's code spread 512 over four. */
const ONE_DEVICE_BATCH = 32;

/**
 * The settings to begin with where no recipe was asked for.
 *
 * @param data The data set, if it was said.
 * @param model The network, if it was said.
 * @returns `emoji` without data; else SGD as the paper's code uses it, for a single device.
 */
export function defaultImageRecipe(
  data: string | undefined,
  model: ModelName | undefined,
): ImageRecipe {
  if (data === undefined || data === "emoji") return IMAGE_RECIPES.emoji;
  const isCifar = data === "cifar10" || model === "resnet20";
  if (isCifar && (model ?? "resnet20") === "resnet20") {
    return { ...IMAGE_RECIPES["cifar10-sgd"], ...ONE_DEVICE };
  }
  const recipe = IMAGE_RECIPES["imagenet-sgd"];
  return {
    ...recipe,
    ...ONE_DEVICE,
    batchSize: ONE_DEVICE_BATCH,
    learningRate: recipe.learningRate * ONE_DEVICE_BATCH / recipe.batchSize,
  };
}

/** Trainings may be short: their learning rate moves within epochs too. */
const ONE_DEVICE = { scheduleInterval: "step", seed: 1n } as const;
