/**
 * Convolutions of ResNet50's shapes: forward, and both gradients.
 *
 * @module
 */

import { conv2d, randomUniform } from "@cram/tensor";
import {
  conv2dBackwardInput,
  conv2dBackwardWeight,
} from "@cram/tensor/backward";
import type { ConvGeometry } from "@cram/tensor/backend";
import type { Benchmark } from "./_benchmark.ts";

/** Name, batch, size, channels, output channels, kernel, stride. */
type Layer = readonly [string, number, number, number, number, number, number];

const LAYERS: readonly Layer[] = [
  ["7x7s2/3x224x224/b8", 8, 224, 3, 64, 7, 2],
  ["3x3/64x56x56/b8", 8, 56, 64, 64, 3, 1],
  ["3x3s2/128x56x56/b8", 8, 56, 128, 128, 3, 2],
  ["3x3/512x7x7/b8", 8, 7, 512, 512, 3, 1],
  ["1x1/64-256x56x56/b8", 8, 56, 64, 256, 1, 1],
  ["1x1/1024-256x14x14/b8", 8, 14, 1024, 256, 1, 1],
];

function directions(layer: Layer): Benchmark[] {
  const [title, batch, size, channels, outChannels, kernel, stride] = layer;
  const padding = kernel >> 1;
  const outSize = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const geometry: ConvGeometry = {
    batch,
    height: size,
    width: size,
    channels,
    kernelHeight: kernel,
    kernelWidth: kernel,
    outHeight: outSize,
    outWidth: outSize,
    outChannels,
    strideHeight: stride,
    strideWidth: stride,
    padTop: padding,
    padLeft: padding,
    dilationHeight: 1,
    dilationWidth: 1,
    groups: 1,
  };
  const xShape = [batch, size, size, channels];
  const weightShape = [kernel, kernel, channels, outChannels];
  const outShape = [batch, outSize, outSize, outChannels];
  const flops = 2 * batch * outSize * outSize * outChannels * kernel * kernel *
    channels;
  return [
    {
      name: `conv2d/${title}/forward`,
      flops,
      prepare(device) {
        const x = randomUniform(device, xShape, { seed: 1n });
        const weight = randomUniform(device, weightShape, { seed: 2n });
        return () => void conv2d(x, weight, { stride, padding });
      },
    },
    {
      name: `conv2d/${title}/backward-input`,
      flops,
      prepare(device) {
        const dy = randomUniform(device, outShape, { seed: 1n });
        const weight = randomUniform(device, weightShape, { seed: 2n });
        return () => void conv2dBackwardInput(dy, weight, geometry);
      },
    },
    {
      name: `conv2d/${title}/backward-weight`,
      flops,
      prepare(device) {
        const x = randomUniform(device, xShape, { seed: 1n });
        const dy = randomUniform(device, outShape, { seed: 2n });
        return () => void conv2dBackwardWeight(x, dy, geometry);
      },
    },
  ];
}

/** Every layer in three directions. */
export const conv2dBenchmarks: readonly Benchmark[] = LAYERS.flatMap(
  directions,
);
