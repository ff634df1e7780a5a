/**
 * The options of trainings on questions.
 *
 * @module
 */

import { SQUAD_RECIPES } from "../squad/squad_recipes.ts";
import {
  choice,
  flag,
  integer,
  number,
  type Option,
  type OptionValues,
  text,
} from "./options.ts";
import { recipeOption, TRAINING_OPTIONS } from "./training_options.ts";

/** An option of a regular expression. */
function pattern(help: string): Option<RegExp> {
  return {
    help,
    placeholder: "PATTERN",
    parse: (text) => {
      try {
        return text === "" ? undefined : new RegExp(text);
      } catch {
        return undefined;
      }
    },
    expected: "a regular expression",
  };
}

/** How questions are read and answered, in training and evaluation. */
export const QUESTION_OPTIONS = {
  maxLength: integer(
    8,
    "how many tokens a question with a window of its passage has at most",
  ),
  docStride: integer(
    0,
    "how many tokens neighbouring windows of a passage share",
  ),
  maxQueryLength: integer(1, "how many tokens a question has at most"),
  longQuestions: choice(
    ["truncate", "error"],
    "what is done with longer questions; default truncate",
  ),
  maxAnswerLength: integer(
    1,
    "how many tokens an answer has at most; default 30",
  ),
  nBest: integer(
    1,
    "how many answers nbest_predictions.json holds for a question; default 20",
  ),
  nullScoreDiffThreshold: number(
    { least: -Infinity },
    'by how much the score of "no answer" must exceed that of the best answer, in SQuAD v2.0; default 0',
  ),
  maxMisplaced: integer(
    0,
    "how many answers may not stand where a file says; questions without another answer are left out of the training; default: any number",
  ),
};

/** What is trained on which questions. */
export const SQUAD_OPTIONS = {
  data: text(
    "PATH",
    "the questions: a folder or file, see above, squad or squad-v2, which are downloaded, or default; default: the recipe's",
  ),
  validation: text(
    "FILE",
    "the questions to evaluate on; default: those of --data DIR, or a tenth of the articles of --data FILE",
  ),
  recipe: recipeOption(
    SQUAD_RECIPES,
    "default, with the lengths of SQuAD for other data; for squad, squad-v2 and with --init squad-adam",
  ),
  model: text(
    "NAME|FILE",
    "bert-base, bert-mini, bert-tiny, or a config.json of Hugging Face; default: that of --init, or the recipe's",
  ),
  init: text(
    "PATH",
    "the weights to begin with: a folder of Hugging Face (config.json, model.safetensors, vocab.txt), hub:NAME@COMMIT, which is downloaded, or a .safetensors file; default: the recipe's, or random ones with --model",
  ),
  vocab: text(
    "FILE",
    "the tokens, one a line; default: those of --init, or of bert-base-uncased",
  ),
  dropout: number(
    { least: 0, below: 1 },
    "how probable it is that a number is dropped in training, hidden ones and attention; default: as the model's config says",
  ),
  ...QUESTION_OPTIONS,
  prunable: pattern(
    "which weights are pruned, by their names; default: the linear weights of the encoder",
  ),
  scope: choice(
    ["global", "uniform"],
    "whether Top-K has one threshold for all weights, or one for each, which leaves the first and the last one dense; default global",
  ),
  clip: number(
    { least: 0 },
    "the largest norm of gradients; 0: they are not clipped",
  ),
  evaluate: flag(
    "leave out the table at the end: exact match and F1 on the validation questions, dense and pruned at once to 50, 60, 70 and 80 % of zeros and by --nm",
    true,
  ),
};

const { init: _, ...common } = {
  ...TRAINING_OPTIONS,
  out: {
    ...TRAINING_OPTIONS.out,
    help:
      "where config.json, metrics.jsonl, checkpoints, answers and a folder for transformers are written",
  },
};

/** How to train; `--init` is among {@linkcode SQUAD_OPTIONS}. */
export const COMMON_OPTIONS = common;

/** All options of a training on questions. */
export const SQUAD_TRAINING_OPTIONS = { ...SQUAD_OPTIONS, ...COMMON_OPTIONS };

/** Their values. */
export type SquadTrainingOptionValues = OptionValues<
  typeof SQUAD_TRAINING_OPTIONS
>;
