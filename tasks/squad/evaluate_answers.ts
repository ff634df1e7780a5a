/**
 * Measuring models that answer questions.
 *
 * @module
 */

import type { Compressor, Weight } from "@cram/compress";
import {
  type BertForQuestionAnswering,
  EVALUATION,
  type Precision,
} from "@cram/models";
import type { Device } from "@cram/tensor";
import { setImmediate } from "node:timers/promises";
import {
  evaluateOneShot,
  type Metrics,
  type OneShotResult,
} from "../one_shot.ts";
import {
  type AnswerSearchOptions,
  type FeatureLogits,
  searchAnswers,
  type SquadPredictions,
} from "./answer_search.ts";
import type { SquadDataset } from "./dataset.ts";
import type { Feature } from "./feature.ts";
import { FeatureLoader } from "./loader.ts";
import { type AnswerScores, scoreSquad } from "./metrics.ts";
import { bertInputs } from "./question_answering.ts";

/** What an evaluation needs. */
export interface AnswerEvaluationOptions extends AnswerSearchOptions {
  /** Where the model lives. */
  readonly device: Device;
  /** What answers. */
  readonly model: BertForQuestionAnswering;
  /** The questions. */
  readonly dataset: SquadDataset;
  /** Their features, as `createFeatures()` makes them. */
  readonly features: readonly Feature[];
  /** How many features are computed at once. */
  readonly batchSize: number;
  /** The token that batches are filled up with, `[PAD]`. Default: 0. */
  readonly padId?: number;
  /** What is computed with. Default: `float32`. */
  readonly precision?: Precision;
  /** Ends the evaluation early; there is no result then. */
  readonly signal?: AbortSignal;
  /** Told behind each batch. */
  readonly onBatch?: () => void;
}

/** How good answers are, as parts of 1. */
export interface AnswerMetrics extends Metrics {
  /** The part of the answers that are the same as a right one. */
  readonly exactMatch: number;
  /** The mean overlap of answers with right ones. */
  readonly f1: number;
}

/** What {@linkcode evaluateAnswers} found. */
export interface AnswerEvaluation {
  /** How good the answers are; in sets of version 2.0 also of the questions with and without an answer. */
  readonly metrics: AnswerMetrics;
  /** The answers. */
  readonly predictions: SquadPredictions;
}

/**
 * Has a model answer all questions of a set, and scores the answers as the
 * official scripts of SQuAD do.
 *
 * @param options Model and questions.
 * @returns Scores and answers; `undefined` if `signal` ended it.
 */
export async function evaluateAnswers(
  options: AnswerEvaluationOptions,
): Promise<AnswerEvaluation | undefined> {
  const { device, model, dataset, features, precision, signal } = options;
  const loader = new FeatureLoader(features, {
    ...options,
    maxLength: model.bert.config.maxPositions,
    seed: 0n,
    shuffle: false,
  });
  const logits: FeatureLogits[] = [];
  for await (const batch of loader.batches(0, loader.stepsPerEpoch)) {
    if (signal?.aborted) return undefined;
    using _scope = device.scope();
    const { start, end } = model.forward(bertInputs(device, batch), {
      ...EVALUATION,
      precision,
    });
    const [starts, ends] = await Promise.all([start.data(), end.data()]);
    for (const [row, feature] of batch.features.entries()) {
      const from = row * batch.length;
      const to = from + features[feature].ids.length;
      logits[feature] = {
        start: Float32Array.from(starts.subarray(from, to)),
        end: Float32Array.from(ends.subarray(from, to)),
      };
    }
    // Kernels of the cpu device hold this thread up; signals must still arrive.
    await setImmediate();
    options.onBatch?.();
  }
  const predictions = searchAnswers(dataset, features, logits, options);
  const { answerable, unanswerable, ...all } = scoreSquad(
    dataset,
    predictions.answers,
  );
  return {
    predictions,
    metrics: {
      ...metricsOf(all),
      ...unanswerable && withPrefix("unanswerable", unanswerable),
      ...answerable && withPrefix("answerable", answerable),
    },
  };
}

function metricsOf({ exactMatch, f1 }: AnswerScores): AnswerMetrics {
  return { exactMatch: exactMatch / 100, f1: f1 / 100 };
}

function withPrefix(prefix: string, scores: AnswerScores): Metrics {
  const { exactMatch, f1 } = metricsOf(scores);
  return { [`${prefix}ExactMatch`]: exactMatch, [`${prefix}F1`]: f1 };
}

/** What {@linkcode evaluateAnswersOneShot} needs. */
export interface AnswerOneShotOptions extends AnswerEvaluationOptions {
  /** What is tried, one after the other; the model as it is comes first by itself. */
  readonly compressors: readonly Compressor[];
  /** Which weights are compressed, by their names; never biases and normalizations. */
  readonly prunable: RegExp;
  /** Told of each result with its answers as soon as they are there. */
  readonly onResult?: (
    result: OneShotResult,
    predictions: SquadPredictions,
  ) => void | Promise<void>;
}

/**
 * Measures a model as it is and compressed by each of some compressors, as
 * {@linkcode evaluateOneShot}.
 *
 * @param options Model, questions and compressors.
 * @returns One result for the model as it is and each compressor; fewer if `signal` ended it early.
 * @throws {ArgumentError} If the model has no prunable weights.
 */
export async function evaluateAnswersOneShot(
  options: AnswerOneShotOptions,
): Promise<OneShotResult[]> {
  const { prunable, onResult } = options;
  let evaluation: AnswerEvaluation | undefined;
  return await evaluateOneShot({
    ...options,
    prunable: (weight) => isPrunable(weight, prunable),
    measure: async () => {
      evaluation = await evaluateAnswers(options);
      return evaluation?.metrics ?? {};
    },
    onResult: (result) => onResult?.(result, evaluation!.predictions),
  });
}

/**
 * Tells which weights of a BERT are compressed.
 *
 * @param weight A weight.
 * @param prunable The names that are meant.
 * @returns Whether it is one of them, and neither a bias nor of a normalization.
 */
export function isPrunable(
  { name, tensor }: Weight,
  prunable: RegExp,
): boolean {
  return tensor.rank >= 2 && prunable.test(name);
}
