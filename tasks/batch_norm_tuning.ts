/**
 * Batch norm tuning: running statistics anew from some training images.
 *
 * @module
 */

import { type Layer, type Precision, retuneBatchNorm } from "@cram/models";
import type { Tensor } from "@cram/tensor";
import { setImmediate } from "node:timers/promises";
import { type ImageDataset, sampleImages } from "./data/dataset.ts";
import { ImageLoader, type ImageLoaderOptions } from "./data/loader.ts";
import type { ImageNormalizer } from "./data/normalization.ts";
import { calibrationRandom, calibrationSeed } from "./data/random_streams.ts";
import type { StatisticsTuning } from "./one_shot.ts";

/** How many batches move running statistics, as in the code of the CrAM paper: of the initial statistics 0.9¹⁰⁰ is left. */
export const TUNING_BATCHES = 100;

/** What {@linkcode batchNormTuning} needs. */
export interface BatchNormTuningOptions {
  /** Maps images `[N, H, W, 3]` to logits; has batch normalization. */
  readonly model: Layer;
  /** The training images, of which samples are drawn. */
  readonly dataset: ImageDataset;
  /** How they are loaded: with the augmentation of the training, and the seed of all draws. */
  readonly loading: ImageLoaderOptions;
  /** How they are normalized. */
  readonly normalizer: ImageNormalizer;
  /** How many images a sample has. */
  readonly images: number;
  /** How many batches move the running statistics. Default: 100. */
  readonly batches?: number;
  /** How many samples are drawn. Default: 1. */
  readonly draws?: number;
  /** What is computed with. Default: `float32`. */
  readonly precision?: Precision;
  /** Ends the tuning early. */
  readonly signal?: AbortSignal;
  /** Told behind each batch. */
  readonly onBatch?: () => void;
}

/**
 * Resets running statistics and moves them by batches of a random sample of
 * the training images, as often over as that takes. Weights stay as they are,
 * and nothing is recorded for gradients. (Peste et al., ICLR 2023, and its
 * code: 1,000 images, 100 batches, 10 draws.)
 *
 * @param options Model and images.
 * @returns What `evaluateOneShot()` takes. It throws an `ArgumentError` if the model has no batch normalization, and a `DataError` if images cannot be read.
 */
export function batchNormTuning(
  options: BatchNormTuningOptions,
): StatisticsTuning {
  const { model, dataset, images, loading, draws = 1 } = options;
  const { seed } = loading;
  return {
    draws,
    async tune(draw) {
      const random = calibrationRandom(seed, draw);
      using loader = new ImageLoader(sampleImages(dataset, images, random), {
        ...loading,
        seed: calibrationSeed(seed, draw),
        shuffle: true,
      });
      await retuneBatchNorm(model, imagesOf(loader, options), options);
    },
  };
}

async function* imagesOf(
  loader: ImageLoader,
  options: BatchNormTuningOptions,
): AsyncGenerator<Tensor> {
  const { normalizer, signal, batches = TUNING_BATCHES } = options;
  for await (const batch of loader.batches(0, batches)) {
    if (signal?.aborted) return;
    if (batch.size === 0) continue;
    using images = normalizer.images(batch);
    yield images;
    // Kernels of the cpu device hold this thread up; signals must still arrive.
    await setImmediate();
    options.onBatch?.();
  }
}
