/**
 * What runs and evaluations leave behind, read and checked for a report.
 *
 * @module
 */

import { exists } from "@std/fs";
import { readFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import type { OneShotResult } from "../one_shot.ts";

/** A run or an evaluation that cannot be reported on. */
export class ReportError extends Error {
  /** The name of this error. */
  override readonly name: string = "ReportError";
}

/** Values of a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** A line of `metrics.jsonl`: numbers by name; others were no finite numbers. */
export type Measured =
  & Readonly<Record<string, number>>
  & { readonly step: number };

/** A folder of a training. */
export interface RecordedRun {
  /** What it is called: its folder, or its path where folders have equal names. */
  readonly name: string;
  /** The path of its folder. */
  readonly path: string;
  /** `config.json`. */
  readonly config: Fields;
  /** How many steps it was to have. */
  readonly steps: number;
  /** `metrics.jsonl`. */
  readonly metrics: readonly Measured[];
  /** `results.json`, if it came to that. */
  readonly results: readonly OneShotResult[] | undefined;
  /** The file with its weights, if there is one. */
  readonly weights: string | undefined;
  /** What a grid search says of it. */
  readonly search?: SearchedRun;
}

/** What `grid.json` says of a run. */
export interface SearchedRun {
  /** The mean accuracy of its pruned models, if it came to that. */
  readonly score?: number;
  /** Whether no other run has a higher one. */
  readonly isBest: boolean;
  /** Why its training ended early, if it failed. */
  readonly failure?: string;
}

/** A model of an evaluation. */
export interface EvaluatedModel {
  /** What it is called; the name of its run, if that is reported on too. */
  readonly name: string;
  /** The file with its weights, where it was when it was evaluated. */
  readonly checkpoint: string;
  /** Which weights are pruned, if it says so. */
  readonly prunable?: string;
  /** What was measured. */
  readonly results: readonly OneShotResult[];
}

/** A folder of an evaluation. */
export interface RecordedEvaluation {
  /** What it is called: its folder. */
  readonly name: string;
  /** What was asked for. */
  readonly settings: Fields;
  /** Whether all of that was measured. */
  readonly isComplete: boolean;
  /** The models. */
  readonly models: readonly EvaluatedModel[];
}

/** Everything that a report is about. */
export interface Recorded {
  /** The trainings. */
  readonly runs: readonly RecordedRun[];
  /** The evaluations. */
  readonly evaluations: readonly RecordedEvaluation[];
}

const CONFIG = "config.json";
const METRICS = "metrics.jsonl";
const RESULTS = "results.json";
const EVALUATION = "evaluation.json";
const GRID = "grid.json";

/** Where a run may have its weights, the first that is there. */
const WEIGHTS = [
  "model.safetensors",
  join("huggingface", "model.safetensors"),
  "checkpoint.safetensors",
];

/**
 * Reads folders of trainings, evaluations and grid searches.
 *
 * @param paths The folders.
 * @returns What they hold, in their order.
 * @throws {ReportError} If a folder holds none of these, or a file is missing or not what it should be.
 */
export async function readRecorded(
  paths: readonly string[],
): Promise<Recorded> {
  const runs: RecordedRun[] = [];
  const evaluations: RecordedEvaluation[] = [];
  for (const path of new Set(paths)) {
    const [isRun, isEvaluation, isSearch] = await Promise.all(
      [CONFIG, EVALUATION, GRID].map((name) => exists(join(path, name))),
    );
    if (!isRun && !isEvaluation && !isSearch) {
      throw new ReportError(
        `Cannot report on "${path}": ${
          await exists(path)
            ? `there is neither ${CONFIG} nor ${EVALUATION} nor ${GRID} in it`
            : "no such folder"
        }`,
      );
    }
    if (isRun) runs.push(await readRun(path));
    if (isEvaluation) evaluations.push(await readEvaluation(path));
    if (isSearch) runs.push(...await readSearch(path));
  }
  const named = withDifferentNames(runs);
  return {
    runs: named,
    evaluations: evaluations.map((e) => withRunNames(e, named)),
  };
}

/** Folders of equal names are called by their paths. */
function withDifferentNames(runs: readonly RecordedRun[]): RecordedRun[] {
  const isAmbiguous = (name: string): boolean =>
    runs.filter((run) => run.name === name).length > 1;
  return runs.map((run) =>
    isAmbiguous(run.name) ? { ...run, name: run.path } : run
  );
}

/** Gives models the names of the runs that they come from, and others names of their own. */
function withRunNames(
  evaluation: RecordedEvaluation,
  runs: readonly RecordedRun[],
): RecordedEvaluation {
  const models = evaluation.models.map((model) => {
    const run = runs.find(({ path }) =>
      !relative(resolve(path), resolve(model.checkpoint)).startsWith("..")
    );
    const isTaken = runs.some(({ name }) => name === model.name);
    const name = run?.name ?? (isTaken ? model.checkpoint : model.name);
    return { ...model, name };
  });
  return { ...evaluation, models };
}

async function readRun(path: string): Promise<RecordedRun> {
  const file = join(path, CONFIG);
  const config = await readJson(file);
  const { steps } = config;
  if (typeof steps !== "number" || !(steps > 0)) {
    throw new ReportError(
      `Cannot read "${file}": its steps are ${
        show(steps)
      }, expected a number of at least 1`,
    );
  }
  const results = join(path, RESULTS);
  return {
    name: basename(resolve(path)),
    path,
    config,
    steps,
    metrics: await readMetrics(join(path, METRICS)),
    results: await exists(results)
      ? readResults(results, "", (await readJson(results)).results)
      : undefined,
    weights: await firstOf(WEIGHTS.map((name) => join(path, name))),
  };
}

async function firstOf(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    if (await exists(file)) return file;
  }
  return undefined;
}

async function readMetrics(path: string): Promise<Measured[]> {
  const lines = (await read(path)).split("\n");
  // What a process writes, or has ended in the middle of.
  lines.pop();
  return lines.map((line, i) => {
    let fields: unknown;
    try {
      fields = JSON.parse(line);
    } catch {
      // Told below.
    }
    if (isFields(fields) && Number.isFinite(fields.step)) {
      return Object.fromEntries(
        Object.entries(fields).map((
          [name, value],
        ) => [name, typeof value === "number" ? value : NaN]),
      ) as Measured;
    }
    throw new ReportError(
      `Cannot read "${path}": line ${i + 1} is no object with a step: ${
        show(line)
      }`,
    );
  });
}

async function readEvaluation(folder: string): Promise<RecordedEvaluation> {
  const path = join(folder, EVALUATION);
  const { settings, isComplete, models } = await readJson(path);
  if (!isFields(settings) || !Array.isArray(models)) {
    throw new ReportError(
      `Cannot read "${path}": there are no settings or models in it`,
    );
  }
  return {
    name: basename(resolve(folder)),
    settings,
    isComplete: isComplete === true,
    models: models.map((model: unknown, i) => {
      const where = `models[${i}]`;
      if (
        !isFields(model) || typeof model.name !== "string" ||
        typeof model.checkpoint !== "string"
      ) {
        throw new ReportError(
          `Cannot read "${path}": ${where} has no name or no checkpoint: ${
            show(model)
          }`,
        );
      }
      const { name, checkpoint, prunable } = model;
      return {
        name,
        checkpoint,
        prunable: typeof prunable === "string" ? prunable : undefined,
        results: readResults(path, `${where}.`, model.results),
      };
    }),
  };
}

async function readSearch(folder: string): Promise<RecordedRun[]> {
  const path = join(folder, GRID);
  const { runs, best } = await readJson(path);
  if (!Array.isArray(runs)) {
    throw new ReportError(`Cannot read "${path}": its runs are ${show(runs)}`);
  }
  return await Promise.all(runs.map(async (run: unknown, i) => {
    if (!isFields(run) || typeof run.folder !== "string") {
      throw new ReportError(
        `Cannot read "${path}": runs[${i}] has no folder: ${show(run)}`,
      );
    }
    const { rho, score, failure } = run;
    return {
      ...await readRun(join(folder, run.folder)),
      search: {
        score: typeof score === "number" ? score : undefined,
        failure: typeof failure === "string" ? failure : undefined,
        isBest: rho === best,
      },
    };
  }));
}

function readResults(
  path: string,
  where: string,
  results: unknown,
): OneShotResult[] {
  if (!Array.isArray(results)) {
    throw new ReportError(
      `Cannot read "${path}": ${where}results are ${show(results)}`,
    );
  }
  return results.map((result: unknown, i) => {
    if (isResult(result)) return result;
    throw new ReportError(
      `Cannot read "${path}": ${where}results[${i}] has no name, sparsity or metrics: ${
        show(result)
      }`,
    );
  });
}

function isResult(value: unknown): value is OneShotResult {
  if (!isFields(value)) return false;
  const { name, sparsity, metrics, tuned } = value;
  return typeof name === "string" && typeof sparsity === "number" &&
    isNumbers(metrics) &&
    (tuned === undefined ||
      isFields(tuned) && Array.isArray(tuned.draws) && isNumbers(tuned.mean) &&
        isNumbers(tuned.deviation));
}

function isNumbers(value: unknown): boolean {
  return isFields(value) &&
    Object.values(value).every((one) => typeof one === "number");
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readJson(path: string): Promise<Fields> {
  const text = await read(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ReportError(
      `Cannot read "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
  if (isFields(value)) return value;
  throw new ReportError(
    `Cannot read "${path}": it holds ${show(value)}, expected an object`,
  );
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ReportError(
      `Cannot read "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}

/** A value for a message. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
