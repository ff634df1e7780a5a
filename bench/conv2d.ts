/**
 * Convolutions of ResNet50's shapes: forward, and both gradients.
 *
 * @module
 */

import { conv2d, randomUniform } from "@cram/tensor";
import { conv2dBackwardInput, conv2dBackwardWeight } from "@cram/tensor/backward";
import type { Benchmark } from "./_benchmark.ts";

interface Layer {
  readonly name: string;
  readonly batch: number;
  readonly size: number;
  readonly channels: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
}

const LAYERS: readonly Layer[] = [
  { name: "7x7s2/3x224x224/b8", batch: 8, size: 224, channels: 3, outChannels: 64, kernel: 7, stride: 2 },
  { name: "3x3/64x56x56/b8", batch: 8, size: 56, channels: 64, outChannels: 64, kernel: 3, stride: 1 },
  { name: "3x3s2/128x56x56/b8", batch: 8, size: 56, channels: 128, outChannels: 128, kernel: 3, stride: 2 },
  { name: "3x3/512x7x7/b8", batch: 8, size: 7, channels: 512, outChannels: 512, kernel: 3, stride: 1 },
  { name: "1x1/64-256x56x56/b8", batch: 8, size: 56, channels: 64, outChannels: 256, kernel: 1, stride: 1 },
  { name: "1x1/1024-256x14x14/b8", batch: 8, size: 14, channels: 1024, outChannels: 256, kernel: 1, stride: 1 },
];

function directions(layer: Layer): Benchmark[] {
  const { batch, size, channels, outChannels, kernel, stride } = layer;
  const padding = kernel >> 1;
  const outSize = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const xShape = [batch, size, size, channels];
  const weightShape = [kernel, kernel, channels, outChannels];
  const outShape = [batch, outSize, outSize, outChannels];
  const options = { stride, padding };
  const flops = 2 * batch * outSize * outSize * outChannels * kernel * kernel *
    channels;
  return [
    {
      name: `conv2d/${layer.name}/forward`,
      flops,
      prepare(device) {
        const x = randomUniform(device, xShape, { seed: 1n });
        const weight = randomUniform(device, weightShape, { seed: 2n });
        return () => void conv2d(x, weight, options);
      },
    },
    {
      name: `conv2d/${layer.name}/backward-input`,
      flops,
      prepare(device) {
        const dy = randomUniform(device, outShape, { seed: 1n });
        const weight = randomUniform(device, weightShape, { seed: 2n });
        return () => void conv2dBackwardInput(dy, weight, xShape, options);
      },
    },
    {
      name: `conv2d/${layer.name}/backward-weight`,
      flops,
      prepare(device) {
        const x = randomUniform(device, xShape, { seed: 1n });
        const dy = randomUniform(device, outShape, { seed: 2n });
        return () => void conv2dBackwardWeight(x, dy, weightShape, options);
      },
    },
  ];
}

/** Every layer in three directions. */
export const conv2dBenchmarks: readonly Benchmark[] = LAYERS.flatMap(
  directions,
);
