/**
 * `deno task evaluate-imagenet`: what is left of image classifiers when they
 * are compressed at once.
 *
 * @module
 */

import { type Compressor, nm, quantize, topK } from "@cram/compress";
import type { Device } from "@cram/tensor";
import { join } from "node:path";
import { batchNormTuning, TUNING_BATCHES } from "../batch_norm_tuning.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { DecodedCache } from "../data/decoded_cache.ts";
import { openImageSource } from "../data/image_source.ts";
import { ImageLoader, type ImageLoaderOptions } from "../data/loader.ts";
import { ImageNormalizer } from "../data/normalization.ts";
import { DataError, UsageError } from "../errors.ts";
import { evaluateClassifier } from "../evaluate.ts";
import { evaluateOneShot, type OneShotResult } from "../one_shot.ts";
import { plotOneShot } from "../one_shot_plot.ts";
import { type MetricColumn, OneShotTable } from "../one_shot_table.ts";
import { writeJson, writeText } from "../output_file.ts";
import { ProgressLine, standardOutput } from "../progress.ts";
import { IMAGE_OPTIONS } from "./image_options.ts";
import {
  choice,
  describeOptions,
  integer,
  list,
  number,
  type OptionValues,
  parseOptions,
  repeated,
  seed,
  text,
} from "./options.ts";
import { runProgram } from "./program.ts";
import {
  checkTrainedClasses,
  findTrainedModel,
  loadTrainedModel,
  TRAINED_DATA_HELP,
  type TrainedModel,
} from "./trained_model.ts";
import { pattern, TRAINING_OPTIONS } from "./training_options.ts";
import { count, openChosenDevice } from "./training_run.ts";

const { model, imageSize, data, workers, maxBad, cache } = IMAGE_OPTIONS;
const { device, threads, help } = TRAINING_OPTIONS;

const OPTIONS = {
  checkpoint: repeated(text(
    "PATH",
    "a run folder of train-imagenet, or a .safetensors file with PyTorch's names; several to compare them",
  )),
  data: { ...data, help: TRAINED_DATA_HELP },
  model: {
    ...model,
    help: "which network; default: as in the config.json next to --checkpoint",
  },
  imageSize: {
    ...imageSize,
    help: "height and width in pixels; default: as in config.json",
  },
  sparsities: list(number(
    { least: 0, below: 1 },
    "parts of zeros that Top-K prunes to; default 0.5,0.7,0.8,0.9,0.95",
  )),
  scope: choice(
    ["global", "uniform"],
    "whether Top-K has one threshold for all weights, or one for each layer, which leaves the first and the last one dense; default global",
  ),
  nm: list(pattern("N:M patterns to prune to, such as 2:4,4:8")),
  quantize: list(integer(2, "bits of weights to round to, such as 8,4")),
  bnTuning: integer(
    0,
    `how many training images batch norm is tuned on, in ${TUNING_BATCHES} batches; 0: it is not; default 1000`,
  ),
  draws: integer(
    1,
    "how many random samples of that many images are tried; default 10",
  ),
  batchSize: integer(1, "images in a batch; default 128"),
  seed: seed("what the samples come from; default 1"),
  device,
  threads,
  workers,
  maxBad,
  cache,
  out: text(
    "DIR",
    "where evaluation.json and evaluation.svg are written, behind each row anew",
  ),
  help,
};

const HELP =
  `Measures trained image classifiers as they are and compressed at once,
before and after batch norm is tuned on some training images.

Usage: deno task evaluate-imagenet --checkpoint PATH [options]

The table shows the part of validation images that are classified rightly
(of more than five classes also those with the right one among the five of
highest score), and the mean cross-entropy. Behind "tuned" stand means and
standard deviations over --draws. No weight is trained.

Options:
${describeOptions(OPTIONS)}

Ctrl-C ends the evaluation; what was measured is written to --out.

Examples:
  deno task evaluate-imagenet --checkpoint runs/a
  deno task evaluate-imagenet --checkpoint runs/a --checkpoint runs/b \\
    --sparsities 0.5,0.9 --nm 2:4,4:8 --quantize 8,4 --out runs/compared
  deno task evaluate-imagenet --checkpoint resnet50.safetensors \\
    --model resnet50 --data DIR --draws 1
`;

/** Settings of an evaluation, complete; what `evaluation.json` begins with. */
interface EvaluationSettings {
  readonly data: string;
  readonly validationImages: number;
  readonly device: string;
  readonly compressors: readonly string[];
  readonly bnTuning: number;
  readonly draws: number;
  readonly batchSize: number;
  readonly seed: string;
}

/** A model with what was measured so far. */
interface EvaluatedModel extends TrainedModel {
  readonly results: OneShotResult[];
}

async function evaluate(
  options: OptionValues<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<void> {
  const compressors = compressorsOf(options);
  const models = await findModels(options);
  const source = await openImageSource(dataOf(options, models), {
    onProgress: (message) => console.error(message),
    signal,
  });
  const validation = await source.validation();
  if (validation === undefined) {
    throw new DataError(
      `Cannot evaluate on the images of "${source.name}": there are none for validation`,
    );
  }
  for (const model of models) checkTrainedClasses(model, validation);
  const { bnTuning = 1000 } = options;
  const calibration = bnTuning > 0 ? await source.train() : undefined;
  await using device = await openChosenDevice(options);
  const settings: EvaluationSettings = {
    data: source.name,
    validationImages: validation.files.length,
    device: device.info.kind,
    compressors: compressors.map(({ name }) => name),
    bnTuning,
    draws: bnTuning > 0 ? options.draws ?? 10 : 0,
    batchSize: options.batchSize ?? 128,
    seed: `${options.seed ?? 1n}`,
  };
  const save = async (): Promise<void> => {
    if (options.out === undefined) return;
    const isComplete = models.every(({ results }) =>
      results.length === 1 + compressors.length &&
      results.every(({ tuned }) =>
        (tuned?.draws.length ?? 0) === settings.draws
      )
    );
    await writeJson(join(options.out, "evaluation.json"), {
      settings,
      isComplete,
      models,
    });
  };
  // Whether it can be written shows before any work is done.
  await save();
  const batches = Math.ceil(validation.files.length / settings.batchSize);
  const progress = new ProgressLine(
    standardOutput(),
    models.length * (1 + compressors.length) *
      (batches * (1 + settings.draws) + TUNING_BATCHES * settings.draws),
  );
  let done = 0;
  const work: Work = {
    settings,
    device,
    validation,
    calibration,
    compressors,
    cache: options.cache,
    loading: {
      batchSize: settings.batchSize,
      seed: options.seed ?? 1n,
      shuffle: false,
      workers: options.workers ?? navigator.hardwareConcurrency,
      maxBad: options.maxBad ?? 10,
      onBroken: ({ name }, reason) =>
        progress.note(`skipped "${name}": ${reason}`),
    },
    progress,
    signal,
    onBatch: () => progress.advance(++done),
    save,
  };
  progress.note(
    `On ${device.info.kind} (${device.info.description}), ${
      count(validation.files.length, "validation image")
    } of ${source.name}`,
  );
  for (const model of models) {
    if (!signal.aborted) await evaluateModel(model, work);
  }
  progress.finish();
  if (options.out !== undefined && models[0].results.length > 0) {
    await savePlot(join(options.out, "evaluation.svg"), models, settings);
    progress.note(`Wrote evaluation.json and evaluation.svg to ${options.out}`);
  }
}

/** What the parts of the program work with. */
interface Work {
  readonly settings: EvaluationSettings;
  readonly device: Device;
  readonly validation: ImageDataset;
  readonly calibration: ImageDataset | undefined;
  readonly compressors: readonly Compressor[];
  readonly cache: string | undefined;
  readonly loading: Omit<ImageLoaderOptions, "transform">;
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
  readonly onBatch: () => void;
  readonly save: () => Promise<void>;
}

/** Finds all models, whose names are then different. */
async function findModels(
  options: OptionValues<typeof OPTIONS>,
): Promise<EvaluatedModel[]> {
  const { checkpoint: paths } = options;
  if (paths === undefined) {
    throw new UsageError(
      "Cannot evaluate without a model: say --checkpoint PATH; --help explains",
    );
  }
  const found = await Promise.all(
    paths.map((path) => findTrainedModel(path, options)),
  );
  const names = new Set(found.map(({ name }) => name));
  return found.map((model, i) => ({
    ...model,
    name: names.size === found.length ? model.name : paths[i],
    results: [],
  }));
}

function dataOf(
  options: OptionValues<typeof OPTIONS>,
  models: readonly TrainedModel[],
): string {
  const [data, ...others] = new Set(
    options.data === undefined
      ? models.map(({ data }) => data)
      : [options.data],
  );
  if (data !== undefined && others.length === 0) return data;
  throw new UsageError(
    others.length > 0
      ? `Cannot compare models that were trained on "${data}" and on "${
        others[0]
      }": say --data`
      : "Cannot evaluate without images: say --data DIR; --help explains",
  );
}

function compressorsOf(
  { sparsities, scope, nm: patterns, quantize: bits }: OptionValues<
    typeof OPTIONS
  >,
): Compressor[] {
  return [
    ...(sparsities ?? [0.5, 0.7, 0.8, 0.9, 0.95]).map((sparsity) =>
      topK(sparsity, { scope })
    ),
    ...(patterns ?? []).map(({ n, m }) => nm(n, m)),
    ...(bits ?? []).map((bits) => quantize({ bits })),
  ];
}

/** Measures one model; its weights are on the device for that long. */
async function evaluateModel(
  trained: EvaluatedModel,
  work: Work,
): Promise<void> {
  const { device, settings, progress, compressors, calibration } = work;
  const { imageSize, augment } = trained;
  using model = await loadTrainedModel(device, trained);
  using normalizer = new ImageNormalizer(device, trained.transform);
  const transform = {
    recipe: trained.transform,
    size: imageSize,
    augment: false,
  };
  const cache = work.cache === undefined
    ? undefined
    : await DecodedCache.open(work.cache, transform);
  const loading = { ...work.loading, transform, cache };
  using loader = new ImageLoader(work.validation, loading);
  const tuning = calibration && batchNormTuning({
    ...work,
    model,
    normalizer,
    dataset: calibration,
    loading: { ...loading, transform: { ...transform, augment } },
    images: settings.bnTuning,
    draws: settings.draws,
  });
  const options = { compressors, tuning };
  const table = new OneShotTable(options, metricsOf(trained.classes));
  progress.note(`\n${trained.name} (${trained.model}, ${trained.checkpoint})`);
  progress.note(table.header);
  await evaluateOneShot({
    ...work,
    ...options,
    model,
    measure: () => evaluateClassifier({ ...work, model, loader, normalizer }),
    onResult: async (result) => {
      progress.note(table.row(result));
      trained.results.push(result);
      await work.save();
    },
  });
}

function metricsOf(classes: number): MetricColumn[] {
  return [
    { metric: "accuracy", title: "accuracy", percent: true },
    ...classes > 5
      ? [{ metric: "top5Accuracy", title: "top 5", percent: true }]
      : [],
    { metric: "loss", title: "loss" },
  ];
}

async function savePlot(
  path: string,
  models: readonly EvaluatedModel[],
  { validationImages }: EvaluationSettings,
): Promise<void> {
  const svg = await plotOneShot({
    title: "Accuracy after one-shot compression",
    metric: "accuracy",
    label: `Accuracy on ${count(validationImages, "validation image")}`,
    models: models.filter(({ results }) => results.length > 0),
  });
  await writeText(path, svg);
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await evaluate(options, signal);
    }),
  );
}
