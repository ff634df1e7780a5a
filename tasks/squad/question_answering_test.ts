import { topK } from "@cram/compress";
import { BertForQuestionAnswering, parseBertConfig } from "@cram/models";
import { adamW } from "@cram/optim";
import { type Device, openDevice } from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
} from "@std/assert";
import {
  TINY_CONFIG,
  TINY_VOCABULARY,
  tinySquad,
} from "../testdata/tiny_squad.ts";
import { Vocabulary } from "../text/vocabulary.ts";
import { WordPieceTokenizer } from "../text/word_piece.ts";
import { train } from "../train.ts";
import { readSquad } from "./dataset.ts";
import { evaluateAnswers, evaluateAnswersOneShot } from "./evaluate_answers.ts";
import { createFeatures } from "./feature.ts";
import { FeatureLoader } from "./loader.ts";
import { questionAnswering } from "./question_answering.ts";

const tokenizer = new WordPieceTokenizer(new Vocabulary(TINY_VOCABULARY));

function material(device: Device, articles: number, dropout = 0) {
  const dataset = readSquad(tinySquad(articles), "hats");
  const features = createFeatures(dataset.examples, tokenizer, {
    maxLength: 32,
    docStride: 4,
    maxQueryLength: 12,
  });
  const config = parseBertConfig({
    ...TINY_CONFIG,
    hidden_dropout_prob: dropout,
    attention_probs_dropout_prob: dropout,
    initializer_range: 0.2,
  });
  const model = new BertForQuestionAnswering(device, config, { seed: 1n });
  const loader = new FeatureLoader(features, {
    batchSize: 8,
    maxLength: 32,
    seed: 1n,
    shuffle: true,
  });
  return { dataset, features, model, loader };
}

/** The first pass of a first step. */
const PASS = {
  pass: 1,
  microBatch: 0,
  updateStatistics: true,
  stream: 0n,
} as const;

Deno.test("parts of a batch have its loss and its hits together", async () => {
  await using device = await openDevice("reference");
  const { model, loader } = material(device, 8);
  using _model = model;
  using _scope = device.scope();
  const task = questionAnswering({ device, model, loader, seed: 1n });
  const [batch] = await Array.fromAsync(task.batches(0, 1));
  const measure = async (...sizes: number[]) => {
    let [loss, hits] = [0, 0];
    for (const [i, part] of task.parts(batch, sizes).entries()) {
      const outputs = part.forward(PASS);
      loss += await outputs.loss.item() * sizes[i] / batch.size;
      hits += await outputs.hits().item();
    }
    return { loss, hits };
  };
  const whole = await measure(8);
  const parts = await measure(3, 4, 1);
  assertAlmostEquals(parts.loss, whole.loss, 1e-6);
  assertEquals(parts.hits, whole.hits);
});

Deno.test("dropout is drawn from the seed and the stream of the pass", async () => {
  await using device = await openDevice("reference");
  const { model, loader } = material(device, 8, 0.3);
  using _model = model;
  using _scope = device.scope();
  const lossOf = async (seed: bigint, stream: bigint): Promise<number> => {
    const task = questionAnswering({ device, model, loader, seed });
    const [batch] = await Array.fromAsync(task.batches(0, 1));
    const [part] = task.parts(batch, [8]);
    return await part.forward({ ...PASS, stream }).loss.item();
  };
  const loss = await lossOf(1n, 0n);
  assertEquals(await lossOf(1n, 0n), loss);
  assert(await lossOf(1n, 1n << 16n) !== loss);
  assert(await lossOf(2n, 0n) !== loss);
});

Deno.test("losses and answers are computed in float16 where that is asked for", async () => {
  await using device = await openDevice("reference");
  const { dataset, features, model, loader } = material(device, 8);
  using _model = model;
  using _scope = device.scope();
  const results = [];
  for (const precision of ["float32", "float16"] as const) {
    const options = { device, model, precision };
    const task = questionAnswering({ ...options, loader, seed: 1n });
    const [batch] = await Array.fromAsync(task.batches(0, 1));
    const [part] = task.parts(batch, [8]);
    const answers = await evaluateAnswers({
      ...options,
      dataset,
      features,
      batchSize: 8,
    });
    results.push({
      loss: await part.forward(PASS).loss.item(),
      logit: answers!.predictions.nBest.get("0-0")![0].startLogit,
    });
  }
  const [single, half] = results;
  assertNotEquals(half.loss, single.loss);
  assertNotEquals(half.logit, single.logit);
  assertAlmostEquals(half.loss, single.loss, 0.01);
  assertAlmostEquals(half.logit, single.logit, 0.01);
});

Deno.test("a BERT learns to answer, and forgets it when it is pruned", async () => {
  await using device = await openDevice("cpu", { threads: 1 });
  const { dataset, features, model, loader } = material(device, 12);
  using _model = model;
  const options = { device, model, dataset, features, batchSize: 5 };
  const before = await evaluateAnswers(options);
  assert(before!.metrics.f1 < 0.8);
  let accuracy = 0;
  await train({
    task: questionAnswering({ device, model, loader, seed: 1n }),
    optimizer: adamW(),
    schedule: () => 0.01,
    steps: 60,
    logEvery: 30,
    onReport: (report) => {
      accuracy = report.accuracy;
    },
  });
  assert(accuracy > 0.95, `${accuracy}`);
  const after = await evaluateAnswers(options);
  assertEquals(after?.metrics, { exactMatch: 1, f1: 1 });
  assertEquals(after?.predictions.answers.get("0-0"), "Ann");

  // The batches that features come in make no difference.
  const alone = await evaluateAnswers({ ...options, batchSize: 1 });
  assertEquals(alone?.predictions.answers, after?.predictions.answers);

  const shown: string[] = [];
  const results = await evaluateAnswersOneShot({
    ...options,
    compressors: [topK(0.99)],
    prunable: /./,
    onResult: ({ name, metrics }, { answers }) => {
      shown.push(name);
      assertEquals(answers.size, 24);
      assert(metrics.f1 <= 1);
    },
  });
  assertEquals(shown, ["dense", "top-k 99 %"]);
  assert(results[1].metrics.f1 < 1);
  assert(results[1].sparsity >= 0.99);

  const controller = new AbortController();
  controller.abort();
  const { signal } = controller;
  assertEquals(await evaluateAnswers({ ...options, signal }), undefined);
});
