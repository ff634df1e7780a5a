/**
 * Extractive question answering as a task of the training loop.
 *
 * @module
 */

import {
  type BertForQuestionAnswering,
  type BertInputs,
  type ForwardContext,
  type Precision,
  type SpanLogits,
  spanLoss,
  trainingContext,
} from "@cram/models";
import type { Pass } from "@cram/optim";
import {
  argmax,
  cast,
  type Device,
  equal,
  mul,
  sum,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { dropoutSeed } from "../data/random_streams.ts";
import type { TrainingPart, TrainingTask } from "../train.ts";
import type { FeatureBatch, FeatureLoader } from "./loader.ts";

/** What a model that answers questions is trained with. */
export interface QuestionAnsweringOptions {
  /** Where the model lives. */
  readonly device: Device;
  /** What is trained. */
  readonly model: BertForQuestionAnswering;
  /** Where the features come from. */
  readonly loader: FeatureLoader;
  /** The seed of the run; what is dropped comes from it. */
  readonly seed: bigint;
  /** What is computed with. Default: `float32`. */
  readonly precision?: Precision;
}

/**
 * Minimizing the span loss of a BERT; its accuracy is the part of features for
 * which both ends of the answer have the highest logits.
 *
 * @param options Model and data.
 * @returns What `train()` takes.
 */
export function questionAnswering(
  options: QuestionAnsweringOptions,
): TrainingTask<FeatureBatch> {
  const { device, model, loader, precision } = options;
  const seed = dropoutSeed(options.seed);
  return {
    device,
    model,
    stepsPerEpoch: loader.stepsPerEpoch,
    batches: (from, to) => loader.batches(from, to),
    parts: (batch, sizes) => {
      let from = 0;
      return sizes.map((size) => {
        const part = partOf(batch, from, from + size, model, (pass) => ({
          ...trainingContext(pass, seed),
          precision,
        }));
        from += size;
        return part;
      });
    },
  };
}

function partOf(
  batch: FeatureBatch,
  from: number,
  to: number,
  model: BertForQuestionAnswering,
  contextOf: (pass: Pass) => ForwardContext,
): TrainingPart {
  const { device } = model.qaOutputs.weight.value;
  const inputs = bertInputs(device, batch, from, to);
  const labels = {
    start: tensor(device, batch.startPositions.subarray(from, to)),
    end: tensor(device, batch.endPositions.subarray(from, to)),
  };
  return {
    forward(pass) {
      const logits = model.forward(inputs, contextOf(pass));
      return {
        loss: spanLoss(logits, labels),
        hits: () => countHits(logits, labels),
      };
    },
  };
}

/**
 * Brings features of a batch to a device.
 *
 * @param device The device.
 * @param batch The batch.
 * @param from The first feature.
 * @param to The feature behind the last one.
 * @returns What BERT takes; the tensors belong to the open scope.
 */
export function bertInputs(
  device: Device,
  batch: FeatureBatch,
  from = 0,
  to = batch.size,
): BertInputs {
  const { length } = batch;
  const shape = [to - from, length];
  const rows = <T extends Int32Array | Uint8Array>(values: T): T =>
    values.subarray(from * length, to * length) as T;
  return {
    inputIds: tensor(device, rows(batch.inputIds), { shape }),
    tokenTypes: tensor(device, rows(batch.tokenTypes), { shape }),
    attentionMask: tensor(device, rows(batch.attentionMask), {
      shape,
      dtype: "bool",
    }),
  };
}

/** Counts the features for which both ends are found. */
function countHits(logits: SpanLogits, labels: SpanLogits): Tensor {
  const [start, end] = (["start", "end"] as const).map((side) =>
    cast(equal(argmax(logits[side], { axis: -1 }), labels[side]), "float32")
  );
  return sum(mul(start, end));
}
