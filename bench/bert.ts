/**
 * BERT for question answering: training steps with dropout, and inference.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  BERT_CONFIGS,
  BertForQuestionAnswering,
  bertGroups,
  type BertInputs,
  EVALUATION,
  spanLoss,
  trainingContext,
} from "@cram/models";
import { adamW } from "@cram/optim";
import { type Device, RandomSource, tensor } from "@cram/tensor";
import type { Benchmark } from "./_benchmark.ts";

type Size = keyof typeof BERT_CONFIGS;

/** Sequences of different lengths, on average three quarters of the longest. */
function sequences(device: Device, batch: number, length: number): BertInputs {
  const random = new RandomSource(2n);
  const ids = new Int32Array(batch * length);
  for (let row = 0; row < batch; row++) {
    const filled = length - random.integer(length / 2);
    for (let i = 0; i < filled; i++) {
      ids[row * length + i] = 1 + random.integer(30_521);
    }
  }
  const shape = [batch, length];
  return {
    inputIds: tensor(device, ids, { shape }),
    attentionMask: tensor(device, Array.from(ids, (id) => id !== 0), {
      shape,
    }),
  };
}

function trainStep(size: Size, batch: number, length: number): Benchmark {
  return {
    name: `train-step/${size}/b${batch}/${length}/adamw`,
    prepare(device) {
      const config = BERT_CONFIGS[size];
      const model = new BertForQuestionAnswering(device, config, { seed: 1n });
      const inputs = sequences(device, batch, length);
      const position = tensor(
        device,
        Int32Array.from({ length: batch }, (_, i) => i),
      );
      const labels = { start: position, end: position };
      const parameters = model.parameters();
      const optimizer = adamW().start(parameters, {
        groups: bertGroups(),
        clip: { maxNorm: 1 },
      });
      return () =>
        optimizer.step(
          (pass) =>
            valueAndGrad(() => {
              const context = trainingContext(pass, 3n);
              return spanLoss(model.forward(inputs, context), labels);
            }, [...parameters.values()]),
          { learningRate: 1e-6 },
        );
    },
  };
}

function inference(size: Size, batch: number, length: number): Benchmark {
  return {
    name: `inference/${size}/b${batch}/${length}`,
    prepare(device) {
      const config = BERT_CONFIGS[size];
      const model = new BertForQuestionAnswering(device, config, { seed: 1n });
      const inputs = sequences(device, batch, length);
      return () => model.forward(inputs, EVALUATION);
    },
  };
}

/** BERT as it is fine-tuned on SQuAD, and smaller ones. */
export const bertBenchmarks: readonly Benchmark[] = [
  trainStep("bert-base", 4, 384),
  trainStep("bert-mini", 4, 384),
  trainStep("bert-tiny", 16, 128),
  inference("bert-base", 1, 384),
  inference("bert-mini", 1, 384),
];
