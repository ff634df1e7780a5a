/**
 * Trained models that answer questions, as the command line names them: a run
 * folder, a folder of Hugging Face, or a file of weights.
 *
 * @module
 */

import { BERT_PRUNABLE } from "@cram/models";
import { exists } from "@std/fs";
import { basename, dirname, join, resolve } from "node:path";
import { openBertFolder } from "../squad/bert_folder.ts";
import {
  describedModel,
  HUGGING_FACE_FOLDER,
  type SquadModel,
} from "../squad/squad_model.ts";
import { checkWeightsTask } from "../weights_task.ts";
import { findWeights, readConfig } from "./run_files.ts";
import { type QuestionSettings, settleQuestions } from "./squad_settings.ts";

/** What a run folder may hold to evaluate, the first that is there. */
const WEIGHTS = [
  join(HUGGING_FACE_FOLDER, "model.safetensors"),
  "model.safetensors",
  "checkpoint.safetensors",
];

/** A trained model that answers questions. */
export interface TrainedSquad {
  /** What it is called: its run folder, or its file. */
  readonly name: string;
  /** The file with its weights. */
  readonly checkpoint: string;
  /** The model, whose weights are not read yet. */
  readonly model: SquadModel;
  /** How it reads questions. */
  readonly settings: QuestionSettings;
  /** Which of its weights are pruned. */
  readonly prunable: RegExp;
  /** What it was trained on, if that is known. */
  readonly data?: string;
  /** The file with the questions to evaluate on, if there is one. */
  readonly validation?: string;
}

/** What can be said of a trained model. */
export interface TrainedSquadChoice extends Partial<QuestionSettings> {
  /** The size of a file's model, by name or a `config.json`. */
  readonly model?: string;
  /** A file with its tokens. */
  readonly vocab?: string;
  /** Which of its weights are pruned. */
  readonly prunable?: RegExp;
}

/** What `config.json` holds of a training on questions. */
type Config = Partial<QuestionSettings> & {
  readonly data?: string;
  readonly validation?: string;
  readonly prunable?: string;
};

/**
 * Finds a trained model. Its settings come from the run, unless they are said.
 *
 * @param path A run folder, a folder of Hugging Face, or a safetensors file in one of them or elsewhere.
 * @param choice What was said.
 * @returns The model, whose weights are not read yet.
 * @throws {CheckpointError} If there is none, or it is an image classifier.
 * @throws {SafetensorsError} If its file is no safetensors file.
 * @throws {DataError} If another file cannot be read.
 */
export async function findTrainedSquad(
  path: string,
  choice: TrainedSquadChoice,
): Promise<TrainedSquad> {
  const checkpoint = await findWeights(path, WEIGHTS);
  await checkWeightsTask(checkpoint, "questions");
  const folder = dirname(resolve(checkpoint));
  const runFolder = basename(folder) === HUGGING_FACE_FOLDER
    ? dirname(folder)
    : folder;
  const ofRun = join(runFolder, HUGGING_FACE_FOLDER);
  const isRun = await exists(ofRun);
  const config = isRun
    ? await readConfig<Config>(join(runFolder, "config.json"))
    : {};
  const { model, vocab } = choice;
  const described = isRun ? ofRun : folder;
  const isDescribed = await exists(join(described, "config.json"));
  const found = isDescribed ? await openBertFolder(described) : {};
  return {
    name: isRun
      ? basename(runFolder)
      : isDescribed
      ? basename(folder)
      : basename(checkpoint).replace(/\.safetensors$/, ""),
    checkpoint,
    model: await describedModel(
      { init: described, model, vocab },
      { ...found, weights: checkpoint },
    ),
    settings: settleQuestions(choice, config),
    prunable: choice.prunable ??
      (config.prunable === undefined
        ? BERT_PRUNABLE
        : new RegExp(config.prunable)),
    data: config.data,
    validation: config.validation,
  };
}
