/**
 * Measuring image classifiers.
 *
 * @module
 */

import { EVALUATION, type Layer } from "@cram/models";
import { type Device, softmaxCrossEntropy, tensor } from "@cram/tensor";
import { setImmediate } from "node:timers/promises";
import { countHits } from "./classification.ts";
import type { ImageLoader } from "./data/loader.ts";
import type { ImageNormalizer } from "./data/normalization.ts";
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
  /** Ends the evaluation early; its result is then that of the images so far. */
  readonly signal?: AbortSignal;
}

/** How good a classifier is. */
export interface ClassifierEvaluation {
  /** How many images were looked at. */
  readonly images: number;
  /** The part of them that were classified rightly. */
  readonly accuracy: number;
  /** Their mean cross-entropy. */
  readonly loss: number;
}

/**
 * Measures a classifier on all images of a loader.
 *
 * @param options Model and data.
 * @returns Accuracy and loss.
 * @throws {DataError} If images cannot be read.
 */
export async function evaluateClassifier(
  options: EvaluationOptions,
): Promise<ClassifierEvaluation> {
  const { device, model, loader, normalizer, signal } = options;
  using meter = new StepMeter(device, loader.stepsPerEpoch);
  const sizes: number[] = [];
  for await (const batch of loader.batches(0, loader.stepsPerEpoch)) {
    if (signal?.aborted) break;
    if (batch.size === 0) continue;
    using _scope = device.scope();
    const labels = tensor(device, batch.labels);
    const logits = model.forward(normalizer.images(batch), EVALUATION);
    meter.recordHits(countHits(logits, labels));
    meter.recordLoss(softmaxCrossEntropy(logits, labels), batch.size);
    sizes.push(batch.size);
    // Kernels of the cpu device hold this thread up; signals must still arrive.
    await setImmediate();
  }
  const { examples: images } = meter;
  const { losses, accuracy } = await meter.read();
  const total = losses.reduce((sum, loss, i) => sum + loss * sizes[i], 0);
  return { images, accuracy, loss: total / images };
}
