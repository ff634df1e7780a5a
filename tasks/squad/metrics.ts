/**
 * Exact match and F1, the metrics of SQuAD.
 *
 * @module
 */

import { answerWords } from "./answer_words.ts";
import type { SquadDataset, SquadExample } from "./dataset.ts";

/** How many questions were answered rightly. */
export interface AnswerScores {
  /** Answers that are the same as a right one, in percent. */
  readonly exactMatch: number;
  /** The mean overlap of answers with right ones, in percent. */
  readonly f1: number;
  /** How many questions there are. */
  readonly total: number;
}

/** Scores of a whole set. */
export interface SquadScores extends AnswerScores {
  /** Those of the questions that have an answer; only in sets of version 2.0 that have such. */
  readonly answerable?: AnswerScores;
  /** Those of the questions that have none; only in sets of version 2.0 that have such. */
  readonly unanswerable?: AnswerScores;
}

/** What could be reached by another threshold for "no answer". */
export interface BestThresholds {
  /** The best exact match, in percent. */
  readonly exactMatch: number;
  /** The threshold that it needs. */
  readonly exactMatchThreshold: number;
  /** The best F1, in percent. */
  readonly f1: number;
  /** The threshold that it needs. */
  readonly f1Threshold: number;
}

/** Scores of one question, from 0 to 1. */
interface QuestionScores {
  readonly exactMatch: number;
  readonly f1: number;
}

/**
 * Scores predictions as the official scripts `evaluate-v1.1.py` and
 * `evaluate-v2.0.py` do: against the right answer that they are most like.
 * A question without a prediction scores 0.
 *
 * @param dataset The questions.
 * @param predictions The answer to each question, by its id; `""` for none.
 * @returns The scores.
 *
 * @example
 * ```ts
 * import { readSquad, scoreSquad } from "@cram/tasks";
 * import { assertEquals } from "@std/assert";
 *
 * const dataset = readSquad({
 *   data: [{
 *     paragraphs: [{
 *       context: "It rained on Monday.",
 *       qas: [{
 *         id: "1",
 *         question: "When did it rain?",
 *         answers: [{ text: "Monday", answer_start: 13 }],
 *       }],
 *     }],
 *   }],
 * }, "weather");
 * const { exactMatch, f1 } = scoreSquad(dataset, new Map([["1", "on Monday"]]));
 * assertEquals([exactMatch, Math.round(f1)], [0, 67]);
 * ```
 */
export function scoreSquad(
  dataset: SquadDataset,
  predictions: ReadonlyMap<string, string>,
): SquadScores {
  const { version, examples } = dataset;
  const scores = scoresOf(dataset, predictions);
  const over = (part: readonly SquadExample[]): AnswerScores => ({
    exactMatch: percentage(part, (id) => scores.get(id)!.exactMatch),
    f1: percentage(part, (id) => scores.get(id)!.f1),
    total: part.length,
  });
  if (version === "1.1") return over(examples);
  const answerable = examples.filter(isAnswerable);
  const unanswerable = examples.filter((example) => !isAnswerable(example));
  return {
    ...over(examples),
    ...answerable.length > 0 && { answerable: over(answerable) },
    ...unanswerable.length > 0 && { unanswerable: over(unanswerable) },
  };
}

/**
 * Finds the thresholds for "no answer" that would have been the best ones, as
 * `evaluate-v2.0.py` does with `--na-prob-file`.
 *
 * @param dataset The questions.
 * @param predictions The answer to each question, by its id; `""` for none.
 * @param nullOdds How much speaks for "no answer" to each question, by its id.
 * @returns Thresholds, and the scores if "no answer" were the prediction wherever more speaks for it.
 */
export function bestThresholds(
  dataset: SquadDataset,
  predictions: ReadonlyMap<string, string>,
  nullOdds: ReadonlyMap<string, number>,
): BestThresholds {
  const scores = scoresOf(dataset, predictions);
  const answerable = new Map(
    dataset.examples.map((example) => [example.id, isAnswerable(example)]),
  );
  const ids = [...nullOdds.keys()].filter((id) => answerable.has(id))
    .sort((a, b) => nullOdds.get(a)! - nullOdds.get(b)!);
  const best = (metric: keyof QuestionScores): [number, number] => {
    // At first nothing is answered; then one question after the other is.
    let score = dataset.examples.filter((example) => !isAnswerable(example))
      .length;
    let [highest, threshold] = [score, 0];
    for (const id of ids) {
      if (answerable.get(id)) score += scores.get(id)![metric];
      else if (predictions.get(id)) score--;
      if (score > highest) [highest, threshold] = [score, nullOdds.get(id)!];
    }
    return [100 * highest / dataset.examples.length, threshold];
  };
  const [exactMatch, exactMatchThreshold] = best("exactMatch");
  const [f1, f1Threshold] = best("f1");
  return { exactMatch, exactMatchThreshold, f1, f1Threshold };
}

function isAnswerable({ answers }: SquadExample): boolean {
  return answers.length > 0;
}

function percentage(
  examples: readonly SquadExample[],
  scoreOf: (id: string) => number,
): number {
  const sum = examples.reduce((sum, { id }) => sum + scoreOf(id), 0);
  return 100 * sum / examples.length;
}

function scoresOf(
  { version, examples }: SquadDataset,
  predictions: ReadonlyMap<string, string>,
): Map<string, QuestionScores> {
  return new Map(examples.map((example) => {
    const { id } = example;
    const prediction = predictions.get(id);
    if (prediction === undefined) return [id, { exactMatch: 0, f1: 0 }];
    const given = answerWords(prediction);
    let [exactMatch, f1] = [0, 0];
    for (const right of rightAnswers(example, version)) {
      if (given.join(" ") === right.join(" ")) exactMatch = 1;
      f1 = Math.max(f1, overlap(given, right, version));
    }
    return [id, { exactMatch, f1 }];
  }));
}

/** The words of right answers. In version 2.0 there is always one: that there is none. */
function rightAnswers(
  { answers }: SquadExample,
  version: SquadDataset["version"],
): string[][] {
  const right = answers.map(({ text }) => answerWords(text));
  if (version === "1.1") return right;
  const wordy = right.filter((words) => words.length > 0);
  return wordy.length > 0 ? wordy : [[]];
}

/** F1 of the words that two answers have in common, as often as both have them. */
function overlap(
  given: readonly string[],
  right: readonly string[],
  version: SquadDataset["version"],
): number {
  if (given.length === 0 || right.length === 0) {
    return version === "2.0" && given.length === right.length ? 1 : 0;
  }
  const left = new Map<string, number>();
  for (const word of right) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of given) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    common++;
  }
  if (common === 0) return 0;
  const precision = common / given.length;
  const recall = common / right.length;
  return 2 * precision * recall / (precision + recall);
}
