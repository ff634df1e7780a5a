/**
 * Batches of images, as they are asked for.
 *
 * @module
 */

import { augmentationRandom, type ImageBatch, orderRandom } from "@cram/tasks";
import type { LabelledImages } from "../image_set.ts";

/** How far images are shifted at most, as a part of their size. */
const SHIFT = 1 / 8;

/** What lies around images. */
const WHITE = 255;

/** The training images in random order, shifted and mirrored at random: a batch is a function of seed and step alone, so that all networks see the same ones. */
export class Batches {
  /** How many batches an epoch has; the last images of an order that fill none are left out. */
  readonly stepsPerEpoch: number;
  readonly #images: LabelledImages;
  readonly #size: number;
  readonly #batchSize: number;
  readonly #seed: bigint;
  readonly #orders = new Map<number, Uint32Array>();

  /**
   * @param images The images.
   * @param size Their height and width.
   * @param batchSize How many a batch has; fewer if there are not so many.
   * @param seed What order, shifts and mirrors come from.
   */
  constructor(
    images: LabelledImages,
    size: number,
    batchSize: number,
    seed: bigint,
  ) {
    this.#images = images;
    this.#size = size;
    this.#batchSize = Math.min(batchSize, images.labels.length);
    this.#seed = seed;
    this.stepsPerEpoch = Math.floor(images.labels.length / this.#batchSize);
  }

  /** The batch of a step; steps count through all epochs. */
  at(step: number): ImageBatch {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const first = (step % this.stepsPerEpoch) * this.#batchSize;
    const examples = this.#order(epoch)
      .subarray(first, first + this.#batchSize);
    const imageBytes = this.#size ** 2 * 3;
    const pixels = new Uint8Array(examples.length * imageBytes).fill(WHITE);
    examples.forEach((example, i) => {
      this.#draw(
        example,
        epoch,
        pixels.subarray(i * imageBytes, (i + 1) * imageBytes),
      );
    });
    return {
      step,
      epoch,
      size: examples.length,
      imageSize: this.#size,
      pixels,
      labels: Int32Array.from(
        examples,
        (example) => this.#images.labels[example],
      ),
    };
  }

  #order(epoch: number): Uint32Array {
    let order = this.#orders.get(epoch);
    if (order === undefined) {
      order = orderRandom(this.#seed, epoch)
        .permutation(this.#images.labels.length);
      this.#orders.set(epoch, order);
    }
    return order;
  }

  /** Copies an image, shifted and perhaps mirrored. */
  #draw(example: number, epoch: number, target: Uint8Array): void {
    const size = this.#size;
    const random = augmentationRandom(this.#seed, epoch, example);
    const most = Math.round(size * SHIFT);
    const shift = (): number => random.integer(2 * most + 1) - most;
    const [left, top] = [shift(), shift()];
    const mirrored = random.uniform() < 0.5;
    const source = this.#images.pixels;
    for (let y = Math.max(0, -top); y < Math.min(size, size - top); y++) {
      for (let x = Math.max(0, -left); x < Math.min(size, size - left); x++) {
        const from = ((example * size + y + top) * size + x + left) * 3;
        const to = (y * size + (mirrored ? size - 1 - x : x)) * 3;
        for (let channel = 0; channel < 3; channel++) {
          target[to + channel] = source[from + channel];
        }
      }
    }
  }
}
