/**
 * The settings that models which answer questions are trained with.
 *
 * @module
 */

import type { BERT_CONFIGS, BertConfig } from "@cram/models";
import type { TrainingRecipe } from "../recipes.ts";

/** The sizes of BERT by name. */
export type BertName = keyof typeof BERT_CONFIGS;

/** Settings of the training of a model that answers questions. */
export interface SquadRecipe extends TrainingRecipe {
  /** The data set. */
  readonly data: string;
  /** Which network. */
  readonly model: BertName;
  /** What differs from the network's config, where it is trained from scratch. */
  readonly config: Partial<BertConfig>;
  /** The weights to begin with; `undefined` for initial ones. */
  readonly init?: string;
  /** How many tokens a question with a window of its passage has at most. */
  readonly maxLength: number;
  /** How many tokens neighbouring windows of a passage share. */
  readonly docStride: number;
  /** How many tokens a question has at most. */
  readonly maxQueryLength: number;
  /** The largest norm of gradients; 0 if they are not clipped. */
  readonly clip: number;
}

/**
 * BERT-base on SQuAD v1.1 as Hugging Face's example for it is run, with the
 * warm-up of the BERT paper. What the CrAM paper used is not known here: ρ and
 * the sparsities of CrAM are those of its images and of its evaluation.
 */
const SQUAD: Omit<SquadRecipe, "help" | "optimizer"> = {
  data: "squad",
  model: "bert-base",
  config: {},
  init:
    "hub:google-bert/bert-base-uncased@86b5e0934494bd15c9632b12f734a8a67f723594",
  maxLength: 384,
  docStride: 128,
  maxQueryLength: 64,
  clip: 1,
  base: "adamw",
  learningRate: 3e-5,
  momentum: 0.9,
  weightDecay: 0,
  rho: 0.05,
  sparsities: [0.5, 0.6, 0.7, 0.8],
  patterns: [],
  batchSize: 12,
  epochs: 2,
  warmupEpochs: 0.2,
  schedule: "linear",
  scheduleInterval: "step",
  seed: 42n,
};

/** Settings by name. */
export const SQUAD_RECIPES = {
  "default": {
    ...SQUAD,
    help: "a small BERT from scratch on questions of this project",
    data: "default",
    model: "bert-tiny",
    config: { hiddenDropout: 0, attentionDropout: 0, initializerRange: 0.05 },
    init: undefined,
    maxLength: 128,
    docStride: 32,
    maxQueryLength: 32,
    optimizer: "adamw",
    learningRate: 1e-3,
    weightDecay: 0.01,
    batchSize: 16,
    epochs: 1,
    warmupEpochs: 0.05,
    seed: 1n,
  },
  "squad-adam": {
    ...SQUAD,
    help: "BERT-base, pre-trained, on SQuAD v1.1, AdamW",
    optimizer: "adamw",
  },
  "squad-sam": {
    ...SQUAD,
    help: "the same with SAM",
    optimizer: "sam",
  },
  "squad-cram+-k50": {
    ...SQUAD,
    help: "the same with CrAM+ at 50 % of zeros",
    optimizer: "cram+",
    sparsities: [0.5],
  },
  "squad-cram+-k60": {
    ...SQUAD,
    help: "the same with CrAM+ at 60 %",
    optimizer: "cram+",
    sparsities: [0.6],
  },
  "squad-cram+-k70": {
    ...SQUAD,
    help: "the same with CrAM+ at 70 %",
    optimizer: "cram+",
    sparsities: [0.7],
  },
  "squad-cram+-k80": {
    ...SQUAD,
    help: "the same with CrAM+ at 80 %",
    optimizer: "cram+",
    sparsities: [0.8],
  },
  "squad-cram+-multi": {
    ...SQUAD,
    help: "the same with CrAM+ at 50, 60, 70 and 80 %",
    optimizer: "cram+",
  },
} as const satisfies Readonly<Record<string, SquadRecipe>>;

/** The name of a recipe. */
export type SquadRecipeName = keyof typeof SQUAD_RECIPES;

/**
 * The settings to begin with where no recipe was asked for.
 *
 * @param data The data set, if it was said.
 * @param init The weights to begin with, if they were said.
 * @returns `squad-adam` for weights that were trained before and for the official sets, else `default`, with the lengths of SQuAD for other data.
 */
export function defaultSquadRecipe(
  data: string | undefined,
  init: string | undefined,
): SquadRecipe {
  const isDefault = data === undefined || data === "default";
  if (init !== undefined || data === "squad" || data === "squad-v2") {
    const lengths = isDefault ? SQUAD_RECIPES.default : SQUAD;
    return { ...SQUAD_RECIPES["squad-adam"], ...lengthsOf(lengths) };
  }
  return isDefault
    ? SQUAD_RECIPES.default
    : { ...SQUAD_RECIPES.default, ...lengthsOf(SQUAD) };
}

function lengthsOf(
  { maxLength, docStride, maxQueryLength }: Pick<
    SquadRecipe,
    "maxLength" | "docStride" | "maxQueryLength"
  >,
): Pick<SquadRecipe, "maxLength" | "docStride" | "maxQueryLength"> {
  return { maxLength, docStride, maxQueryLength };
}
