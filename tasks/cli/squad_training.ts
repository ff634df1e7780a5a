/**
 * A training on questions from the first step to the table of scores.
 *
 * @module
 */

import {
  type BertConfig,
  bertConfigToJson,
  type BertForQuestionAnswering,
  bertGroups,
} from "@cram/models";
import type { Device } from "@cram/tensor";
import { join } from "node:path";
import { DataError, UsageError } from "../errors.ts";
import type { OneShotResult } from "../one_shot.ts";
import { OneShotTable } from "../one_shot_table.ts";
import { compressorsOf } from "../optimizers.ts";
import { ProgressLine, standardOutput } from "../progress.ts";
import type { RunConfig, RunDirectory } from "../run_directory.ts";
import { writeBertConfig, writeBertWeights } from "../squad/bert_folder.ts";
import type { SquadDataset, SquadExample } from "../squad/dataset.ts";
import {
  evaluateAnswersOneShot,
  isPrunable,
} from "../squad/evaluate_answers.ts";
import { createFeatures, type Feature } from "../squad/feature.ts";
import { FeatureLoader } from "../squad/loader.ts";
import { writePredictions } from "../squad/prediction_files.ts";
import { questionAnswering } from "../squad/question_answering.ts";
import {
  findSquadModel,
  HUGGING_FACE_FOLDER,
  loadSquadModel,
  type SquadModel,
} from "../squad/squad_model.ts";
import type { SquadRecipe } from "../squad/squad_recipes.ts";
import { openSquadSource } from "../squad/squad_source.ts";
import { WordPieceTokenizer } from "../text/word_piece.ts";
import type { SquadTrainingOptionValues } from "./squad_options.ts";
import {
  type QuestionSettings,
  settleQuestions,
  type SquadTrainingSettings,
} from "./squad_settings.ts";
import { count, openRun, precisionNote, runTraining } from "./training_run.ts";

/** To which parts of zeros a trained model is pruned. */
const SPARSITIES = [0.5, 0.6, 0.7, 0.8];

/** What the table shows of answers. */
export const ANSWER_METRICS = [
  { metric: "exactMatch", title: "exact match", percent: true },
  { metric: "f1", title: "F1", percent: true },
];

/** Questions, and what BERT reads of them. */
export interface Questions {
  /** The questions. */
  readonly dataset: SquadDataset;
  /** Their features. */
  readonly features: readonly Feature[];
}

/**
 * Makes features of questions.
 *
 * @param dataset The questions.
 * @param model What reads them.
 * @param settings Lengths.
 * @returns The questions with their features.
 * @throws {UsageError} If the model has not so many positions, or no window of a passage fits.
 * @throws {DataError} If a question is too long and that is an error.
 */
export function readQuestions(
  dataset: SquadDataset,
  { config: { maxPositions }, vocabulary }: SquadModel,
  settings: QuestionSettings,
): Questions {
  if (settings.maxLength > maxPositions) {
    throw new UsageError(
      `Cannot use --max-length "${settings.maxLength}": the model has ${maxPositions} positions`,
    );
  }
  const tokenizer = new WordPieceTokenizer(vocabulary);
  const features = createFeatures(dataset.examples, tokenizer, settings);
  return { dataset, features };
}

/**
 * Tells of misplaced answers, of the first few each, on the standard error.
 *
 * @returns What `openSquadSource()` is given.
 */
export function misplacedTold(): (reason: string) => void {
  let told = 0;
  return (reason) => {
    told++;
    if (told <= MOST_TOLD) console.error(`Misplaced answer: ${reason}`);
    if (told === MOST_TOLD) console.error("Others are not listed");
  };
}

const MOST_TOLD = 5;

/** What a training begins with. */
export interface SquadMaterial {
  /** The model, whose weights are not read yet. */
  readonly model: SquadModel;
  /** The questions to train on. */
  readonly train: Questions;
  /** The questions to evaluate on; `undefined` if that is not wanted. */
  readonly validation: Questions | undefined;
}

/**
 * Finds the model, and reads all questions.
 *
 * @param options The options.
 * @param recipe What `chooseSquadRecipe()` found.
 * @param signal Ends a download.
 * @returns Model and questions.
 * @throws {DataError} If a file is not there, or not what it should be.
 * @throws {UsageError} If options do not go together.
 */
export async function openSquadMaterial(
  options: SquadTrainingOptionValues,
  recipe: SquadRecipe,
  signal: AbortSignal,
): Promise<SquadMaterial> {
  const { maxMisplaced, validation, dropout } = options;
  const onProgress = (message: string): void => console.error(message);
  const { init } = recipe;
  const model = await findSquadModel({
    init,
    vocab: options.vocab,
    model: options.model ?? (init === undefined ? recipe.model : undefined),
  }, { onProgress });
  const config: BertConfig = {
    ...model.config,
    ...init === undefined ? recipe.config : {},
    ...dropout === undefined
      ? {}
      : { hiddenDropout: dropout, attentionDropout: dropout },
  };
  const source = await openSquadSource(recipe.data, {
    validation,
    maxMisplaced,
    onMisplaced: misplacedTold(),
    onProgress,
    signal,
  });
  const settings = settleQuestions(options, recipe);
  const read = (dataset: SquadDataset): Questions =>
    readQuestions(dataset, { ...model, config }, settings);
  return {
    model: { ...model, config },
    train: read(withAnswers(await source.train(), source.name)),
    validation: options.evaluate ? read(await source.validation()) : undefined,
  };
}

/** Leaves out questions of which no answer stands where the file says: they would be learned to have none. */
function withAnswers(dataset: SquadDataset, name: string): SquadDataset {
  const isUsable = ({ answers }: SquadExample): boolean =>
    answers.length === 0 || answers.some(({ start }) => start !== undefined);
  const examples = dataset.examples.filter(isUsable);
  if (examples.length === 0) {
    throw new DataError(
      `Cannot train on the questions of "${name}": no answer stands where the file says`,
    );
  }
  return { ...dataset, examples };
}

/**
 * What `config.json` holds.
 *
 * @param settings The settings of the training.
 * @param device What it is computed on.
 * @param material Model and questions.
 * @returns All of that, as JSON can hold it.
 */
export function configOf(
  settings: SquadTrainingSettings,
  device: Device,
  { model, train }: SquadMaterial,
): RunConfig {
  return {
    ...settings,
    seed: `${settings.seed}`,
    device: device.info.kind,
    questions: train.dataset.examples.length,
    sequences: train.features.length,
    bert: bertConfigToJson(model.config),
  };
}

/** What {@linkcode trainSquad} needs. */
export interface SquadTraining {
  /** Where the run is written, whether it is gone on with, and whether it is profiled. */
  readonly options: Pick<
    SquadTrainingOptionValues,
    "out" | "resume" | "profile"
  >;
  /** Model and questions. */
  readonly material: SquadMaterial;
  /** How the model is trained on them. */
  readonly settings: SquadTrainingSettings;
  /** What `config.json` holds. */
  readonly config: RunConfig;
  /** What it is computed on. */
  readonly device: Device;
  /** Ends the training after the step that is going on. */
  readonly signal: AbortSignal;
}

/**
 * Trains a model, and measures it dense and pruned.
 *
 * @param training Model, questions and settings.
 * @throws {DivergenceError} If a loss is not finite.
 * @throws {OutputError} If something cannot be written.
 * @throws {StateDictError} If the weights to begin with are those of another model.
 */
export async function trainSquad(training: SquadTraining): Promise<void> {
  const { options, material, settings, config, device, signal } = training;
  const { train, validation } = material;
  const { seed, clip, steps, batchSize, maxLength, precision } = settings;
  const { model, initialized } = await loadSquadModel(
    device,
    material.model,
    seed,
  );
  using _model = model;
  const prunable = new RegExp(settings.prunable);
  const weights = countWeights(model, prunable);
  using directory = await openRun(options, config);
  const folder = directory && join(directory.path, HUGGING_FACE_FOLDER);
  const { vocabulary } = material.model;
  if (folder !== undefined) {
    await writeBertConfig(folder, material.model.config, vocabulary);
  }
  const progress = new ProgressLine(standardOutput(), steps);
  progress.note(
    `${settings.model}, ${count(weights.all, "weight")}, ${
      count(weights.prunable, "prunable one")
    }, on ${device.info.kind} (${device.info.description})${
      precisionNote(settings)
    }`,
  );
  if (initialized.length > 0) {
    progress.note(`Not in ${settings.init}: ${initialized.join(", ")}`);
  }
  progress.note(
    `${count(train.dataset.examples.length, "question")} in ${
      count(train.features.length, "sequence")
    } of up to ${maxLength} tokens, ${count(steps, "step")} of ${
      count(batchSize, "sequence")
    }`,
  );
  const loader = new FeatureLoader(train.features, {
    batchSize,
    maxLength,
    seed,
    shuffle: true,
    padId: vocabulary.special.pad,
  });
  await runTraining({
    task: questionAnswering({ device, model, loader, seed, precision }),
    examples: "sequences",
    settings,
    optimizerOptions: {
      groups: bertGroups(prunable),
      clip: clip === 0 ? undefined : { maxNorm: clip },
    },
    directory,
    profile: options.profile,
    progress,
    signal,
    saveModel: folder === undefined
      ? undefined
      : () => writeBertWeights(folder, model),
  });
  if (validation === undefined || signal.aborted) return;
  await measure(training, { model, prunable, validation, progress, directory });
}

/** Counts weights, and how many of them are pruned. */
function countWeights(
  model: BertForQuestionAnswering,
  prunable: RegExp,
): { readonly all: number; readonly prunable: number } {
  const counts = { all: 0, prunable: 0 };
  for (const [name, tensor] of model.parameters()) {
    counts.all += tensor.size;
    if (isPrunable({ name, tensor }, prunable)) counts.prunable += tensor.size;
  }
  if (counts.prunable > 0) return counts;
  const [name] = model.parameters().keys();
  throw new UsageError(
    `Cannot use --prunable "${prunable.source}": it is no name of a weight, such as "${name}"`,
  );
}

/** What is measured at the end. */
interface Measuring {
  readonly model: BertForQuestionAnswering;
  readonly prunable: RegExp;
  readonly validation: Questions;
  readonly progress: ProgressLine;
  readonly directory: RunDirectory | undefined;
}

/** Measures the model as it is and compressed, and saves the table and the answers of the dense one. */
async function measure(
  { settings, device, signal, material }: SquadTraining,
  { model, prunable, validation, progress, directory }: Measuring,
): Promise<void> {
  const compressors = compressorsOf({ ...settings, sparsities: SPARSITIES });
  const table = new OneShotTable({ compressors }, ANSWER_METRICS);
  progress.note(
    `Answers to ${
      count(validation.dataset.examples.length, "validation question")
    }, dense and pruned at once:`,
  );
  progress.note(table.header);
  const results: OneShotResult[] = [];
  await evaluateAnswersOneShot({
    ...settings,
    ...validation,
    device,
    model,
    compressors,
    prunable,
    padId: material.model.vocabulary.special.pad,
    signal,
    onResult: async (result, predictions) => {
      progress.note(table.row(result));
      if (results.push(result) > 1 || directory === undefined) return;
      await writePredictions(directory.path, predictions);
    },
  });
  if (signal.aborted || directory === undefined) return;
  progress.note(`Wrote ${await directory.saveResults({ results })}`);
}
