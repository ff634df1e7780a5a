/**
 * The settings of a training on questions, complete, from the options that
 * were given and a recipe.
 *
 * @module
 */

import { BERT_PRUNABLE } from "@cram/models";
import {
  defaultSquadRecipe,
  SQUAD_RECIPES,
  type SquadRecipe,
} from "../squad/squad_recipes.ts";
import type { SquadTrainingOptionValues } from "./squad_options.ts";
import {
  checkTrainingOptions,
  settleTraining,
  type TrainingSettings,
} from "./training_settings.ts";

/** How questions are read and answered. */
export interface QuestionSettings {
  readonly maxLength: number;
  readonly docStride: number;
  readonly maxQueryLength: number;
  readonly longQuestions: "truncate" | "error";
  readonly maxAnswerLength: number;
  readonly nBest: number;
  readonly nullScoreDiffThreshold: number;
  readonly maxMisplaced?: number;
}

/** Settings of a training on questions; what `config.json` holds. */
export interface SquadTrainingSettings
  extends TrainingSettings, QuestionSettings {
  readonly data: string;
  readonly validation?: string;
  readonly model: string;
  readonly vocab?: string;
  readonly dropout?: number;
  readonly prunable: string;
  readonly scope: "global" | "uniform";
  readonly clip: number;
}

/**
 * Finds the recipe, and checks options against each other, before any file is
 * looked at.
 *
 * @param options The options.
 * @returns The recipe, with the data, model and weights that the options name.
 * @throws {UsageError} If options do not go together.
 */
export function chooseSquadRecipe(
  options: SquadTrainingOptionValues,
): SquadRecipe {
  const { data, model, init } = options;
  const recipe: SquadRecipe = options.recipe === undefined
    ? defaultSquadRecipe(data, init)
    : SQUAD_RECIPES[options.recipe];
  checkTrainingOptions(options, recipe);
  return {
    ...recipe,
    data: data ?? recipe.data,
    init: init ?? (model === undefined ? recipe.init : undefined),
  };
}

/**
 * How questions are read and answered.
 *
 * @param options The options.
 * @param defaults What is used where nothing was said.
 * @returns The settings.
 */
export function settleQuestions(
  options: Partial<QuestionSettings>,
  defaults: Partial<QuestionSettings>,
): QuestionSettings {
  const all: QuestionSettings = {
    maxLength: 384,
    docStride: 128,
    maxQueryLength: 64,
    longQuestions: "truncate",
    maxAnswerLength: 30,
    nBest: 20,
    nullScoreDiffThreshold: 0,
  };
  for (const part of [defaults, options]) {
    for (const name of QUESTION_SETTINGS) {
      if (part[name] !== undefined) Object.assign(all, { [name]: part[name] });
    }
  }
  return all;
}

const QUESTION_SETTINGS = [
  "maxLength",
  "docStride",
  "maxQueryLength",
  "longQuestions",
  "maxAnswerLength",
  "nBest",
  "nullScoreDiffThreshold",
  "maxMisplaced",
] as const satisfies readonly (keyof QuestionSettings)[];

/**
 * Fills in what was not said.
 *
 * @param options The options.
 * @param recipe What {@linkcode chooseSquadRecipe} found.
 * @param features How many features there are to train on.
 * @returns The settings.
 * @throws {UsageError} If options do not go together, or not with the questions.
 */
export function settleSquadTraining(
  options: SquadTrainingOptionValues,
  recipe: SquadRecipe,
  features: number,
): SquadTrainingSettings {
  return {
    data: recipe.data,
    validation: options.validation,
    model: options.model ?? recipe.model,
    vocab: options.vocab,
    dropout: options.dropout,
    ...settleQuestions(options, recipe),
    prunable: (options.prunable ?? BERT_PRUNABLE).source,
    scope: options.scope ?? "global",
    clip: options.clip ?? recipe.clip,
    ...settleTraining({ ...options, init: recipe.init }, recipe, {
      count: features,
      name: "sequences",
    }),
  };
}
