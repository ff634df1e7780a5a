/**
 * `deno task evaluate-imagenet`: what is left of image classifiers when they
 * are compressed at once.
 *
 * @module
 */

import type { Compressor } from "@cram/compress";
import type { Precision } from "@cram/models";
import type { Device } from "@cram/tensor";
import { batchNormTuning, TUNING_BATCHES } from "../batch_norm_tuning.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { DecodedCache } from "../data/decoded_cache.ts";
import { openImageSource } from "../data/image_source.ts";
import { ImageLoader, type ImageLoaderOptions } from "../data/loader.ts";
import { ImageNormalizer } from "../data/normalization.ts";
import { DataError } from "../errors.ts";
import { evaluateClassifier } from "../evaluate.ts";
import { evaluateOneShot } from "../one_shot.ts";
import { type MetricColumn, OneShotTable } from "../one_shot_table.ts";
import { ProgressLine, standardOutput } from "../progress.ts";
import {
  chosenCompressors,
  commonData,
  COMPRESSION_OPTIONS,
  type Evaluated,
  EvaluationReport,
  findCompared,
} from "./evaluation.ts";
import { IMAGE_OPTIONS } from "./image_options.ts";
import {
  describeOptions,
  integer,
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
import { TRAINING_OPTIONS } from "./training_options.ts";
import { count, openChosenDevice } from "./training_run.ts";

const { model, imageSize, data, workers, maxBad, cache } = IMAGE_OPTIONS;
const { device, precision, threads, help } = TRAINING_OPTIONS;

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
  ...COMPRESSION_OPTIONS,
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
  precision,
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

async function evaluate(
  options: OptionValues<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<void> {
  const compressors = chosenCompressors(options);
  const models = await findCompared(
    options.checkpoint,
    (path) => findTrainedModel(path, options),
  );
  const data = options.data ?? commonData(models, "images");
  const source = await openImageSource(data, {
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
  const settings = {
    data: source.name,
    validationImages: validation.files.length,
    device: device.info.kind,
    precision: options.precision ?? "float32" as const,
    compressors: compressors.map(({ name }) => name),
    bnTuning,
    draws: bnTuning > 0 ? options.draws ?? 10 : 0,
    batchSize: options.batchSize ?? 128,
    seed: `${options.seed ?? 1n}`,
  };
  const report = new EvaluationReport(
    options.out,
    settings,
    models,
    (results) =>
      results.length === 1 + compressors.length &&
      results.every(({ tuned }) =>
        (tuned?.draws.length ?? 0) === settings.draws
      ),
  );
  // Whether it can be written shows before any work is done.
  await report.save();
  const batches = Math.ceil(validation.files.length / settings.batchSize);
  const progress = new ProgressLine(
    standardOutput(),
    models.length * (1 + compressors.length) *
      (batches * (1 + settings.draws) + TUNING_BATCHES * settings.draws),
  );
  let done = 0;
  const work: Work = {
    settings,
    precision: settings.precision,
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
    report,
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
  const written = await report.finish({
    title: "Accuracy after one-shot compression",
    metric: "accuracy",
    label: `Accuracy on ${count(validation.files.length, "validation image")}`,
  });
  if (written !== undefined) progress.note(written);
}

/** What the parts of the program work with. */
interface Work {
  readonly settings: { readonly bnTuning: number; readonly draws: number };
  readonly precision: Precision;
  readonly device: Device;
  readonly validation: ImageDataset;
  readonly calibration: ImageDataset | undefined;
  readonly compressors: readonly Compressor[];
  readonly cache: string | undefined;
  readonly loading: Omit<ImageLoaderOptions, "transform">;
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
  readonly onBatch: () => void;
  readonly report: EvaluationReport;
}

/** Measures one model; its weights are on the device for that long. */
async function evaluateModel(
  trained: Evaluated<TrainedModel>,
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
      await work.report.save();
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

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await evaluate(options, signal);
    }),
  );
}
