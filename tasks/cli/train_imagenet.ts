/**
 * `deno task train-imagenet`: trains an image classifier.
 *
 * @module
 */

import { loadWeights } from "@cram/models";
import { openDevice, openSafetensors } from "@cram/tensor";
import { type ImageDataset, openImages, type Split } from "../data/dataset.ts";
import { ImageLoader } from "../data/loader.ts";
import { ImageNormalizer } from "../data/normalization.ts";
import { evaluateClassifier } from "../evaluate.ts";
import { optimizerOf, scheduleOf } from "../optimizers.ts";
import { formatDuration, ProgressLine, standardOutput } from "../progress.ts";
import { MODELS } from "../recipes.ts";
import { type RunConfig, RunDirectory } from "../run_directory.ts";
import { trainClassifier } from "../train.ts";
import { describeOptions, parseOptions } from "./options.ts";
import { runProgram } from "./program.ts";
import {
  TRAINING_OPTIONS,
  type TrainingOptionValues,
} from "./training_options.ts";
import { checkOptions, settle } from "./training_settings.ts";

const HELP = `Trains an image classifier.

Usage: deno task train-imagenet --data DIR [options]

Images are JPEG, PNG or WebP files in one folder for each class, or in
WebDataset archives with labels (.cls) next to the images.

Options:
${describeOptions(TRAINING_OPTIONS)}

Ctrl-C finishes the step, writes weights and a checkpoint, and ends. The same
command with --resume goes on from there, or from the last checkpoint after a
crash, and comes to the same weights as if nothing had happened.

Examples:
  deno task train-imagenet --data cifar10 --model resnet20 --epochs 10
  deno task train-imagenet --data imagenet --model resnet50 --out runs/a
  deno task train-imagenet --data imagenet --optimizer cram+ --out runs/b
  deno task train-imagenet --data imagenet --optimizer cram+ --nm 2:4,4:8
`;

async function train(
  options: TrainingOptionValues,
  signal: AbortSignal,
): Promise<void> {
  const folder = checkOptions(options);
  const dataset = await openImages(folder, "train");
  const validation = options.evaluate
    ? await openImages(folder, "val")
    : undefined;
  const settings = settle(options, dataset);
  await using device = await openDevice(
    options.device === "auto" ? undefined : options.device,
    { threads: options.threads },
  );
  const config = {
    ...settings,
    seed: `${settings.seed}`,
    device: device.info.kind,
    images: dataset.files.length,
    classNames: dataset.classes,
  };
  if (options.printConfig) {
    console.log(JSON.stringify(config, undefined, 2));
    return;
  }

  const recipe = MODELS[settings.model];
  const { classes, steps, batchSize, imageSize } = settings;
  using model = recipe.create(device, { classes, seed: settings.seed });
  if (settings.init !== undefined) {
    await using file = await openSafetensors(settings.init);
    await loadWeights(model, file);
  }
  const directory = await openRun(options, config);
  using normalizer = new ImageNormalizer(device, recipe.transform);
  const progress = new ProgressLine(standardOutput(), steps);
  const loaderOf = (dataset: ImageDataset, split: Split): ImageLoader =>
    new ImageLoader(dataset, {
      ...settings,
      shuffle: settings.shuffle && split === "train",
      transform: {
        recipe: recipe.transform,
        size: imageSize,
        augment: settings.augment && split === "train",
      },
      onBroken: ({ name }, reason) =>
        progress.note(`skipped "${name}": ${reason}`),
    });

  progress.note(
    `${settings.model} on ${device.info.kind} (${device.info.description})`,
  );
  progress.note(
    `${count(dataset.files.length, "image")} of ${
      count(classes, "class", "classes")
    }, ${count(steps, "step")} of ${count(batchSize, "image")}`,
  );
  const begin = performance.now();
  let first = 0;
  using loader = loaderOf(dataset, "train");
  const done = await trainClassifier({
    device,
    model,
    optimizer: optimizerOf(settings),
    schedule: scheduleOf(settings),
    loader,
    normalizer,
    steps,
    accumulate: settings.accumulate,
    logEvery: settings.logEvery,
    checkpoints: directory && {
      every: settings.checkpointEvery,
      save: (state) => directory.saveCheckpoint(state),
      load: async () => {
        if (!options.resume) return undefined;
        const state = await directory.loadCheckpoint(device);
        first = state?.step ?? 0;
        progress.note(`Going on after ${count(first, "step")}`);
        return state;
      },
    },
    signal,
    onStep: (step) => progress.advance(step),
    onReport: async (report) => {
      progress.report(
        report.step,
        [
          `loss ${report.loss.toFixed(4)}`,
          `accuracy ${percent(report.accuracy)}`,
          `lr ${report.learningRate.toPrecision(3)}`,
          `${report.imagesPerSecond.toPrecision(3)} images/s`,
        ].join("  "),
      );
      await directory?.log({ ...report });
    },
  });
  progress.finish();
  if (done < steps) {
    progress.note(`Stopped after ${count(done, "step")} of ${steps}`);
    if (directory !== undefined) {
      progress.note("The same command with --resume goes on from there");
    }
  }
  progress.note(
    `Trained ${count(done - first, "step")} in ${
      formatDuration(performance.now() - begin)
    }`,
  );
  if (directory !== undefined) {
    progress.note(`Wrote ${await directory.saveModel(device, model)}`);
  }
  if (validation !== undefined && !signal.aborted) {
    using loader = loaderOf(validation, "val");
    const { accuracy, images, loss } = await evaluateClassifier({
      device,
      model,
      loader,
      normalizer,
      signal,
    });
    progress.note(
      `Validation accuracy ${percent(accuracy)}, loss ${loss.toFixed(4)} on ${
        count(images, "image")
      }`,
    );
  }
}

async function openRun(
  { out, resume }: TrainingOptionValues,
  config: RunConfig,
): Promise<RunDirectory | undefined> {
  if (out === undefined) return undefined;
  return resume
    ? await RunDirectory.reopen(out, config)
    : await RunDirectory.create(out, config);
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, TRAINING_OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await train(options, signal);
    }),
  );
}
