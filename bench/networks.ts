/**
 * Whole networks: training steps and predictions.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  BERT_CONFIGS,
  BertForQuestionAnswering,
  bertGroups,
  EVALUATION,
  type Module,
  PERTURBED,
  ResNet,
  spanLoss,
  TRAINING,
  trainingContext,
} from "@cram/models";
import { topK } from "@cram/compress";
import {
  adam,
  adamW,
  cramPlus,
  type Optimizer,
  type OptimizerRule,
  sgd,
} from "@cram/optim";
import {
  type Device,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
} from "@cram/tensor";
import type { Benchmark } from "./_benchmark.ts";
import {
  imageInputs,
  initialValues,
  networkVariables,
  tokenInputs,
} from "./network_data.ts";
import type {
  BertSize,
  InferenceWork,
  ResNetSize,
  TrainStepWork,
} from "./works.ts";

/** Gives a model the weights that all libraries start from. */
function load(model: Module, device: Device, size: ResNetSize | BertSize) {
  using _scope = device.scope();
  model.loadStateDict(
    new Map(
      networkVariables(size).map((variable) => [
        variable.name,
        tensor(device, initialValues(variable), { shape: variable.shape }),
      ]),
    ),
  );
}

function makeResNet(device: Device, size: ResNetSize): ResNet {
  const { stem, block, widths, depths, classes } = size;
  const model = new ResNet(device, { stem, block, widths, depths }, {
    classes,
    seed: 1n,
  });
  load(model, device, size);
  return model;
}

function makeBert(
  device: Device,
  size: BertSize,
  dropout: number,
): BertForQuestionAnswering {
  const model = new BertForQuestionAnswering(device, {
    ...BERT_CONFIGS["bert-base"],
    hiddenSize: size.hidden,
    layers: size.layers,
    heads: size.heads,
    intermediateSize: size.intermediate,
    hiddenDropout: dropout,
    attentionDropout: dropout,
  }, { seed: 1n });
  load(model, device, size);
  return model;
}

function ruleOf({ optimizer, weightDecay }: TrainStepWork): OptimizerRule {
  switch (optimizer) {
    case "sgd":
      return sgd({ momentum: 0.9, weightDecay });
    case "adam":
      return adam({ weightDecay });
    case "adamw":
      return adamW({ weightDecay });
    case "cram-plus":
      return cramPlus({
        base: sgd({ momentum: 0.9, weightDecay }),
        compressors: [topK(0.5), topK(0.7), topK(0.9)],
      });
  }
}

/** How this project does it. */
export function trainStepBenchmark(work: TrainStepWork): Benchmark {
  const { name, images, batch, size, learningRate, clip, dropout } = work;
  const rule = ruleOf(work);
  const { precision } = work;
  const settings = {
    clip: clip === undefined ? undefined : { maxNorm: clip },
    lossScaling: precision === "float16" ? {} : undefined,
  };
  const { model: sizes } = work;
  let optimizer: Optimizer | undefined;
  return {
    name,
    images,
    prepare(device) {
      if (sizes.family === "resnet") {
        const resnet = makeResNet(device, sizes);
        const inputs = imageInputs(work, sizes);
        const shape = [batch, size, size, 3];
        const x = tensor(device, inputs.images, { shape });
        const labels = tensor(device, inputs.labels);
        const parameters = resnet.parameters();
        const started = optimizer = rule.start(parameters, settings);
        return () =>
          started.step(({ updateStatistics, lossScale }) => {
            const context = {
              ...(updateStatistics ? TRAINING : PERTURBED),
              precision,
            };
            return valueAndGrad(
              () => softmaxCrossEntropy(resnet.forward(x, context), labels),
              [...parameters.values()],
              { seed: lossScale },
            );
          }, { learningRate });
      }
      const bert = makeBert(device, sizes, dropout);
      const inputs = tokenInputs(work);
      const inputIds = tensor(device, inputs.ids, { shape: [batch, size] });
      const labels = {
        start: tensor(device, inputs.start),
        end: tensor(device, inputs.end),
      };
      const parameters = bert.parameters();
      const started = optimizer = rule.start(parameters, {
        groups: bertGroups(),
        ...settings,
      });
      return () =>
        started.step((pass) =>
          valueAndGrad(
            () => {
              const context = { ...trainingContext(pass, 3n), precision };
              return spanLoss(bert.forward({ inputIds }, context), labels);
            },
            [...parameters.values()],
            { seed: pass.lossScale },
          ), { learningRate });
    },
    dispose() {
      optimizer?.[Symbol.dispose]();
      optimizer = undefined;
    },
  };
}

/** How this project does it. */
export function inferenceBenchmark(work: InferenceWork): Benchmark {
  const { name, images, batch, size, model, precision } = work;
  const context = { ...EVALUATION, precision };
  return {
    name,
    images,
    prepare(device): () => Tensor | Tensor[] {
      if (model.family === "resnet") {
        const resnet = makeResNet(device, model);
        const { images } = imageInputs(work, model);
        const x = tensor(device, images, { shape: [batch, size, size, 3] });
        return () => resnet.forward(x, context);
      }
      const bert = makeBert(device, model, 0);
      const { ids } = tokenInputs(work);
      const inputIds = tensor(device, ids, { shape: [batch, size] });
      return () => {
        const { start, end } = bert.forward({ inputIds }, context);
        return [start, end];
      };
    },
  };
}
