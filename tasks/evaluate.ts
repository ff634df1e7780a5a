/**
 * Measuring image classifiers.
 *
 * @module
 */

import { EVALUATION, type Layer, type Precision } from "@cram/models";
import { type Device, softmaxCrossEntropy, tensor, zeros } from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";
import { setImmediate } from "node:timers/promises";
import { countHits, countTopHits } from "./classification.ts";
import type { ImageLoader } from "./data/loader.ts";
import type { ImageNormalizer } from "./data/normalization.ts";
import type { Metrics } from "./one_shot.ts";
import { StepMeter } from "./step_meter.ts";

/** What an evaluation needs. */
export interface EvaluationOptions {
  /** Where the model lives. */
  readonly device: Device;
  /** Maps images `[N, H, W, 3]` to logits `[N, classes]`. */
  readonly model: Layer;
  /** Where the images come from; its first epoch is used. */
  readonly loader: ImageLoader;
  /** How they are normalized. */
  readonly normalizer: ImageNormalizer;
  /** What is computed with. Default: `float32`. */
  readonly precision?: Precision;
  /** Ends the evaluation early; its result is then that of the images so far. */
  readonly signal?: AbortSignal;
  /** Told behind each batch. */
  readonly onBatch?: () => void;
}

/** How good a classifier is. */
export interface ClassifierEvaluation extends Metrics {
  /** The part of the images that were classified rightly. */
  readonly accuracy: number;
  /** Their mean cross-entropy. */
  readonly loss: number;
}

/** Among how many classes of highest score the right one must be for `top5Accuracy`. */
const TOP = 5;

/**
 * Measures a classifier on all images of a loader.
 *
 * @param options Model and data.
 * @returns Accuracy and loss, and of more than five classes `top5Accuracy`.
 * @throws {DataError} If images cannot be read.
 */
export async function evaluateClassifier(
  options: EvaluationOptions,
): Promise<ClassifierEvaluation> {
  const { device, model, loader, normalizer, precision, signal } = options;
  using meter = new StepMeter(device, loader.stepsPerEpoch);
  using topHits = zeros(device, []);
  const sizes: number[] = [];
  let classes = 0;
  for await (const batch of loader.batches(0, loader.stepsPerEpoch)) {
    if (signal?.aborted) break;
    if (batch.size === 0) continue;
    using _scope = device.scope();
    const labels = tensor(device, batch.labels);
    const logits = model.forward(normalizer.images(batch), {
      ...EVALUATION,
      precision,
    });
    meter.recordHits(countHits(logits, labels));
    classes = logits.shape[1];
    if (classes > TOP) addInPlace(topHits, countTopHits(logits, labels, TOP));
    meter.recordLoss(softmaxCrossEntropy(logits, labels), batch.size);
    sizes.push(batch.size);
    // Kernels of the cpu device hold this thread up; signals must still arrive.
    await setImmediate();
    options.onBatch?.();
  }
  const { examples: images } = meter;
  const { losses, accuracy } = await meter.read();
  const total = losses.reduce((sum, loss, i) => sum + loss * sizes[i], 0);
  return {
    accuracy,
    ...classes > TOP ? { top5Accuracy: await topHits.item() / images } : {},
    loss: total / images,
  };
}
