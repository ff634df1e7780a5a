/**
 * The data set and the network of the tutorial.
 *
 * @module
 */

import { Conv2d, Layer, Linear, type Members } from "@cram/models";
import {
  add,
  type Device,
  gather,
  globalAveragePool2d,
  mul,
  randomNormal,
  RandomSource,
  randomUniform,
  relu,
  reshape,
  sin,
  type Tensor,
  tensor,
} from "@cram/tensor";

/** How many directions there are, and so how many classes. */
const CLASSES = 8;

const SIZE = 8;

/** Pictures `[N, 8, 8, 1]` of waves, with the numbers of their directions, `int32 [N]`. */
export interface Gratings {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/**
 * Draws noisy waves in eight directions, each beginning anywhere.
 *
 * @param device Where they live.
 * @param count How many pictures.
 * @param seed What the draws come from.
 * @returns Pictures and directions, which belong to the open scope.
 */
export function gratings(
  device: Device,
  count: number,
  seed: bigint,
): Gratings {
  const random = new RandomSource(seed);
  const directions = Int32Array.from({ length: count }, (_, i) => i % CLASSES);
  const waves = Float32Array.from({ length: CLASSES * SIZE * SIZE }, (_, i) => {
    const angle = Math.PI * Math.floor(i / SIZE ** 2) / CLASSES;
    const [y, x] = [Math.floor(i / SIZE) % SIZE, i % SIZE];
    return 1.5 * (x * Math.cos(angle) + y * Math.sin(angle));
  });
  const labels = tensor(device, directions);
  const phases = randomUniform(device, [count, 1, 1, 1], {
    ...random.next(),
    high: 2 * Math.PI,
  });
  const noise = randomNormal(device, [count, SIZE, SIZE, 1], random.next());
  const angles = gather(
    tensor(device, waves, { shape: [CLASSES, SIZE, SIZE, 1] }),
    labels,
  );
  return { images: add(sin(add(angles, phases)), mul(noise, 0.5)), labels };
}

/** Two convolutions, the mean over the picture, and a linear layer. */
export class GratingNet extends Layer {
  readonly #conv1: Conv2d;
  readonly #conv2: Conv2d;
  readonly #fc: Linear;

  constructor(device: Device, seed: bigint) {
    super();
    const random = new RandomSource(seed);
    this.#conv1 = new Conv2d(device, {
      inChannels: 1,
      outChannels: 16,
      kernelSize: 3,
      bias: true,
    }, random);
    this.#conv2 = new Conv2d(device, {
      inChannels: 16,
      outChannels: 32,
      kernelSize: 3,
      bias: true,
    }, random);
    this.#fc = new Linear(
      device,
      { inFeatures: 32, outFeatures: CLASSES },
      random,
    );
  }

  override members(): Members {
    return { conv1: this.#conv1, conv2: this.#conv2, fc: this.#fc };
  }

  /** Maps pictures `[N, 8, 8, 1]` to logits `[N, 8]`. */
  override forward(images: Tensor): Tensor {
    let x = relu(this.#conv1.forward(images));
    x = relu(this.#conv2.forward(x));
    x = globalAveragePool2d(x);
    return this.#fc.forward(reshape(x, [x.shape[0], 32]));
  }
}
