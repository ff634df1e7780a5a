/**
 * From logits to answers.
 *
 * @module
 */

import type { SquadDataset, SquadExample } from "./dataset.ts";
import type { Feature } from "./feature.ts";

/** Logits of a feature's tokens, `[length]` or longer by padding. */
export interface FeatureLogits {
  /** How well an answer begins with each token. */
  readonly start: Float32Array;
  /** How well an answer ends with each token. */
  readonly end: Float32Array;
}

/** Options of {@linkcode searchAnswers}. */
export interface AnswerSearchOptions {
  /** How many answers are kept for a question. Default: 20. */
  readonly nBest?: number;
  /** How many tokens an answer has at most. Default: 30. */
  readonly maxAnswerLength?: number;
  /** By how much the score of "no answer" must exceed that of the best answer, in sets of version 2.0. Default: 0. */
  readonly nullScoreDiffThreshold?: number;
}

/** A possible answer. */
export interface ScoredAnswer {
  /** The answer, cut from the passage; `""` for none. */
  readonly text: string;
  /** How likely it is among the answers that are kept. */
  readonly probability: number;
  /** The logit of its first token. */
  readonly startLogit: number;
  /** The logit of its last token. */
  readonly endLogit: number;
}

/** The answers to the questions of a set, by their ids. */
export interface SquadPredictions {
  /** The answer to each question; `""` for none. */
  readonly answers: ReadonlyMap<string, string>;
  /** The best answers to each question, the best first. */
  readonly nBest: ReadonlyMap<string, readonly ScoredAnswer[]>;
  /** By how much the score of "no answer" exceeds that of the best answer; only for sets of version 2.0. */
  readonly nullOdds: ReadonlyMap<string, number> | undefined;
}

/** A span of a passage with the sum of its logits. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly score: number;
  readonly startLogit: number;
  readonly endLogit: number;
}

/**
 * Finds the best answers: the spans of a passage with the largest sums of
 * logits. All spans up to the longest allowed are compared, whereas Hugging
 * Face's scripts look at the best starts and the best ends only. A span counts
 * in the window where its first token has most context. In sets of version
 * 2.0, "no answer" has the logits of `[CLS]`, of the window where they are
 * smallest, and is the prediction if it is better than the best span by more
 * than a threshold (Devlin et al., 2019, section 4.3).
 *
 * @param dataset The questions.
 * @param features All features of the questions, as `createFeatures()` makes them.
 * @param logits The logits of each feature.
 * @param options Lengths and the threshold.
 * @returns Predictions for all questions.
 * @throws {RangeError} If features or their logits are missing.
 *
 * @example
 * ```ts ignore
 * const { answers } = searchAnswers(dataset, features, logits);
 * const { exactMatch, f1 } = scoreSquad(dataset, answers);
 * ```
 */
export function searchAnswers(
  { version, examples }: SquadDataset,
  features: readonly Feature[],
  logits: readonly FeatureLogits[],
  options: AnswerSearchOptions = {},
): SquadPredictions {
  const { nBest = 20, maxAnswerLength = 30, nullScoreDiffThreshold = 0 } =
    options;
  if (logits.length !== features.length) {
    throw new RangeError(
      `Cannot find answers: there are ${features.length} features, but logits of ${logits.length}`,
    );
  }
  const spans = examples.map((): Span[] => []);
  const nulls = examples.map((): Span | undefined => undefined);
  for (const [index, feature] of features.entries()) {
    const { example } = feature;
    addSpans(spans[example], feature, logits[index], nBest, maxAnswerLength);
    const none = nullSpan(logits[index]);
    if (none.score < (nulls[example]?.score ?? Infinity)) nulls[example] = none;
  }
  const answers = new Map<string, string>();
  const best = new Map<string, readonly ScoredAnswer[]>();
  const nullOdds = version === "2.0" ? new Map<string, number>() : undefined;
  for (const [index, example] of examples.entries()) {
    const none = nulls[index];
    if (none === undefined) {
      throw new RangeError(
        `Cannot find an answer to question "${example.id}": it has no features`,
      );
    }
    const kept = spans[index];
    // A passage without tokens has no spans.
    const first = kept.length > 0 ? kept[0] : undefined;
    const odds = none.score - (first?.score ?? 0);
    const answered = first && !(nullOdds && odds > nullScoreDiffThreshold);
    answers.set(example.id, answered ? textOf(example, first) : "");
    nullOdds?.set(example.id, odds);
    if (nullOdds || first === undefined) {
      insert(kept, none, nBest);
      if (!kept.includes(none)) kept.push(none);
    }
    best.set(example.id, withProbabilities(example, kept));
  }
  return { answers, nBest: best, nullOdds };
}

/** Adds the spans of one window to the best ones. */
function addSpans(
  best: Span[],
  { contextStart, starts, ends, maxContext }: Feature,
  logits: FeatureLogits,
  nBest: number,
  maxAnswerLength: number,
): void {
  for (let first = 0; first < starts.length; first++) {
    if (maxContext[first] === 0) continue;
    const startLogit = logits.start[contextStart + first];
    const behind = Math.min(first + maxAnswerLength, starts.length);
    for (let last = first; last < behind; last++) {
      const endLogit = logits.end[contextStart + last];
      const score = startLogit + endLogit;
      // Nearly all spans end here.
      if (best.length === nBest && score <= best[nBest - 1].score) continue;
      const [from, to] = [starts[first], ends[last]];
      insert(best, { from, to, score, startLogit, endLogit }, nBest);
    }
  }
}

/** "No answer": nothing of the passage, with the logits of `[CLS]`. */
function nullSpan({ start, end }: FeatureLogits): Span {
  const [startLogit, endLogit] = [start[0], end[0]];
  const score = startLogit + endLogit;
  return { from: 0, to: 0, score, startLogit, endLogit };
}

/** Inserts a span behind those that are as good or better, and keeps so many. */
function insert(best: Span[], span: Span, nBest: number): void {
  let place = best.length;
  while (place > 0 && best[place - 1].score < span.score) place--;
  best.splice(place, 0, span);
  if (best.length > nBest) best.pop();
}

function withProbabilities(
  example: SquadExample,
  spans: readonly Span[],
): ScoredAnswer[] {
  const weights = spans.map(({ score }) => Math.exp(score - spans[0].score));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return spans.map((span, index) => ({
    text: textOf(example, span),
    probability: weights[index] / total,
    startLogit: span.startLogit,
    endLogit: span.endLogit,
  }));
}

function textOf({ context }: SquadExample, { from, to }: Span): string {
  return context.slice(from, to);
}
