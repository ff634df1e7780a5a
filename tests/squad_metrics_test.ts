/**
 * Exact match and F1 against the official evaluation scripts of SQuAD.
 * `goldens/squad_metrics.py` made the values.
 *
 * @module
 */

import {
  answerWords,
  bestThresholds,
  readSquad,
  scoreSquad,
} from "@cram/tasks";
import { assertEquals } from "@std/assert";
import goldens from "./goldens/squad_metrics.json" with { type: "json" };

const read = (dataset: unknown) => readSquad(dataset, "odd");

Deno.test("answerWords() sees the words that Python sees", () => {
  for (const [text, normalized] of goldens.normalized) {
    assertEquals(
      answerWords(text).join(" "),
      normalized,
      `words of ${JSON.stringify(text)}`,
    );
  }
});

Deno.test("scoreSquad() is evaluate-v1.1.py", () => {
  const { predictions, scores, ...rest } = goldens.v1;
  const dataset = read(rest.dataset);
  assertEquals(dataset.version, "1.1");
  assertEquals(scoreSquad(dataset, new Map(Object.entries(predictions))), {
    exactMatch: scores.exact_match,
    f1: scores.f1,
    total: dataset.examples.length,
  });
});

Deno.test("scoreSquad() is evaluate-v2.0.py", () => {
  const { predictions, scores, ...rest } = goldens.v2;
  const dataset = read(rest.dataset);
  assertEquals(dataset.version, "2.0");
  assertEquals(scoreSquad(dataset, new Map(Object.entries(predictions))), {
    exactMatch: scores.exact,
    f1: scores.f1,
    total: scores.total,
    answerable: {
      exactMatch: scores.HasAns_exact,
      f1: scores.HasAns_f1,
      total: scores.HasAns_total,
    },
    unanswerable: {
      exactMatch: scores.NoAns_exact,
      f1: scores.NoAns_f1,
      total: scores.NoAns_total,
    },
  });
});

Deno.test("bestThresholds() is evaluate-v2.0.py --na-prob-file", () => {
  const { predictions, nullOdds, best, dataset } = goldens.v2;
  assertEquals(
    bestThresholds(
      read(dataset),
      new Map(Object.entries(predictions)),
      new Map(Object.entries(nullOdds)),
    ),
    {
      exactMatch: best.best_exact,
      exactMatchThreshold: best.best_exact_thresh,
      f1: best.best_f1,
      f1Threshold: best.best_f1_thresh,
    },
  );
});
