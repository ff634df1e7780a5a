/**
 * The works that are timed, as data: what each library of a comparison is
 * given, and what the benchmarks of `deno task bench` are made of.
 *
 * @module
 */

import type { Precision } from "@cram/models";

interface Named {
  /** For instance `matmul/1024`. */
  readonly name: string;
  /** Multiplications and additions of one call, where a rate makes sense. */
  readonly flops?: number;
  /** Images of one call, where a rate makes sense. */
  readonly images?: number;
  /** What products and networks compute with; sums, parameters and their updates are float32. Default: `"float32"`. */
  readonly precision?: Precision;
}

/** A product of matrices `[m, k]` and `[k, n]`, perhaps stored transposed. */
export interface MatmulWork extends Named {
  readonly kind: "matmul";
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** A convolution of square images, or one of its gradients. */
export interface Conv2dWork extends Named {
  readonly kind: "conv2d";
  readonly direction: "forward" | "backward-input" | "backward-weight";
  readonly batch: number;
  readonly size: number;
  readonly channels: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly outSize: number;
}

/** An operation and all its gradients, for a gradient of its output that is given. */
export interface OperationWork extends Named {
  readonly kind:
    | "batch-norm"
    | "layer-norm"
    | "softmax"
    | "cross-entropy"
    | "gelu";
  /** Of the input; the last axis holds the channels, features or classes. */
  readonly shape: readonly number[];
}

/** Attention without a mask and all its gradients: `[batch, length, heads, depth]`. */
export interface AttentionWork extends Named {
  readonly kind: "attention";
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly depth: number;
}

/** A residual network, as `ResNetArchitecture` of `@cram/models` describes it. */
export interface ResNetSize {
  readonly family: "resnet";
  readonly stem: "imagenet" | "cifar";
  readonly block: "basic" | "bottleneck";
  readonly widths: readonly number[];
  readonly depths: readonly number[];
  readonly classes: number;
}

/** A BERT for question answering. */
export interface BertSize {
  readonly family: "bert";
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly intermediate: number;
}

interface NetworkNamed extends Named {
  readonly model: ResNetSize | BertSize;
  readonly batch: number;
  /** Pixels of a side, or tokens. */
  readonly size: number;
  /** Whether it is out of reach of an emulated GPU. */
  readonly large: boolean;
}

/** A training step: forward, backward and update. */
export interface TrainStepWork extends NetworkNamed {
  readonly kind: "train-step";
  /** Momentum is 0.9; biases and LayerNorm do not decay by AdamW. */
  readonly optimizer: "sgd" | "adam" | "adamw" | "cram-plus";
  readonly learningRate: number;
  readonly weightDecay: number;
  /** To which norm gradients are clipped, if they are. */
  readonly clip?: number;
  /** The part that is dropped; results are compared without. */
  readonly dropout: number;
}

/** A pass for predictions. */
export interface InferenceWork extends NetworkNamed {
  readonly kind: "inference";
}

/** Something whose time is measured. */
export type Work =
  | MatmulWork
  | Conv2dWork
  | OperationWork
  | AttentionWork
  | TrainStepWork
  | InferenceWork;

function matmul(
  name: string,
  [m, n, k]: readonly [number, number, number],
  transposed: { readonly a?: boolean; readonly b?: boolean } = {},
): MatmulWork {
  return {
    kind: "matmul",
    name: `matmul/${name}`,
    flops: 2 * m * n * k,
    ...{ m, n, k },
    transposeA: transposed.a ?? false,
    transposeB: transposed.b ?? false,
  };
}

/** Square products, and those of BERT-base at 4 × 384 tokens: feed-forward and projection. */
export const matmulWorks: readonly MatmulWork[] = [
  matmul("512", [512, 512, 512]),
  matmul("1024", [1024, 1024, 1024]),
  matmul("1024/transposed-a", [1024, 1024, 1024], { a: true }),
  matmul("1024/transposed-b", [1024, 1024, 1024], { b: true }),
  matmul("1536x3072x768", [1536, 3072, 768]),
  matmul("1536x768x768", [1536, 768, 768]),
];

/** Name, batch, size, channels, output channels, kernel, stride. */
type ConvLayer = readonly [
  ...[name: string, batch: number, size: number, channels: number],
  ...[outChannels: number, kernel: number, stride: number],
];

const CONV_LAYERS: readonly ConvLayer[] = [
  ["7x7s2/3x224x224/b8", 8, 224, 3, 64, 7, 2],
  ["3x3/64x56x56/b8", 8, 56, 64, 64, 3, 1],
  ["3x3s2/128x56x56/b8", 8, 56, 128, 128, 3, 2],
  ["3x3/512x7x7/b8", 8, 7, 512, 512, 3, 1],
  ["1x1/64-256x56x56/b8", 8, 56, 64, 256, 1, 1],
  ["1x1/1024-256x14x14/b8", 8, 14, 1024, 256, 1, 1],
];

/** Convolutions of ResNet50's shapes: forward, and both gradients. */
export const conv2dWorks: readonly Conv2dWork[] = CONV_LAYERS.flatMap(
  ([name, batch, size, channels, outChannels, kernel, stride]) => {
    const padding = kernel >> 1;
    const outSize = Math.floor((size + 2 * padding - kernel) / stride) + 1;
    const taps = kernel * kernel * channels;
    const flops = 2 * batch * outSize * outSize * outChannels * taps;
    return (["forward", "backward-input", "backward-weight"] as const).map(
      (direction) => ({
        kind: "conv2d",
        name: `conv2d/${name}/${direction}`,
        flops,
        ...{ direction, batch, size, channels, outChannels },
        ...{ kernel, stride, padding, outSize },
      }),
    );
  },
);

function operation(
  kind: OperationWork["kind"],
  shape: readonly number[],
): OperationWork {
  return { kind, name: `${kind}/${shape.join("x")}`, shape };
}

/** What stands between the products of ResNet50 (batch 8) and BERT-base (4 × 384 tokens), forward and backward. */
export const operationWorks: readonly OperationWork[] = [
  operation("batch-norm", [8, 56, 56, 256]),
  operation("layer-norm", [1536, 768]),
  operation("softmax", [1536, 384]),
  operation("cross-entropy", [1024, 1000]),
  operation("gelu", [1536, 3072]),
];

function attention(
  batch: number,
  length: number,
  heads: number,
  depth: number,
): AttentionWork {
  return {
    kind: "attention",
    name: `attention/b${batch}/${length}/${heads}x${depth}`,
    // Two products forward, and four backward without the scores again.
    flops: 2 * 6 * batch * heads * length * length * depth,
    ...{ batch, length, heads, depth },
  };
}

/** Attention of BERT-base, forward and backward. */
export const attentionWorks: readonly AttentionWork[] = [
  attention(4, 384, 12, 64),
];

const RESNET50: ResNetSize = {
  family: "resnet",
  stem: "imagenet",
  block: "bottleneck",
  widths: [64, 128, 256, 512],
  depths: [3, 4, 6, 3],
  classes: 1000,
};
const RESNET20: ResNetSize = {
  family: "resnet",
  stem: "cifar",
  block: "basic",
  widths: [16, 32, 64],
  depths: [3, 3, 3],
  classes: 10,
};
const BERT_BASE: BertSize = {
  family: "bert",
  layers: 12,
  hidden: 768,
  heads: 12,
  intermediate: 3072,
};
const BERT_TINY: BertSize = {
  family: "bert",
  layers: 2,
  hidden: 128,
  heads: 2,
  intermediate: 512,
};

const SGD = {
  kind: "train-step",
  optimizer: "sgd",
  weightDecay: 1e-4,
  dropout: 0,
} as const;
const ADAM = {
  kind: "train-step",
  optimizer: "adam",
  weightDecay: 0,
  dropout: 0,
} as const;
/** As it is trained on CIFAR-10. */
const WIDE_BATCH = { model: RESNET20, batch: 128, size: 32, large: true };
/** What an emulated GPU can do in some seconds. */
const NARROW_BATCH = { model: RESNET20, batch: 16, size: 32, large: false };
const SMALL_BERT = { model: BERT_TINY, batch: 16, size: 128, large: false };

/**
 * In ResNet-50 the errors of float32 grow so fast that after a step at 0.01 the
 * losses of PyTorch's own two layouts differ by a part in 400.
 */
const LARGE_RATE = 1e-4;

/** Training steps: ResNet-50 as on ImageNet, ResNet-20 as on CIFAR-10, BERT as it is fine-tuned, and one of two layers. */
export const trainStepWorks: readonly TrainStepWork[] = [
  {
    ...SGD,
    name: "train-step/resnet50/b8/224/sgd",
    ...{ model: RESNET50, batch: 8, size: 224, images: 8, large: true },
    learningRate: LARGE_RATE,
  },
  {
    ...SGD,
    name: "train-step/resnet50/b8/224/cram-plus",
    ...{ model: RESNET50, batch: 8, size: 224, images: 8, large: true },
    optimizer: "cram-plus",
    learningRate: LARGE_RATE,
  },
  {
    ...SGD,
    name: "train-step/resnet20/b128/32/sgd",
    ...{ ...WIDE_BATCH, images: 128 },
    learningRate: 0.05,
  },
  {
    ...ADAM,
    name: "train-step/resnet20/b128/32/adam",
    ...{ ...WIDE_BATCH, images: 128 },
    learningRate: 0.001,
  },
  {
    ...SGD,
    name: "train-step/resnet20/b16/32/sgd",
    ...{ ...NARROW_BATCH, images: 16 },
    learningRate: 0.05,
  },
  {
    ...ADAM,
    name: "train-step/resnet20/b16/32/adam",
    ...{ ...NARROW_BATCH, images: 16 },
    learningRate: 0.001,
  },
  {
    kind: "train-step",
    name: "train-step/bert-base/b4/384/adamw",
    ...{ model: BERT_BASE, batch: 4, size: 384, large: true },
    optimizer: "adamw",
    learningRate: 5e-5,
    weightDecay: 0.01,
    clip: 1,
    dropout: 0.1,
  },
  {
    ...{ ...SGD, ...SMALL_BERT },
    name: "train-step/bert-tiny/b16/128/sgd",
    weightDecay: 0,
    learningRate: 0.05,
  },
  {
    ...{ ...ADAM, ...SMALL_BERT },
    name: "train-step/bert-tiny/b16/128/adam",
    learningRate: 0.001,
  },
];

/** Predictions for one image and one sequence. */
export const inferenceWorks: readonly InferenceWork[] = [
  {
    kind: "inference",
    name: "inference/resnet50/b1",
    ...{ model: RESNET50, batch: 1, size: 224, images: 1, large: true },
  },
  {
    kind: "inference",
    name: "inference/bert-base/b1/384",
    ...{ model: BERT_BASE, batch: 1, size: 384, large: true },
  },
];

/**
 * What `deno task bench:hardware` times: sizes that keep a large GPU busy, or
 * works of the same kinds that an emulated GPU does in a second.
 */
export function hardwareWorks(
  quick: boolean,
): readonly (MatmulWork | TrainStepWork)[] {
  const [resnet, bert] = ["resnet50/b8/224/sgd", "bert-base/b4/384/adamw"].map(
    (name) => trainStepWorks.find((work) => work.name === `train-step/${name}`),
  ) as [TrainStepWork, TrainStepWork];
  if (quick) {
    return [
      matmul("256", [256, 256, 256]),
      {
        ...{ ...resnet, name: "train-step/resnet20/b2/32/sgd" },
        ...{ model: RESNET20, batch: 2, size: 32 },
      },
      {
        ...{ ...bert, name: "train-step/bert-tiny/b2/32/adamw" },
        ...{ model: BERT_TINY, batch: 2, size: 32 },
      },
    ];
  }
  return [
    matmul("4096", [4096, 4096, 4096]),
    { ...resnet, name: "train-step/resnet50/b64/224/sgd", batch: 64 },
    { ...bert, name: "train-step/bert-base/b16/384/adamw", batch: 16 },
  ];
}

/** All works, in the order in which they run. */
export const WORKS: readonly Work[] = [
  ...matmulWorks,
  ...conv2dWorks,
  ...operationWorks,
  ...attentionWorks,
  ...trainStepWorks,
  ...inferenceWorks,
];
