/**
 * The options of all trainings, whatever is trained.
 *
 * @module
 */

import { PRECISIONS } from "@cram/models";
import { MAX_THREADS } from "@cram/tensor";
import { type NMPattern, OPTIMIZERS, SCHEDULES } from "../optimizers.ts";
import { SCHEDULE_INTERVALS } from "../recipes.ts";
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

const DEVICE_NAMES = ["auto", "webgpu", "cpu", "reference"] as const;

/**
 * An option of an N:M pattern.
 *
 * @param help What it is for.
 * @returns The option.
 */
export function pattern(help: string): Option<NMPattern> {
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

/**
 * The option that names a recipe.
 *
 * @param recipes The recipes by name.
 * @param byDefault Which one is used if nothing is said, for `--help`.
 * @returns The option.
 */
export function recipeOption<Name extends string>(
  recipes: Readonly<Record<Name, { readonly help: string }>>,
  byDefault: string,
): Option<Name> {
  return {
    ...choice(
      Object.keys(recipes) as Name[],
      `settings to begin with, which other options change; see below; default: ${byDefault}`,
    ),
    placeholder: "NAME",
  };
}

/**
 * Describes recipes.
 *
 * @param recipes The recipes by name.
 * @returns Lines for `--help`.
 */
export function describeRecipes(
  recipes: Readonly<Record<string, { readonly help: string }>>,
): string {
  const names = Object.keys(recipes);
  const width = Math.max(...names.map((name) => name.length));
  return names.map((name) => `  ${name.padEnd(width)}  ${recipes[name].help}`)
    .join("\n");
}

/** How to train. Where no default is mentioned, it is that of the recipe. */
export const TRAINING_OPTIONS = {
  optimizer: choice(
    OPTIMIZERS,
    "how weights change; sam, cram and cram+ are put around another one",
  ),
  sparsities: list(number(
    { least: 0, below: 1 },
    "parts of zeros that cram and cram+ prune to, one drawn in each step; default: none with --nm",
  )),
  nm: list(pattern(
    "N:M patterns that cram and cram+ draw from too, such as 2:4,4:8; default: none with --sparsities",
  )),
  rho: number({ least: 0 }, "how far sam, cram and cram+ ascend"),
  lr: number(
    { least: 0 },
    "highest learning rate; default: the recipe's, for sgd in proportion to --batch-size",
  ),
  schedule: choice(
    SCHEDULES,
    "how the learning rate falls behind the warm-up; step: to a tenth each 30 % of the training",
  ),
  scheduleInterval: choice(
    SCHEDULE_INTERVALS,
    "how often the learning rate changes",
  ),
  warmupEpochs: number(
    { least: 0 },
    "in how many epochs the learning rate rises first; default: the recipe's, in a training of fewer epochs in as great a part",
  ),
  momentum: number({ least: 0, below: 1 }, "momentum of sgd"),
  weightDecay: number({ least: 0 }, "weight decay"),
  epochs: number({ least: 0 }, "how many passes over the data"),
  steps: integer(
    1,
    "how many steps to train at most; default: as --epochs says",
  ),
  batchSize: integer(1, "examples in a step"),
  accumulate: integer(
    1,
    "in how many parts, one after the other, a step is computed, which saves memory; default 1",
  ),
  seed: seed("what everything random comes from"),
  device: choice(DEVICE_NAMES, "what to compute on; default auto"),
  precision: choice(
    PRECISIONS,
    "what networks are computed with; float16: with weights, optimizer and sums in float32 and a scaled loss, on GPUs that can; default float32",
  ),
  threads: integer(
    1,
    `threads of the cpu device, at most ${MAX_THREADS}; default: one for each core`,
    MAX_THREADS,
  ),
  tuneKernels: flag(
    "webgpu: try which kernels are fastest before the first step, unless that is known from before; see the guide on performance",
  ),
  init: text(
    "FILE",
    "a .safetensors file of weights to begin with, with PyTorch's names",
  ),
  out: text(
    "DIR",
    "where config.json, metrics.jsonl, checkpoints and model.safetensors are written",
  ),
  resume: flag("go on with the run in --out, from its last checkpoint"),
  checkpointEvery: integer(
    1,
    "after how many steps a checkpoint is written to --out; default: one epoch",
  ),
  logEvery: integer(1, "after how many steps the loss is read; default 10"),
  profile: flag(
    "show which kernels the time of steps 3 to 7 goes to, and write trace.json to --out, which chrome://tracing and Perfetto open",
  ),
  printConfig: flag("show what config.json would hold, and end"),
  help: flag("show this"),
};

/** Their values. */
export type TrainingOptionValues = OptionValues<typeof TRAINING_OPTIONS>;
