/** The options of `train-imagenet`. */

import { type NMPattern, OPTIMIZERS, SCHEDULES } from "../optimizers.ts";
import { type ModelName, MODELS } from "../recipes.ts";
import {
  choice,
  flag,
  integer,
  list,
  number,
  type Option,
  type OptionValues,
  seed,
  text,
} from "./options.ts";

const MODEL_NAMES = Object.keys(MODELS) as ModelName[];
const DEVICE_NAMES = ["auto", "webgpu", "cpu", "reference"] as const;

/** An option of an N:M pattern. */
function pattern(help: string): Option<NMPattern> {
  return {
    help,
    placeholder: "N:M",
    parse: (text) => {
      const [n, m] = /^(\d+):(\d+)$/.exec(text)?.slice(1).map(Number) ?? [];
      return 1 <= n && n < m && m <= 32 ? { n, m } : undefined;
    },
    expected: "N:M with whole numbers 1 ≤ N < M ≤ 32",
  };
}

/** All options. */
export const TRAINING_OPTIONS = {
  data: text("DIR", "the images: DIR/train/CLASS/FILE, or DIR/train-*.tar"),
  model: choice(MODEL_NAMES, "which network; default resnet50"),
  steps: integer(1, "how many steps to train; default: as --epochs says"),
  epochs: number(
    { least: 0 },
    "how many passes over the images; default: 200 for resnet20, else 100",
  ),
  batchSize: integer(
    1,
    "images in a step; default: 128 for resnet20, else 32",
  ),
  accumulate: integer(
    1,
    "in how many parts, one after the other, a step is computed, which saves memory; default 1",
  ),
  imageSize: integer(
    1,
    "height and width in pixels; default: 32 for resnet20, else 224",
  ),
  optimizer: choice(
    OPTIMIZERS,
    "how weights change; sam, cram and cram+ are put around sgd; default sgd",
  ),
  rho: number(
    { least: 0 },
    "how far sam, cram and cram+ ascend; default: 0.2 for cram and cram+ with resnet20, else 0.05",
  ),
  sparsities: list(number(
    { least: 0, below: 1 },
    "parts of zeros that cram and cram+ prune to, one drawn in each step; default, without --nm: 0.3,0.4,0.5,0.6,0.7,0.8,0.9 for resnet20, else 0.5,0.7,0.9",
  )),
  nm: list(pattern(
    "N:M patterns that cram and cram+ draw from too, such as 2:4,4:8",
  )),
  lr: number(
    { least: 0 },
    "highest learning rate; default: 0.001 for adam and adamw, else 0.1 for 128 images in a step of resnet20, 0.2 for 512 of others, and in proportion",
  ),
  schedule: choice(
    SCHEDULES,
    "how the learning rate falls behind the warm-up; step: to a tenth each 30 % of the training; default cosine",
  ),
  warmupEpochs: number(
    { least: 0 },
    "in how many epochs the learning rate rises first; default: 5, but at most 5 % of the training",
  ),
  momentum: number({ least: 0, below: 1 }, "momentum of sgd; default 0.9"),
  weightDecay: number(
    { least: 0 },
    "weight decay; default: 0.01 for adamw, else 5e-4 for resnet20 and 1e-4 for others",
  ),
  classes: integer(1, "how many classes; default: as many as the data have"),
  seed: seed("what everything random comes from; default 1"),
  device: choice(DEVICE_NAMES, "what to compute on; default auto"),
  threads: integer(1, "threads of the cpu device; default: one for each core"),
  workers: integer(1, "threads that decode images; default: one for each core"),
  maxBad: integer(0, "how many images may be broken; default 10"),
  logEvery: integer(1, "after how many steps the loss is read; default 10"),
  augment: flag("take images as they are, without crops and flips", true),
  shuffle: flag("take images in the order of the data set", true),
  evaluate: flag(
    "leave out the table of accuracies at the end: on DIR/val or DIR/val-*.tar, dense and pruned at once to 50, 70, 80 and 90 % of zeros and by --nm",
    true,
  ),
  bnTuning: integer(
    0,
    "how many training images batch norm is tuned on behind pruning, in 100 batches; 0: it is not; default 1000",
  ),
  init: text(
    "FILE",
    "a .safetensors file of weights to begin with, with PyTorch's names",
  ),
  out: text(
    "DIR",
    "where config.json, metrics.jsonl, checkpoints and model.safetensors are written",
  ),
  checkpointEvery: integer(
    1,
    "after how many steps a checkpoint is written to --out; default: one epoch",
  ),
  resume: flag("go on with the run in --out, from its last checkpoint"),
  printConfig: flag("show what config.json would hold, and end"),
  help: flag("show this"),
};

/** Their values. */
export type TrainingOptionValues = OptionValues<typeof TRAINING_OPTIONS>;
