/**
 * What optimizers do around the passes through a network, over the parameters
 * of ResNet-50: whole steps with gradients that are there already.
 *
 * @module
 */

import { topK } from "@cram/compress";
import { resnet50 } from "@cram/models";
import { adam, cramPlus, type OptimizerRule, sam, sgd } from "@cram/optim";
import { randomNormal, tensor } from "@cram/tensor";
import { magnitudeThresholds } from "@cram/tensor/flat";
import type { Benchmark } from "./_benchmark.ts";

/** The weights that CrAM prunes in ResNet-50 with 1000 classes. */
const PRUNABLE = 25_502_912;

function step(name: string, rule: OptimizerRule): Benchmark {
  return {
    name: `optimizer/${name}/resnet50`,
    prepare(device) {
      const parameters = resnet50(device, { seed: 1n }).parameters();
      const gradients = Array.from(
        parameters.values(),
        ({ shape }, i) =>
          randomNormal(device, shape, {
            seed: BigInt(i),
            standardDeviation: 0.01,
          }),
      );
      const optimizer = rule.start(parameters);
      return () =>
        optimizer.step(() => ({
          value: tensor(device, 0),
          gradients: gradients.map((gradient) => gradient.alias()),
        }), { learningRate: 1e-6 });
    },
  };
}

const base = sgd({ momentum: 0.9, weightDecay: 1e-4 });

/** The exact threshold of Top-K, and whole steps. */
export const optimizerBenchmarks: readonly Benchmark[] = [
  {
    name: "topk/global/25.5M",
    prepare(device) {
      // Magnitudes as training leaves them: those of a normal distribution.
      const x = randomNormal(device, [PRUNABLE], {
        seed: 1n,
        standardDeviation: 0.02,
      });
      const parts = [{ x, segment: 0, base: 0 }];
      return () => void magnitudeThresholds(parts, [Math.ceil(PRUNABLE * 0.3)]);
    },
  },
  step("sgd", base),
  step("adam", adam()),
  step("sam", sam({ base })),
  step(
    "cram-plus",
    cramPlus({ base, compressors: [topK(0.5), topK(0.7), topK(0.9)] }),
  ),
];
