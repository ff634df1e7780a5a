import { RandomSource } from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OutputError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { bertVocabulary } from "../text/vocabulary.ts";
import { WordPieceTokenizer } from "../text/word_piece.ts";
import { type FeatureLogits, searchAnswers } from "./answer_search.ts";
import type { SquadDataset } from "./dataset.ts";
import { createFeatures } from "./feature.ts";
import { writePredictions } from "./prediction_files.ts";

const tokenizer = new WordPieceTokenizer(await bertVocabulary());

function dataset(
  version: SquadDataset["version"],
  ...contexts: string[]
): SquadDataset {
  return {
    version,
    examples: contexts.map((context, i) => ({
      id: `q${i}`,
      title: "",
      question: "Where?",
      context,
      answers: [],
    })),
    misplacedAnswers: 0,
  };
}

/** Logits that are 0 but for some positions. */
function logits(
  length: number,
  start: Record<number, number>,
  end: Record<number, number>,
): FeatureLogits {
  const of = (values: Record<number, number>) =>
    Float32Array.from({ length }, (_, i) => values[i] ?? 0);
  return { start: of(start), end: of(end) };
}

const CONTEXT = "zero one two three four five";
/** [CLS] where ? [SEP] */
const FIRST = 4;

Deno.test("searchAnswers() cuts the best span from the passage", () => {
  const set = dataset("1.1", "Zero ONE  tWo", CONTEXT);
  const features = createFeatures(set.examples, tokenizer);
  const { answers, nBest, nullOdds } = searchAnswers(set, features, [
    logits(10, { [FIRST + 1]: 2 }, { [FIRST + 2]: 3 }),
    logits(16, { [FIRST + 4]: 2 }, { [FIRST + 4]: 3 }),
  ]);
  assertEquals([...answers], [["q0", "ONE  tWo"], ["q1", "four"]]);
  assertEquals(nullOdds, undefined);
  const best = nBest.get("q1")!;
  assertEquals(best.length, 20);
  const { text, startLogit, endLogit, probability } = best[0];
  assertEquals([text, startLogit, endLogit], ["four", 2, 3]);
  const sum = best.reduce((sum, { probability }) => sum + probability, 0);
  assertAlmostEquals(sum, 1, 1e-12);
  assertAlmostEquals(best[1].probability / probability, Math.exp(-2), 1e-12);
});

Deno.test("searchAnswers() leaves out what is backwards, too long, or not in the passage", () => {
  const set = dataset("1.1", CONTEXT);
  const features = createFeatures(set.examples, tokenizer);
  const find = (scores: FeatureLogits, maxAnswerLength: number) =>
    searchAnswers(set, features, [scores], { maxAnswerLength })
      .answers.get("q0");
  // Backwards.
  const backwards = logits(16, { [FIRST + 3]: 9, [FIRST + 1]: 1 }, {
    [FIRST + 1]: 9,
  });
  assertEquals(find(backwards, 3), "one");
  // The question, [CLS], [SEP] and padding.
  const elsewhere = logits(16, { 0: 9, 1: 9, 3: 9, 10: 9, 15: 9 }, {
    0: 9,
    2: 9,
    10: 9,
    14: 9,
    [FIRST + 2]: 1,
  });
  assertEquals(find(elsewhere, 1), "two");
  // Four tokens.
  const long = logits(16, { [FIRST]: 5 }, { [FIRST + 3]: 5, [FIRST + 1]: 1 });
  assertEquals(find(long, 4), "zero one two three");
  assertEquals(find(long, 3), "zero one");
});

Deno.test("searchAnswers() is a search of all spans", () => {
  const random = new RandomSource(4n);
  const context = Array.from({ length: 90 }, (_, i) => `w${i}`).join(" ");
  const set = dataset("1.1", context);
  const options = { maxLength: 80, maxQueryLength: 2, docStride: 20 };
  const features = createFeatures(set.examples, tokenizer, options);
  const scores = features.map(() => ({
    start: Float32Array.from({ length: 80 }, () => random.uniform()),
    end: Float32Array.from({ length: 80 }, () => random.uniform()),
  }));
  const all: { text: string; score: number }[] = [];
  for (const [i, { starts, ends, maxContext }] of features.entries()) {
    for (const [first, from] of starts.entries()) {
      if (!maxContext[first]) continue;
      for (let last = first; last < Math.min(first + 7, ends.length); last++) {
        all.push({
          text: context.slice(from, ends[last]),
          score: scores[i].start[FIRST + first] + scores[i].end[FIRST + last],
        });
      }
    }
  }
  all.sort((a, b) => b.score - a.score);
  const { nBest } = searchAnswers(set, features, scores, {
    nBest: 11,
    maxAnswerLength: 7,
  });
  assertEquals(
    nBest.get("q0")!.map(({ text, startLogit, endLogit }) => ({
      text,
      score: startLogit + endLogit,
    })),
    all.slice(0, 11),
  );
});

Deno.test("searchAnswers() takes a token in the window where it has most context", () => {
  const set = dataset("1.1", CONTEXT);
  const options = { maxLength: 9, maxQueryLength: 2, docStride: 2 };
  const features = createFeatures(set.examples, tokenizer, options);
  assertEquals(features.length, 2);
  // "two" is third of four in the first window, first of four in the second.
  const find = (number: number, position: number) =>
    searchAnswers(
      set,
      features,
      features.map((_, i) =>
        logits(9, i === number ? { [FIRST + position]: 5 } : {}, {})
      ),
      { maxAnswerLength: 1 },
    ).answers.get("q0");
  assertEquals(find(0, 2), "two");
  assertEquals(find(1, 0), "zero");
  assertEquals(find(1, 1), "three");
});

Deno.test("searchAnswers() answers nothing where that is better by more than the threshold", () => {
  const set = dataset("2.0", CONTEXT, CONTEXT);
  const features = createFeatures(set.examples, tokenizer);
  const scores = [2, 3].map((none) =>
    logits(16, { 0: none, [FIRST]: 1.5 }, { 0: 1, [FIRST]: 2 })
  );
  const find = (nullScoreDiffThreshold?: number) =>
    searchAnswers(set, features, scores, { nullScoreDiffThreshold, nBest: 2 });
  const { answers, nullOdds, nBest } = find();
  assertEquals([...answers.values()], ["zero", ""]);
  assertEquals([...nullOdds!], [["q0", -0.5], ["q1", 0.5]]);
  assertEquals([...find(0.5).answers.values()], ["zero", "zero"]);
  assertEquals([...find(-0.6).answers.values()], ["", ""]);
  assertEquals(
    [...nBest.values()].map((best) => best.map(({ text }) => text)),
    [["zero", ""], ["", "zero"]],
  );
});

Deno.test("searchAnswers() keeps the worst window's score of no answer, however low", () => {
  const set = dataset("2.0", CONTEXT);
  const options = { maxLength: 9, maxQueryLength: 2, docStride: 2 };
  const features = createFeatures(set.examples, tokenizer, options);
  const { nullOdds, nBest } = searchAnswers(set, features, [
    logits(9, { 0: 4 }, { 0: 4 }),
    logits(9, { 0: -3 }, { 0: -4, [FIRST]: 0.5 }),
  ], { nBest: 3 });
  assertEquals([...nullOdds!.values()], [-7]);
  assertEquals(nBest.get("q0")!.map(({ text }) => text).at(-1), "");
  assertEquals(nBest.get("q0")!.length, 4);
});

Deno.test("searchAnswers() has an answer of nothing for a passage without tokens", () => {
  for (const version of ["1.1", "2.0"] as const) {
    const set = dataset(version, "\u200b");
    const features = createFeatures(set.examples, tokenizer);
    const scores = [logits(5, { 0: 1 }, { 0: 1 })];
    const { answers, nBest, nullOdds } = searchAnswers(set, features, scores);
    assertEquals(answers.get("q0"), "");
    assertEquals(nBest.get("q0")!.map(({ probability }) => probability), [1]);
    assertEquals(nullOdds?.get("q0"), version === "2.0" ? 2 : undefined);
  }
});

Deno.test("searchAnswers() refuses what is incomplete", () => {
  const set = dataset("1.1", CONTEXT, CONTEXT);
  const features = createFeatures(set.examples, tokenizer);
  const scores = [logits(16, {}, {})];
  assertThrows(
    () => searchAnswers(set, features, scores),
    RangeError,
    "there are 2 features, but logits of 1",
  );
  assertThrows(
    () => searchAnswers(set, features.slice(0, 1), scores),
    RangeError,
    'Cannot find an answer to question "q1": it has no features',
  );
});

Deno.test("writePredictions() writes what the official scripts read", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const predictions = {
      answers: new Map([["b", '𝒮 "x"'], ["10", ""], ["__proto__", "y"]]),
      nBest: new Map([["b", [
        { text: "é", probability: 0.5, startLogit: 1, endLogit: -2 },
      ]]]),
      nullOdds: new Map([["b", -1.5]]),
    };
    const out = join(folder, "new", "out");
    const paths = await writePredictions(out, predictions);
    const read = await Promise.all(paths.map((path) => readFile(path, "utf8")));
    assertEquals(
      JSON.parse(read[0]),
      JSON.parse(
        '{"10": "", "b": "𝒮 \\"x\\"", "__proto__": "y"}',
      ),
    );
    assertEquals(JSON.parse(read[1]), {
      b: [{ text: "é", probability: 0.5, start_logit: 1, end_logit: -2 }],
    });
    assertEquals(JSON.parse(read[2]), { b: -1.5 });
    const names = [
      "nbest_predictions.json",
      "null_odds.json",
      "predictions.json",
    ];
    assertEquals((await readdir(out)).sort(), names);
    const other = join(folder, "other");
    await writePredictions(other, { ...predictions, nullOdds: undefined });
    assertEquals((await readdir(other)).length, 2);
    await writeFile(join(folder, "file"), "");
    const path = join(folder, "file", "x");
    const error = await writePredictions(path, predictions).catch((e) => e);
    assert(error instanceof OutputError);
    assert(error.message.startsWith(`Cannot write predictions to "${path}"`));
  }));
