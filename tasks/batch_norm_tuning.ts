/**
 * Batch norm tuning: running statistics anew from some training images.
 *
 * @module
 */

import { type Layer, retuneBatchNorm } from "@cram/models";
import type { Tensor } from "@cram/tensor";
import { setImmediate } from "node:timers/promises";
import { type ImageDataset, sampleImages } from "./data/dataset.ts";
import { ImageLoader, type ImageLoaderOptions } from "./data/loader.ts";
import type { ImageNormalizer } from "./data/normalization.ts";
import { calibrationRandom, calibrationSeed } from "./data/random_streams.ts";
import type { Tuning } from "./one_shot.ts";

/** As in the code of the CrAM paper: of the initial statistics 0.9¹⁰⁰ is left. */
const BATCHES = 100;

/** What {@linkcode BatchNormTuning} needs. */
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
  /** Ends the tuning early. */
  readonly signal?: AbortSignal;
}

/**
 * Resets running statistics and moves them by batches of a random sample of
 * the training images, as often over as that takes. Weights stay as they are,
 * and nothing is recorded for gradients. (Peste et al., ICLR 2023, and its
 * code: 1,000 images, 100 batches, 10 draws.)
 */
export class BatchNormTuning implements Tuning, Disposable {
  /** How many samples are drawn. */
  readonly draws: number;
  readonly #options: BatchNormTuningOptions;
  /** The loader of the latest draw: its workers take time to start. */
  #open: { readonly draw: number; readonly loader: ImageLoader } | undefined;

  /**
   * Starts nothing yet.
   *
   * @param options Model and images.
   */
  constructor(options: BatchNormTuningOptions) {
    this.draws = options.draws ?? 1;
    this.#options = options;
  }

  /**
   * Tunes the model in place.
   *
   * @param draw Which sample is taken, from 0; it is the same one each time.
   * @throws {ArgumentError} If the model has no batch normalization.
   * @throws {DataError} If images cannot be read.
   */
  async tune(draw: number): Promise<void> {
    if (this.#open?.draw !== draw) {
      this[Symbol.dispose]();
      this.#open = { draw, loader: this.#load(draw) };
    }
    const { model } = this.#options;
    await retuneBatchNorm(model, imagesOf(this.#open.loader, this.#options));
  }

  /** Stops the workers. */
  [Symbol.dispose](): void {
    this.#open?.loader[Symbol.dispose]();
    this.#open = undefined;
  }

  #load(draw: number): ImageLoader {
    const { dataset, images, loading } = this.#options;
    const random = calibrationRandom(loading.seed, draw);
    return new ImageLoader(sampleImages(dataset, images, random), {
      ...loading,
      seed: calibrationSeed(loading.seed, draw),
      shuffle: true,
    });
  }
}

async function* imagesOf(
  loader: ImageLoader,
  { normalizer, signal, batches = BATCHES }: BatchNormTuningOptions,
): AsyncGenerator<Tensor> {
  for await (const batch of loader.batches(0, batches)) {
    if (signal?.aborted) return;
    if (batch.size === 0) continue;
    using images = normalizer.images(batch);
    yield images;
    // Kernels of the cpu device hold this thread up; signals must still arrive.
    await setImmediate();
  }
}
