import { assertEquals, assertRejects } from "@std/assert";
import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  result,
  writeEvaluation,
  writeRun,
  writeWeights,
} from "../testdata/recorded_runs.ts";
import {
  inTemporaryFolder,
  withoutPermissions,
} from "../testdata/temporary_folder.ts";
import { readRecorded, ReportError } from "./recorded.ts";

Deno.test({
  name: "readRecorded() reads runs, evaluations and searches",
  ignore: withoutPermissions,
  fn: () =>
    inTemporaryFolder(async (folder) => {
      const at = (...names: string[]) => join(folder, ...names);
      await writeRun(at("a"), { results: [result("dense", 0, 0.5)] });
      await writeWeights(at("a", "checkpoint.safetensors"));
      await writeWeights(at("a", "model.safetensors"));
      await writeRun(at("search", "rho-0.1"));
      await writeRun(at("search", "a"), { reports: 1 });
      await writeFile(
        at("search", "grid.json"),
        JSON.stringify({
          best: 0.1,
          runs: [
            { rho: 0.1, folder: "rho-0.1", score: 0.4 },
            { rho: 0.2, folder: "a", failure: "it diverged" },
          ],
        }),
      );
      await writeEvaluation(at("compared"), {
        name: "other name",
        checkpoint: at("a", "model.safetensors"),
        results: [result("dense", 0, 0.5), result("top-k 50 %", 0.5, 0.4)],
      });
      const { runs, evaluations } = await readRecorded([
        at("a"),
        at("search"),
        at("compared"),
        at("a"), // named twice
      ]);
      assertEquals(runs.map(({ name }) => name), [
        at("a"), // two folders have this name
        "rho-0.1",
        at("search", "a"),
      ]);
      assertEquals(runs[0].weights, at("a", "model.safetensors"));
      assertEquals(runs[0].metrics.map(({ step }) => step), [10, 20, 30, 40]);
      assertEquals(runs[0].results?.length, 1);
      assertEquals(runs.map(({ search }) => search), [
        undefined,
        { score: 0.4, failure: undefined, isBest: true },
        { score: undefined, failure: "it diverged", isBest: false },
      ]);
      assertEquals(
        evaluations.map(({ name, models }) => [name, models[0].name]),
        [
          ["compared", at("a")], // the model of that run
        ],
      );
    }),
});

Deno.test({
  name:
    "readRecorded() reads a run that is being written, with numbers that are none",
  ignore: withoutPermissions,
  fn: () =>
    inTemporaryFolder(async (folder) => {
      await writeRun(folder, { reports: 1 });
      const metrics = join(folder, "metrics.jsonl");
      await appendFile(metrics, '{"step":20,"loss":null}\n{"step":30,"lo');
      const { runs: [run] } = await readRecorded([folder]);
      assertEquals(run.metrics.length, 2);
      assertEquals(run.metrics[1], { step: 20, loss: NaN });
      assertEquals(run.results, undefined);
      assertEquals(run.weights, undefined);
    }),
});

/** What is done to a folder with a run and an evaluation, and what is said. */
const BROKEN: readonly {
  readonly name: string;
  readonly file: string;
  readonly text: string | undefined;
  readonly message: string;
}[] = [
  {
    name: "no steps",
    file: "config.json",
    text: '{"steps":"many"}',
    message: 'config.json": its steps are "many", expected a number',
  },
  {
    name: "an array",
    file: "config.json",
    text: "[1,2]",
    message: 'config.json": it holds [1,2], expected an object',
  },
  {
    name: "cut off",
    file: "config.json",
    text: '{"steps":',
    message: 'config.json": Unexpected end',
  },
  {
    name: "no metrics",
    file: "metrics.jsonl",
    text: undefined,
    message: 'metrics.jsonl": ENOENT',
  },
  {
    name: "a line without a step",
    file: "metrics.jsonl",
    text: '{"step":1}\n{"loss":2}\n',
    message:
      'metrics.jsonl": line 2 is no object with a step: "{\\"loss\\":2}"',
  },
  {
    name: "no list of results",
    file: "results.json",
    text: '{"results":3}',
    message: 'results.json": results are 3',
  },
  {
    name: "a result without metrics",
    file: "results.json",
    text: '{"results":[{"name":"dense","sparsity":0}]}',
    message: 'results.json": results[0] has no name, sparsity or metrics',
  },
  {
    name: "no models",
    file: "evaluation.json",
    text: '{"settings":{}}',
    message: 'evaluation.json": there are no settings or models in it',
  },
  {
    name: "a model without a checkpoint",
    file: "evaluation.json",
    text: '{"settings":{},"models":[{"name":"a"}]}',
    message: 'evaluation.json": models[0] has no name or no checkpoint',
  },
  {
    name: "a model without results",
    file: "evaluation.json",
    text: '{"settings":{},"models":[{"name":"a","checkpoint":"b"}]}',
    message: 'evaluation.json": models[0].results are "missing"',
  },
  {
    name: "a search without runs",
    file: "grid.json",
    text: "{}",
    message: 'grid.json": its runs are "missing"',
  },
];

Deno.test({
  name: "readRecorded() names files that are not what they should be",
  ignore: withoutPermissions,
  fn: async (t) => {
    for (const { name, file, text, message } of BROKEN) {
      await t.step(name, () =>
        inTemporaryFolder(async (folder) => {
          await writeRun(folder);
          const path = join(folder, file);
          if (text === undefined) await rm(path);
          else await writeFile(path, text);
          await assertRejects(
            () => readRecorded([folder]),
            ReportError,
            message.replaceAll('"missing"', "missing"),
          );
        }));
    }
    await t.step("other folders", () =>
      inTemporaryFolder(async (folder) => {
        await mkdir(join(folder, "empty"));
        await assertRejects(
          () => readRecorded([join(folder, "empty")]),
          ReportError,
          "there is neither config.json nor evaluation.json nor grid.json in it",
        );
        await assertRejects(
          () => readRecorded([join(folder, "missing")]),
          ReportError,
          "no such folder",
        );
      }));
  },
});
