/**
 * What all trainings do around their steps: the run directory, progress,
 * checkpoints, and words at the end.
 *
 * @module
 */

import { loadWeights, type Module, StateDictError } from "@cram/models";
import type { OptimizerOptions, OptimizerRule } from "@cram/optim";
import {
  ArgumentError,
  type Device,
  openDevice,
  openSafetensors,
} from "@cram/tensor";
import { formatProfile, traceOf } from "@cram/tensor/profile";
import { join } from "node:path";
import { isCheckpoint, readCheckpoint } from "../checkpoint.ts";
import { UsageError } from "../errors.ts";
import {
  readTuning,
  tuneKernels,
  tuningError,
  tuningPath,
} from "../kernel_tuning.ts";
import { optimizerOf, scheduleOf } from "../optimizers.ts";
import { writeText } from "../output_file.ts";
import { formatDuration, type ProgressLine } from "../progress.ts";
import { type RunConfig, RunDirectory } from "../run_directory.ts";
import { StepProfiler, type StepsProfile } from "../step_profiler.ts";
import { train, type TrainingBatch, type TrainingTask } from "../train.ts";
import type { TrainingOptionValues } from "./training_options.ts";
import type { TrainingSettings } from "./training_settings.ts";

/**
 * Opens the device that was asked for.
 *
 * @param options The options `--device`, `--threads`, `--precision` and `--tune-kernels`.
 * @param path The file of what was found of kernels before.
 * @returns The device.
 * @throws {UsageError} If the device does not compute in that precision.
 * @throws {DataError} If what was found of kernels before cannot be used.
 */
export async function openChosenDevice(
  { device, threads, precision = "float32", tuneKernels }:
    & Pick<TrainingOptionValues, "device" | "threads" | "precision">
    & Partial<Pick<TrainingOptionValues, "tuneKernels">>,
  path: string = tuningPath(),
): Promise<Device> {
  const name = device === "auto" ? undefined : device;
  const tuning = tuneKernels ? await readTuning(path) : undefined;
  const opened = await openDevice(name, { threads, tuning }).catch((error) => {
    const isOfTuning = error instanceof ArgumentError &&
      error.message.startsWith("Cannot use the tuning");
    throw isOfTuning ? tuningError(path, error) : error;
  });
  const { kind, description, floatDTypes } = opened.info;
  if (floatDTypes.includes(precision)) return opened;
  await opened[Symbol.asyncDispose]();
  throw new UsageError(
    `Cannot use --precision "${precision}" on ${kind} (${description}), which computes with ${
      floatDTypes.join(" and ")
    }`,
  );
}

/**
 * What a network is computed with, behind what it is computed on.
 *
 * @param settings The settings of the training.
 * @returns Nothing for the usual float32.
 */
export function precisionNote(
  { precision }: Pick<TrainingSettings, "precision">,
): string {
  return precision === "float32" ? "" : `, in ${precision}`;
}

/**
 * Copies the weights of a file into a model.
 *
 * @param model The model.
 * @param path A file of weights, or a checkpoint.
 * @throws {StateDictError} If the weights are of another model.
 * @throws {SafetensorsError} If the file cannot be read.
 */
export async function initialize(
  model: Module,
  path: string,
): Promise<void> {
  try {
    if (await isCheckpoint(path)) {
      const [{ device }] = model.parameters().values();
      using _scope = device.scope();
      model.loadStateDict((await readCheckpoint(path, device)).model);
      return;
    }
    await using file = await openSafetensors(path);
    await loadWeights(model, file);
  } catch (error) {
    if (!(error instanceof StateDictError)) throw error;
    throw new StateDictError(`${error.message}; they are those of "${path}"`, {
      cause: error,
    });
  }
}

/**
 * Opens `--out`: begins a run, or goes on with one if `--resume` says so.
 *
 * @param options Where, and whether there is a run already.
 * @param config What `config.json` holds.
 * @returns The folder; `undefined` without `--out`.
 * @throws {OutputError} If it cannot be written, or holds a run already.
 * @throws {CheckpointError} If the run to go on with is not there, or had other settings.
 */
export async function openRun(
  { out, resume }: Pick<TrainingOptionValues, "out" | "resume">,
  config: RunConfig,
): Promise<RunDirectory | undefined> {
  if (out === undefined) return undefined;
  return resume
    ? await RunDirectory.reopen(out, config)
    : await RunDirectory.create(out, config);
}

/** What {@linkcode runTraining} needs. */
export interface TrainingRun<Batch extends TrainingBatch> {
  /** What is trained, on what. */
  readonly task: TrainingTask<Batch>;
  /** What examples are called, for instance `images`. */
  readonly examples: string;
  /** How. */
  readonly settings: TrainingSettings;
  /** How the parameters change. Default: as the settings say. */
  readonly optimizer?: OptimizerRule;
  /** Groups of parameters with settings of their own, and clipping. */
  readonly optimizerOptions?: Pick<OptimizerOptions, "groups" | "clip">;
  /** What the run leaves behind, if it was asked to. */
  readonly directory: RunDirectory | undefined;
  /** Writes the model, and returns where. Default: `model.safetensors`. */
  readonly saveModel?: () => Promise<string>;
  /** How one goes on with a run that was interrupted. Default: by `--resume`. */
  readonly goOn?: string;
  /** Whether some steps are profiled. */
  readonly profile?: boolean;
  /** Where progress is shown. */
  readonly progress: ProgressLine;
  /** Ends the training after the step that is going on. */
  readonly signal: AbortSignal;
}

/**
 * Trains, shows progress, writes metrics, checkpoints and `model.safetensors`.
 *
 * @param run Task, settings, output.
 * @throws {DivergenceError} If a loss is not finite.
 * @throws {OutputError} If something cannot be written.
 * @throws {DataError} If examples cannot be read.
 */
export async function runTraining<Batch extends TrainingBatch>(
  run: TrainingRun<Batch>,
): Promise<void> {
  const { task, settings, directory, progress, examples } = run;
  const { goOn = "The same command with --resume goes on from there" } = run;
  const { steps } = settings;
  const begin = performance.now();
  let first = 0;
  const profiler = run.profile
    ? new StepProfiler(task.device, (steps) => reportProfile(run, steps))
    : undefined;
  const done = await train({
    ...run,
    ...settings,
    optimizer: run.optimizer ?? optimizerOf(settings),
    optimizerOptions: {
      ...run.optimizerOptions,
      lossScaling: settings.precision === "float16" ? {} : undefined,
    },
    prepare: settings.tuneKernels && ((passes) =>
      tuneKernels(passes, {
        ...{ device: task.device, path: tuningPath(), signal: run.signal },
        onProgress: (message) => progress.note(message),
      })),
    schedule: scheduleOf(settings),
    checkpoints: directory && {
      every: settings.checkpointEvery,
      save: (state) => directory.saveCheckpoint(state),
      load: async () => {
        if (!directory.isReopened) return undefined;
        const state = await directory.loadCheckpoint(task.device);
        first = state?.step ?? 0;
        progress.note(`Going on after ${count(first, "step")}`);
        return state;
      },
    },
    onStep: (step) => {
      progress.advance(step);
      return profiler?.advance(step);
    },
    onReport: async ({ examplesPerSecond, ...report }) => {
      progress.report(
        report.step,
        [
          `loss ${report.loss.toFixed(4)}`,
          `accuracy ${percent(report.accuracy)}`,
          `lr ${report.learningRate.toPrecision(3)}`,
          ...report.lossScale === undefined
            ? []
            : [`loss scale ${report.lossScale}`],
          `${examplesPerSecond.toPrecision(3)} ${examples}/s`,
        ].join("  "),
      );
      await directory?.log({
        ...report,
        [`${examples}PerSecond`]: examplesPerSecond,
      });
    },
    // Errors begin on a line of their own too.
  }).finally(() => progress.finish());
  await profiler?.finish();
  if (done < steps) {
    progress.note(`Stopped after ${count(done, "step")} of ${steps}`);
    if (directory !== undefined) progress.note(goOn);
  }
  progress.note(
    `Trained ${count(done - first, "step")} in ${
      formatDuration(performance.now() - begin)
    }`,
  );
  if (directory !== undefined) {
    const save = run.saveModel ??
      (() => directory.saveModel(task.device, task.model));
    progress.note(`Wrote ${await save()}`);
  }
}

async function reportProfile<Batch extends TrainingBatch>(
  { directory, progress }: TrainingRun<Batch>,
  { first, last, profile }: StepsProfile,
): Promise<void> {
  progress.note(`Profile of a step, the mean of steps ${first} to ${last}:`);
  progress.note(formatProfile(profile, last - first + 1));
  if (directory === undefined) return;
  const path = join(directory.path, "trace.json");
  await writeText(path, JSON.stringify(traceOf(profile)) + "\n");
  progress.note(`Wrote ${path}`);
}

/**
 * A number with what it counts.
 *
 * @param n The number.
 * @param one What one is called.
 * @param many What others are called.
 * @returns For instance `1,000 steps`.
 */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/**
 * A part of a whole.
 *
 * @param part From 0 to 1.
 * @returns For instance `12.5 %`.
 */
export function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
