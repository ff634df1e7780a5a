/**
 * From bytes to what networks take: images with mean 0 and deviation 1.
 *
 * @module
 */

import { cast, type Device, mul, sub, type Tensor, tensor } from "@cram/tensor";
import type { ImageBatch } from "./loader.ts";
import type { Recipe } from "./augment.ts";

/** Mean and deviation of the channels red, green and blue, in units of the range of bytes. */
interface ChannelStatistics {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

const STATISTICS: Readonly<Record<Recipe, ChannelStatistics>> = {
  imagenet: {
    mean: [0.485, 0.456, 0.406],
    deviation: [0.229, 0.224, 0.225],
  },
  cifar: {
    mean: [0.4914, 0.4822, 0.4465],
    deviation: [0.2023, 0.1994, 0.2010],
  },
};

/** Brings batches to a device, as bytes, and normalizes them there. */
export class ImageNormalizer implements Disposable {
  readonly #device: Device;
  readonly #scale: Tensor;
  readonly #shift: Tensor;

  /**
   * Prepares for a device.
   *
   * @param device Where the images go.
   * @param recipe Whose mean and deviation are used.
   */
  constructor(device: Device, recipe: Recipe) {
    const { mean, deviation } = STATISTICS[recipe];
    this.#device = device;
    this.#scale = tensor(device, deviation.map((d) => 1 / (255 * d)));
    this.#shift = tensor(device, deviation.map((d, i) => mean[i] / d));
  }

  /**
   * Uploads the images of a batch.
   *
   * @param batch The batch.
   * @returns `float32 [N, imageSize, imageSize, 3]`, which belongs to the open scope.
   */
  images({ pixels, size, imageSize }: ImageBatch): Tensor {
    using bytes = tensor(this.#device, pixels, {
      shape: [size, imageSize, imageSize, 3],
    });
    using numbers = cast(bytes, "float32");
    using scaled = mul(numbers, this.#scale);
    return sub(scaled, this.#shift);
  }

  /** Frees what it holds on the device. */
  [Symbol.dispose](): void {
    this.#scale.dispose();
    this.#shift.dispose();
  }
}
