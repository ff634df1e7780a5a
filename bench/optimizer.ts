/**
 * What an optimizer does around the passes through a network, over the
 * parameters of ResNet50.
 *
 * @module
 */

import { type Device, randomNormal, type Tensor, zeros } from "@cram/tensor";
import { adamStep, magnitudeThresholds, sgdStep } from "@cram/tensor/flat";
import type { Benchmark } from "./_benchmark.ts";

/** The parameters of ResNet50 with 1000 classes. */
const PARAMETERS = 25_557_032;

/** Weights as training leaves them: the magnitudes are those of a normal distribution. */
function weights(device: Device, seed: bigint): Tensor {
  return randomNormal(device, [PARAMETERS], { seed, standardDeviation: 0.02 });
}

/** The exact threshold of Top-K at 50 % sparsity, and the updates of SGD and Adam. */
export const optimizerBenchmarks: readonly Benchmark[] = [
  {
    name: "topk/global/25.5M",
    prepare(device) {
      const parts = [{ x: weights(device, 1n), segment: 0, base: 0 }];
      const counts = [Math.ceil(PARAMETERS / 2)];
      return () => void magnitudeThresholds(parts, counts, { exact: true });
    },
  },
  {
    name: "optimizer/sgd/resnet50",
    prepare(device) {
      const tensors = {
        parameter: weights(device, 1n),
        gradient: weights(device, 2n),
        velocity: zeros(device, [PARAMETERS]),
      };
      return () =>
        sgdStep(tensors, {
          learningRate: 1e-6,
          momentum: 0.9,
          dampening: 0,
          nesterov: false,
          weightDecay: 1e-4,
          first: false,
        });
    },
  },
  {
    name: "optimizer/adam/resnet50",
    prepare(device) {
      const tensors = {
        parameter: weights(device, 1n),
        gradient: weights(device, 2n),
        mean: zeros(device, [PARAMETERS]),
        square: zeros(device, [PARAMETERS]),
      };
      return () =>
        adamStep(tensors, {
          learningRate: 1e-6,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: 0,
          decoupled: false,
          step: 1000,
        });
    },
  },
];
