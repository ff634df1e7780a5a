/**
 * The training loop of image classifiers.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  type ForwardContext,
  type Layer,
  PERTURBED,
  TRAINING,
} from "@cram/models";
import type { Optimizer, OptimizerRule, Schedule } from "@cram/optim";
import {
  type Device,
  mul,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { setImmediate } from "node:timers/promises";
import type { TrainingState } from "./checkpoint.ts";
import type { ImageBatch, ImageLoader } from "./data/loader.ts";
import type { ImageNormalizer } from "./data/normalization.ts";
import { DivergenceError } from "./errors.ts";
import { StepMeter } from "./step_meter.ts";

/** What a training needs. */
export interface TrainingOptions {
  /** Where the model lives. */
  readonly device: Device;
  /** Maps images `[N, H, W, 3]` to logits `[N, classes]`. */
  readonly model: Layer;
  /** How the parameters change. */
  readonly optimizer: OptimizerRule;
  /** The learning rate of each step. */
  readonly schedule: Schedule;
  /** Where the images come from. */
  readonly loader: ImageLoader;
  /** How they are normalized. */
  readonly normalizer: ImageNormalizer;
  /** How many steps to train. */
  readonly steps: number;
  /** In how many parts, one after the other, the gradient of a step is computed. Default: 1. */
  readonly accumulate?: number;
  /** After how many steps losses are read and reported. */
  readonly logEvery: number;
  /** Where the training is saved and goes on from. */
  readonly checkpoints?: CheckpointStore;
  /** Ends the training after the step that is going on. */
  readonly signal?: AbortSignal;
  /** Told after each step; the device may still be at work on it. */
  readonly onStep?: (step: number) => void;
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
  /** The part of their images that were classified rightly, before each step. */
  readonly accuracy: number;
  /** The learning rate of the last of them. */
  readonly learningRate: number;
  /** Images trained on in a second. */
  readonly imagesPerSecond: number;
}

/**
 * Trains a classifier by minimizing the cross-entropy. Nothing is read from
 * the device within a step; losses are read together every `logEvery` steps.
 * A step with fewer images than parts, because they are broken, is left out.
 *
 * With `checkpoints`, a training that was interrupted, at whatever moment,
 * comes to the same weights and reports on the same device as one that was not.
 *
 * @param options Model, data, optimizer and lengths.
 * @returns The number of steps that are done: fewer than asked for if `signal` ended the training.
 * @throws {DivergenceError} If a loss is not finite.
 * @throws {DataError} If images cannot be read.
 * @throws {StateError} If the state to go on from is that of another optimizer.
 * @throws {StateDictError} If it is that of another model.
 */
export async function trainClassifier(
  options: TrainingOptions,
): Promise<number> {
  const { device, model, schedule, loader, steps, signal } = options;
  const { accumulate = 1, checkpoints } = options;
  const parameters = model.parameters();
  using optimizer = options.optimizer.start(parameters, {
    microBatches: accumulate,
  });
  using meter = new StepMeter(device, options.logEvery);
  let done = await restore(options, optimizer, meter);
  const report = async (): Promise<void> => {
    const { losses, accuracy } = await meter.read();
    checkLosses(losses, done);
    const seconds = (performance.now() - begin) / 1000;
    await options.onReport?.({
      step: done,
      epoch: done / loader.stepsPerEpoch,
      loss: losses.reduce((a, b) => a + b, 0) / losses.length,
      accuracy,
      learningRate: schedule(done - 1),
      imagesPerSecond: images / seconds,
    });
    begin = performance.now();
    images = 0;
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
  let images = 0;
  for await (const batch of loader.batches(done, steps)) {
    const learningRate = schedule(batch.step);
    if (batch.size >= accumulate) {
      using _scope = device.scope();
      const parts = partsOf(batch, options);
      const loss = await optimizer.step(({ pass, microBatch }) => {
        const { images, labels, weight } = parts[microBatch];
        return valueAndGrad(() => {
          const logits = model.forward(images, contextOf(pass));
          if (pass === 1) meter.recordHits(logits, labels);
          const loss = softmaxCrossEntropy(logits, labels);
          return weight === 1 ? loss : mul(loss, weight);
        }, [...parameters.values()]);
      }, { learningRate });
      meter.recordLoss(loss, batch.size);
      images += batch.size;
    }
    done = batch.step + 1;
    options.onStep?.(done);
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

/** Brings everything to the state to go on from, if there is one; returns how many steps are done. */
async function restore(
  { device, model, checkpoints }: TrainingOptions,
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

/** What one part of a step is computed from. */
interface Part {
  readonly images: Tensor;
  readonly labels: Tensor;
  /** How many images it has, in proportion to the mean over parts. */
  readonly weight: number;
}

/** Cuts a batch into parts whose sizes differ by at most one. */
function partsOf(
  batch: ImageBatch,
  { device, normalizer, accumulate = 1 }: TrainingOptions,
): Part[] {
  const { size, pixels, labels } = batch;
  const imageBytes = pixels.length / size;
  return Array.from({ length: accumulate }, (_, i) => {
    const from = Math.floor(i * size / accumulate);
    const to = Math.floor((i + 1) * size / accumulate);
    return {
      images: normalizer.images({
        ...batch,
        size: to - from,
        pixels: pixels.subarray(from * imageBytes, to * imageBytes),
      }),
      labels: tensor(device, labels.subarray(from, to)),
      weight: (to - from) * accumulate / size,
    };
  });
}

function contextOf(pass: 1 | 2): ForwardContext {
  return pass === 1 ? TRAINING : PERTURBED;
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
