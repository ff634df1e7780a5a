/**
 * Whole training steps: forward, backward and update.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { topK } from "@cram/compress";
import {
  PERTURBED,
  type ResNet,
  resnet20,
  resnet50,
  TRAINING,
} from "@cram/models";
import { cramPlus, type OptimizerRule, sgd } from "@cram/optim";
import {
  type Device,
  randomNormal,
  softmaxCrossEntropy,
  tensor,
} from "@cram/tensor";
import type { Benchmark } from "./_benchmark.ts";

function trainStep(
  name: string,
  make: (device: Device) => ResNet,
  batch: number,
  size: number,
  rule: OptimizerRule,
): Benchmark {
  return {
    name: `train-step/${name}`,
    prepare(device) {
      const model = make(device);
      const images = randomNormal(device, [batch, size, size, 3], { seed: 2n });
      const labels = tensor(
        device,
        Int32Array.from({ length: batch }, (_, i) => i % 10),
      );
      const parameters = model.parameters();
      const optimizer = rule.start(parameters);
      return () =>
        optimizer.step(
          ({ updateStatistics }) =>
            valueAndGrad(() =>
              softmaxCrossEntropy(
                model.forward(images, updateStatistics ? TRAINING : PERTURBED),
                labels,
              ), [...parameters.values()]),
          { learningRate: 1e-6 },
        );
    },
  };
}

const base = sgd({ momentum: 0.9, weightDecay: 1e-4 });
const multi = cramPlus({
  base,
  compressors: [topK(0.5), topK(0.7), topK(0.9)],
});
const large = (device: Device) => resnet50(device, { seed: 1n });
const small = (device: Device) => resnet20(device, { seed: 1n });

/** ResNet-50 as on ImageNet and ResNet-20 as on CIFAR-10. */
export const trainStepBenchmarks: readonly Benchmark[] = [
  trainStep("resnet50/b8/224/sgd", large, 8, 224, base),
  trainStep("resnet50/b8/224/cram-plus", large, 8, 224, multi),
  trainStep("resnet20/b128/32/sgd", small, 128, 32, base),
];
