/**
 * The training loop, whatever is trained.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import type { Module } from "@cram/models";
import type {
  Optimizer,
  OptimizerOptions,
  OptimizerRule,
  Pass,
  Schedule,
} from "@cram/optim";
import { type Device, mul, type Tensor } from "@cram/tensor";
import { setImmediate } from "node:timers/promises";
import type { TrainingState } from "./checkpoint.ts";
import { DivergenceError } from "./errors.ts";
import { StepMeter } from "./step_meter.ts";

/** A model and its data, as the training loop sees them. */
export interface TrainingTask<Batch extends TrainingBatch = TrainingBatch> {
  /** Where the model lives. */
  readonly device: Device;
  /** What is trained. */
  readonly model: Module;
  /** How many batches an epoch has. */
  readonly stepsPerEpoch: number;
  /**
   * Makes the batches of a range of steps, which count through all epochs. A
   * batch is a function of its step alone, so that a training can go on from any.
   *
   * @param from The first step.
   * @param to The step after the last one.
   * @returns The batches in the order of their steps.
   */
  batches(from: number, to: number): AsyncIterable<Batch>;
  /**
   * Brings a batch to the device, in parts of consecutive examples.
   *
   * @param batch The batch, which need not outlive this call.
   * @param sizes How many examples each part has: at least one.
   * @returns The parts; their tensors belong to the open scope.
   */
  parts(batch: Batch, sizes: readonly number[]): readonly TrainingPart[];
}

/** The examples of one step. */
export interface TrainingBatch {
  /** Which step it is for. */
  readonly step: number;
  /** How many examples there are. */
  readonly size: number;
}

/** Examples of a step whose gradient is computed at once. */
export interface TrainingPart {
  /**
   * Applies the model and the loss, while a tape records.
   *
   * @param pass What the pass is for: whether running statistics move, and the stream of dropout.
   * @returns The loss and what else is measured; their tensors belong to the open scope.
   */
  forward(pass: Pass): TrainingOutputs;
}

/** What comes out of a forward pass. */
export interface TrainingOutputs {
  /** The mean loss over the examples, a scalar. */
  readonly loss: Tensor;
  /** Counts the examples that were answered rightly, a scalar; asked for in the first pass only. */
  readonly hits: () => Tensor;
}

/** How a task is trained. */
export interface TrainingOptions<Batch extends TrainingBatch = TrainingBatch> {
  /** What is trained, on what. */
  readonly task: TrainingTask<Batch>;
  /** How the parameters change. */
  readonly optimizer: OptimizerRule;
  /** Groups of parameters with settings of their own, clipping, and loss scaling. */
  readonly optimizerOptions?: Pick<
    OptimizerOptions,
    "groups" | "clip" | "lossScaling"
  >;
  /** The learning rate of each step. */
  readonly schedule: Schedule;
  /** How many steps to train. */
  readonly steps: number;
  /** In how many parts, one after the other, the gradient of a step is computed. Default: 1. */
  readonly accumulate?: number;
  /** After how many steps losses are read and reported. */
  readonly logEvery: number;
  /** Where the training is saved and goes on from. */
  readonly checkpoints?: CheckpointStore;
  /** Given the passes of a step, in all parts, before the first one is done: for instance to tune kernels for them. They change neither weights nor statistics. */
  readonly prepare?: (passes: () => void) => Promise<void>;
  /** Ends the training after the step that is going on. */
  readonly signal?: AbortSignal;
  /** Told after each step, and waited for; the device may still be at work on it. */
  readonly onStep?: (step: number) => void | Promise<void>;
  /** Told of losses every `logEvery` steps, and after the last one. */
  readonly onReport?: (report: TrainingReport) => void | Promise<void>;
}

/** Where states of a training are kept. */
export interface CheckpointStore {
  /** After how many steps a state is saved; also at the end. */
  readonly every: number;
  /** Finds the state to go on from, if there is one; its tensors belong to the open scope. */
  load(): Promise<TrainingState | undefined>;
  /** Saves a state, whose tensors stay as they are until that is done. */
  save(state: TrainingState): Promise<void>;
}

/** What happened in the steps since the last report. */
export interface TrainingReport {
  /** How many steps are done. */
  readonly step: number;
  /** How many epochs are done, in parts of one. */
  readonly epoch: number;
  /** The mean loss of these steps. */
  readonly loss: number;
  /** The part of their examples that were answered rightly, before each step. */
  readonly accuracy: number;
  /** The learning rate of the last of them. */
  readonly learningRate: number;
  /** The mean over these steps of the sparsity that the optimizer asked for: by CrAM at its perturbed point, by gradual pruning in the weights. */
  readonly sparsity: number;
  /** Examples trained on in a second. */
  readonly examplesPerSecond: number;
  /** With loss scaling, what the loss of the next step is multiplied by. */
  readonly lossScale?: number;
  /** With loss scaling, how many steps of the whole training were left out because a gradient was not finite. */
  readonly skippedSteps?: number;
}

/**
 * Trains a model by minimizing a loss. Nothing is read from the device within
 * a step; losses are read together every `logEvery` steps. A step with fewer
 * examples than parts, because they are broken, is left out.
 *
 * With `checkpoints`, a training that was interrupted, at whatever moment,
 * comes to the same weights and reports on the same device as one that was not.
 *
 * @param options Task, optimizer and lengths.
 * @returns The number of steps that are done: fewer than asked for if `signal` ended the training.
 * @throws {DivergenceError} If a loss is not finite.
 * @throws {DataError} If examples cannot be read.
 * @throws {StateError} If the state to go on from is that of another optimizer.
 * @throws {StateDictError} If it is that of another model.
 */
export async function train<Batch extends TrainingBatch>(
  options: TrainingOptions<Batch>,
): Promise<number> {
  const { task, schedule, steps, signal, accumulate = 1, checkpoints } =
    options;
  const { device, model } = task;
  const parameters = model.parameters();
  using optimizer = options.optimizer.start(parameters, {
    ...options.optimizerOptions,
    microBatches: accumulate,
  });
  using meter = new StepMeter(device, options.logEvery);
  let done = await restore(options, optimizer, meter);
  const report = async (): Promise<void> => {
    const [{ losses, accuracy, sparsity }, scaling] = await Promise.all([
      meter.read(),
      readLossScale(optimizer),
    ]);
    checkLosses(losses, done);
    const seconds = (performance.now() - begin) / 1000;
    await options.onReport?.({
      step: done,
      epoch: done / task.stepsPerEpoch,
      loss: losses.reduce((a, b) => a + b, 0) / losses.length,
      accuracy,
      learningRate: schedule(done - 1),
      sparsity,
      examplesPerSecond: examples / seconds,
      ...scaling,
    });
    begin = performance.now();
    examples = 0;
  };
  const save = async (store: CheckpointStore): Promise<void> => {
    const state = await meter.state();
    // Nobody wants to go on from weights that are no numbers.
    checkLosses(state.losses, done);
    await store.save({
      step: done,
      model: model.stateDict(),
      optimizer: optimizer.state(),
      meter: state,
    });
  };
  let begin = performance.now();
  let examples = 0;
  let { prepare } = options;
  for await (const batch of task.batches(done, steps)) {
    const learningRate = schedule(batch.step);
    if (batch.size >= accumulate) {
      using _scope = device.scope();
      const sizes = partSizes(batch.size, accumulate);
      const parts = task.parts(batch, sizes);
      const evaluate = (pass: Pass) =>
        valueAndGrad(
          () => {
            const { microBatch } = pass;
            const { loss, hits } = parts[microBatch].forward(pass);
            if (pass.pass === 1) meter.recordHits(hits());
            // The optimizer takes the mean over parts, the step that over examples.
            const weight = sizes[microBatch] * accumulate / batch.size;
            return weight === 1 ? loss : mul(loss, weight);
          },
          [...parameters.values()],
          { seed: pass.lossScale },
        );
      if (prepare !== undefined) {
        const paused = performance.now();
        await prepare(() => {
          for (const microBatch of parts.keys()) {
            evaluate({ ...REHEARSAL, microBatch });
          }
        });
        prepare = undefined;
        begin += performance.now() - paused;
      }
      const loss = await optimizer.step(evaluate, { learningRate });
      meter.recordLoss(loss, batch.size, optimizer.sparsity);
      examples += batch.size;
    }
    done = batch.step + 1;
    await options.onStep?.(done);
    // Kernels of the cpu device hold this thread up; signals must still arrive.
    await setImmediate();
    const isLast = done === steps || signal?.aborted === true;
    if (meter.steps > 0 && (done % options.logEvery === 0 || done === steps)) {
      await report();
    }
    if (
      checkpoints !== undefined && (done % checkpoints.every === 0 || isLast)
    ) {
      await save(checkpoints);
    }
    if (isLast) {
      // A report out of turn, which a training that goes on will take back.
      if (meter.steps > 0) await report();
      break;
    }
  }
  return done;
}

/** A pass that leaves running statistics and counts as they are. */
const REHEARSAL = { pass: 2, updateStatistics: false, stream: 0n } as const;

/** Brings everything to the state to go on from, if there is one; returns how many steps are done. */
async function restore(
  { task: { device, model }, checkpoints }: Pick<
    TrainingOptions,
    "task" | "checkpoints"
  >,
  optimizer: Optimizer,
  meter: StepMeter,
): Promise<number> {
  using _scope = device.scope();
  const state = await checkpoints?.load();
  if (state === undefined) return 0;
  model.loadStateDict(state.model);
  optimizer.load(state.optimizer);
  meter.restore(state.meter);
  return state.step;
}

/** Where loss scaling stands, for a report. */
async function readLossScale(
  { lossScale }: Optimizer,
): Promise<Pick<TrainingReport, "lossScale" | "skippedSteps">> {
  if (lossScale === undefined) return {};
  const { scale, skipped } = lossScale;
  const [value, skippedSteps] = await Promise.all([
    scale.item(),
    skipped.item(),
  ]);
  return { lossScale: value, skippedSteps };
}

/** The sizes of parts, which differ by at most one. */
function partSizes(size: number, parts: number): number[] {
  const end = (part: number): number => Math.floor(part * size / parts);
  return Array.from({ length: parts }, (_, i) => end(i + 1) - end(i));
}

function checkLosses(losses: readonly number[], done: number): void {
  const index = losses.findIndex((loss) => !Number.isFinite(loss));
  if (index >= 0) {
    throw new DivergenceError(
      `Cannot go on training: the loss became ${losses[index]} in step ${
        done - losses.length + index + 1
      }; a lower learning rate may help`,
    );
  }
}
