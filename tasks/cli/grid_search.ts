/**
 * `deno task grid-search`: which ρ a training needs.
 *
 * @module
 */

import type { Device } from "@cram/tensor";
import { exists } from "@std/fs";
import { join } from "node:path";
import { holdOutImages, type ImageDataset } from "../data/dataset.ts";
import { openImageSource } from "../data/image_source.ts";
import { holdOutRandom } from "../data/random_streams.ts";
import { DivergenceError, UsageError } from "../errors.ts";
import type { OneShotResult } from "../one_shot.ts";
import { writeJson } from "../output_file.ts";
import { IMAGE_RECIPES } from "../recipes.ts";
import { type RunConfig, RunDirectory } from "../run_directory.ts";
import { meanAndDeviation } from "../statistics.ts";
import {
  IMAGE_OPTIONS,
  type ImageTrainingOptionValues,
} from "./image_options.ts";
import {
  chooseImageRecipe,
  type DataRecipe,
  settleImageTraining,
} from "./image_settings.ts";
import { checkInit, configOf, trainImages } from "./image_training.ts";
import {
  choice,
  describeOptions,
  list,
  number,
  type OptionValues,
  parseOptions,
} from "./options.ts";
import { describeError, runProgram } from "./program.ts";
import { describeRecipes, TRAINING_OPTIONS } from "./training_options.ts";
import { count, openChosenDevice, percent } from "./training_run.ts";

/** What is tried if nothing is said. */
const RHOS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2];

/** The part of the training images that is held out, as in the code of the CrAM paper. */
const HELD_OUT = 0.1;

const { evaluate: _, data, recipe, ...imageOptions } = IMAGE_OPTIONS;
const { resume: __, printConfig: ___, rho: ____, out, ...trainingOptions } =
  TRAINING_OPTIONS;
const OPTIONS = {
  rho: list(number({ least: 0 }, `what is tried; default ${RHOS}`)),
  data: {
    ...data,
    help:
      "the images: a folder, cifar10, which is downloaded, or emoji; default: the recipe's",
  },
  out: {
    ...out,
    help:
      "where grid.json is written, and a run folder for each rho; the same command goes on with what is there",
  },
  ...imageOptions,
  recipe: {
    ...recipe,
    help:
      "settings to begin with; see below; default: as for train-imagenet, but with cram+",
  },
  ...trainingOptions,
  optimizer: choice(
    ["sam", "cram", "cram+"],
    "what has a rho; default: cram+, with --recipe the recipe's",
  ),
};
type Values = OptionValues<typeof OPTIONS>;

const HELP = `Finds the rho that a training with SAM, CrAM or CrAM+ needs.

Usage: deno task grid-search --out DIR [options]

A tenth of the training images is held out, drawn by --seed, and a model is
trained on the others for each rho. It is measured on the images that were held
out: as it is, and pruned at once to 50, 70, 80 and 90 % of zeros and by --nm,
with batch norm tuned. The mean accuracy of the pruned models is the score; the
rho of the highest score is the best. Validation images are not looked at.

Options (where no default is mentioned, it is the recipe's):
${describeOptions(OPTIONS)}

Recipes:
${describeRecipes(IMAGE_RECIPES)}

Ctrl-C finishes the step, writes a checkpoint, and ends. The same command goes
on from there; a rho whose training has ended is not trained again.

Examples:
  deno task grid-search --out runs/grid
  deno task grid-search --data cifar10 --epochs 20 --rho 0.05,0.1,0.2 \\
    --optimizer cram+ --out runs/grid-cifar10
`;

/** What came of one ρ. */
interface GridRun {
  readonly rho: number;
  /** The run folder, in the folder of the search. */
  readonly folder: string;
  /** Why there are no results, if the training failed. */
  readonly failure?: string;
  readonly results?: readonly OneShotResult[];
  /** The mean accuracy of the pruned models. */
  readonly score?: number;
}

/** How a ρ is tried. */
interface Grid {
  readonly recipe: DataRecipe;
  readonly train: ImageDataset;
  readonly heldOut: ImageDataset;
  readonly device: Device;
  readonly signal: AbortSignal;
}

async function search(values: Values, signal: AbortSignal): Promise<void> {
  const { out, rho: rhos = RHOS } = values;
  if (out === undefined) {
    throw new UsageError(
      "Cannot search without --out DIR, where the runs are; --help explains",
    );
  }
  const recipe = chooseImageRecipe(optionsOf(values, rhos[0], out));
  await checkInit(values);
  const [train, heldOut] = await openHeldOut(recipe, values, signal);
  await using device = await openChosenDevice(values);
  const grid: Grid = { recipe, train, heldOut, device, signal };
  console.log(
    `${count(rhos.length, "training")}, each on ${
      count(train.files.length, "image")
    }; measured on ${count(heldOut.files.length, "other")}`,
  );
  const runs: GridRun[] = [];
  for (const [i, rho] of rhos.entries()) {
    console.log(`\nrho ${rho} (${i + 1} of ${rhos.length})`);
    const folder = `rho-${rho}`;
    const run = await tryRho(rho, join(out, folder), values, grid);
    if (run === undefined) break;
    runs.push({ rho, folder, ...run });
    await writeJson(join(out, "grid.json"), {
      heldOutImages: heldOut.files.length,
      isComplete: runs.length === rhos.length,
      best: bestOf(runs)?.rho,
      runs,
    });
  }
  if (runs.length === 0) return;
  console.log(`\n${formatRuns(runs)}`);
  const best = bestOf(runs);
  if (best !== undefined) console.log(`The best of them is rho ${best.rho}`);
  console.log(`Wrote ${join(out, "grid.json")}`);
}

/** The options of a training with one ρ. */
function optionsOf(
  values: Values,
  rho: number,
  out: string,
): ImageTrainingOptionValues {
  return {
    ...values,
    // The usual recipe may be SGD's, which has no rho.
    optimizer: values.optimizer ??
      (values.recipe === undefined ? "cram+" : undefined),
    rho,
    out,
    resume: false,
    evaluate: true,
    printConfig: false,
  };
}

async function openHeldOut(
  { data, seed }: DataRecipe,
  values: Values,
  signal: AbortSignal,
): Promise<[train: ImageDataset, heldOut: ImageDataset]> {
  const source = await openImageSource(data, {
    onProgress: (message) => console.error(message),
    signal,
  });
  const images = await source.train();
  const heldOut = Math.max(1, Math.round(HELD_OUT * images.files.length));
  const random = holdOutRandom(values.seed ?? seed);
  return holdOutImages(images, heldOut, random);
}

/** Trains with one ρ, or reads what came of it; `undefined` if that was interrupted. */
async function tryRho(
  rho: number,
  folder: string,
  values: Values,
  { recipe, train, heldOut, device, signal }: Grid,
): Promise<Omit<GridRun, "rho" | "folder"> | undefined> {
  const options = optionsOf(values, rho, folder);
  const settings = settleImageTraining(options, recipe, train);
  const config = { ...configOf(settings, device, train), heldOut: HELD_OUT };
  const resume = await exists(join(folder, "config.json"));
  const finished = resume ? await finishedResults(folder, config) : undefined;
  if (finished !== undefined) {
    console.log(`${folder} is there already`);
    return finished;
  }
  try {
    const results = await trainImages({
      options: { ...options, resume },
      images: { train, validation: heldOut },
      settings,
      config,
      device,
      signal,
      goOn: "The same command goes on from there",
    });
    return results && { results, score: scoreOf(results) };
  } catch (error) {
    // Others may train with a smaller one.
    if (!(error instanceof DivergenceError)) throw error;
    console.error(describeError(error));
    return { failure: error.message };
  }
}

async function finishedResults(
  folder: string,
  config: RunConfig,
): Promise<Pick<GridRun, "results" | "score"> | undefined> {
  using directory = await RunDirectory.reopen(folder, config);
  const found = await directory.loadResults();
  if (found === undefined) return undefined;
  const results = found.results as readonly OneShotResult[];
  return { results, score: scoreOf(results) };
}

/** The accuracy that counts: with batch norm tuned, if it is. */
function accuracyOf({ metrics, tuned }: OneShotResult): number {
  return (tuned?.mean ?? metrics).accuracy;
}

function scoreOf(results: readonly OneShotResult[]): number {
  return meanAndDeviation(results.slice(1).map(accuracyOf)).mean;
}

/** The first run of the highest score. */
function bestOf(runs: readonly GridRun[]): GridRun | undefined {
  return runs.filter(({ score }) => score !== undefined)
    .toSorted((a, b) => b.score! - a.score!)[0];
}

function formatRuns(runs: readonly GridRun[]): string {
  const names = runs.find(({ results }) => results !== undefined)
    ?.results?.map(({ name }) => name.replace(/^top-k /, "")) ?? [];
  const rows = [
    ["rho", ...names, "score"],
    ...runs.map(({ rho, results, score }) =>
      results === undefined || score === undefined
        ? [`${rho}`, "failed"]
        : [`${rho}`, ...results.map(accuracyOf).map(percent), percent(score)]
    ),
  ];
  return rows.map(([rho, ...cells]) =>
    [rho.padEnd(6), ...cells.map((cell) => cell.padStart(7))].join("  ")
  ).join("\n");
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await search(options, signal);
    }),
  );
}
