/**
 * What evaluations of models have in common, whatever these were trained on:
 * what they are compressed by, which models are compared, and the report.
 *
 * @module
 */

import { type Compressor, nm, quantize, topK } from "@cram/compress";
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import type { OneShotResult } from "../one_shot.ts";
import { type OneShotPlot, plotOneShot } from "../one_shot_plot.ts";
import { writeJson, writeText } from "../output_file.ts";
import { choice, integer, list, number, type OptionValues } from "./options.ts";
import { pattern } from "./training_options.ts";

/** What models are compressed by. */
export const COMPRESSION_OPTIONS = {
  sparsities: list(number(
    { least: 0, below: 1 },
    "parts of zeros that Top-K prunes to; default 0.5,0.7,0.8,0.9,0.95",
  )),
  scope: choice(
    ["global", "uniform"],
    "whether Top-K has one threshold for all weights, or one for each layer, which leaves the first and the last one dense; default global",
  ),
  nm: list(pattern("N:M patterns to prune to, such as 2:4,4:8")),
  quantize: list(
    integer(2, "bits of weights to round to, from 2 to 8, such as 8,4", 8),
  ),
};

/**
 * What models are compressed by, one after the other.
 *
 * @param options The options.
 * @param sparsities Of Top-K, if nothing was said.
 * @returns The compressors.
 */
export function chosenCompressors(
  options: OptionValues<typeof COMPRESSION_OPTIONS>,
  sparsities: readonly number[] = [0.5, 0.7, 0.8, 0.9, 0.95],
): Compressor[] {
  const { scope, nm: patterns = [], quantize: bits = [] } = options;
  return [
    ...(options.sparsities ?? sparsities).map((sparsity) =>
      topK(sparsity, { scope })
    ),
    ...patterns.map(({ n, m }) => nm(n, m)),
    ...bits.map((bits) => quantize({ bits })),
  ];
}

/** A model with what was measured so far. */
export type Evaluated<Model> = Model & {
  readonly results: OneShotResult[];
};

/**
 * Finds all models, whose names are then different.
 *
 * @param paths The values of `--checkpoint`.
 * @param find Finds one.
 * @returns The models, without results yet.
 * @throws {UsageError} If there is none.
 */
export async function findCompared<Model extends { readonly name: string }>(
  paths: readonly string[] | undefined,
  find: (path: string) => Promise<Model>,
): Promise<Evaluated<Model>[]> {
  if (paths === undefined) {
    throw new UsageError(
      "Cannot evaluate without a model: say --checkpoint PATH; --help explains",
    );
  }
  const found = await Promise.all(paths.map(find));
  const names = new Set(found.map(({ name }) => name));
  return found.map((model, i) => ({
    ...model,
    name: names.size === found.length ? model.name : paths[i],
    results: [],
  }));
}

/**
 * What all models were trained on.
 *
 * @param models The models.
 * @param examples What it consists of, for instance `images`.
 * @returns The data.
 * @throws {UsageError} If that is unknown, or differs.
 */
export function commonData(
  models: readonly { readonly data?: string }[],
  examples: string,
): string {
  const [data, ...others] = new Set(models.map(({ data }) => data));
  if (data !== undefined && others.length === 0) return data;
  throw new UsageError(
    others.length > 0
      ? `Cannot compare models that were trained on "${data}" and on "${
        others[0]
      }": say --data`
      : `Cannot evaluate without ${examples}: say --data PATH; --help explains`,
  );
}

/** `evaluation.json` and `evaluation.svg` in a folder. */
export class EvaluationReport {
  readonly #folder: string | undefined;
  readonly #settings: Readonly<Record<string, unknown>>;
  readonly #models: readonly Evaluated<{ readonly name: string }>[];
  readonly #isComplete: (results: readonly OneShotResult[]) => boolean;

  /**
   * Writes nothing yet.
   *
   * @param folder Where to; `undefined` if there shall be no report.
   * @param settings What the evaluation was asked for.
   * @param models The models, whose results come in.
   * @param isComplete Whether the results of a model are all there.
   */
  constructor(
    folder: string | undefined,
    settings: Readonly<Record<string, unknown>>,
    models: readonly Evaluated<{ readonly name: string }>[],
    isComplete: (results: readonly OneShotResult[]) => boolean,
  ) {
    this.#folder = folder;
    this.#settings = settings;
    this.#models = models;
    this.#isComplete = isComplete;
  }

  /**
   * Writes `evaluation.json` with the results so far.
   *
   * @throws {OutputError} If it cannot be written.
   */
  async save(): Promise<void> {
    if (this.#folder === undefined) return;
    await writeJson(join(this.#folder, "evaluation.json"), {
      settings: this.#settings,
      isComplete: this.#models.every(({ results }) =>
        this.#isComplete(results)
      ),
      models: this.#models,
    });
  }

  /**
   * Writes `evaluation.svg`, if there are results.
   *
   * @param plot What is drawn of them.
   * @returns What to tell; `undefined` if nothing was written.
   * @throws {OutputError} If it cannot be written.
   */
  async finish(
    plot: Omit<OneShotPlot, "models">,
  ): Promise<string | undefined> {
    const models = this.#models.filter(({ results }) => results.length > 0);
    if (this.#folder === undefined || models.length === 0) return undefined;
    await writeText(
      join(this.#folder, "evaluation.svg"),
      await plotOneShot({ ...plot, models }),
    );
    return `Wrote evaluation.json and evaluation.svg to ${this.#folder}`;
  }
}
