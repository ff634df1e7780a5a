/**
 * The variables and inputs of the networks, of which each library makes the
 * same.
 *
 * @module
 */

import { integers, sizeOf, uniform } from "./_uniform.ts";
import type { BertSize, ResNetSize } from "./works.ts";

/** A variable of a network, in the order of axes of `@cram/models`. */
export interface Variable {
  /** As in `@cram/models`, which has them from torchvision and transformers. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Its values are `offset + scale · uniform(seed)`. */
  readonly offset: number;
  readonly scale: number;
  readonly seed: number;
  /** Whether it is no running statistic. */
  readonly trainable: boolean;
  /** `[h, w, in, out]`, `[in, out]`, or as PyTorch has it. */
  readonly axes: "convolution" | "linear" | "same";
}

/** The initial values of a variable. */
export function initialValues(variable: Variable): Float32Array {
  const { shape, offset, scale, seed } = variable;
  if (scale === 0) return new Float32Array(sizeOf(shape)).fill(offset);
  return uniform(seed, sizeOf(shape)).map((x) => offset + scale * x);
}

const VOCABULARY = 30_522;
const POSITIONS = 512;

/** The variables of a network. */
export function networkVariables(model: ResNetSize | BertSize): Variable[] {
  const variables: Variable[] = [];
  const push = (
    name: string,
    shape: readonly number[],
    values: Partial<Variable>,
  ) =>
    variables.push({
      ...{ name, shape, offset: 0, scale: 0, trainable: true, axes: "same" },
      seed: 100 + variables.length,
      ...values,
    });
  if (model.family === "resnet") resnetVariables(model, push);
  else bertVariables(model, push);
  return variables;
}

type Push = (
  name: string,
  shape: readonly number[],
  values: Partial<Variable>,
) => void;

function resnetVariables(model: ResNetSize, push: Push): void {
  const convolution = (
    name: string,
    kernel: number,
    inChannels: number,
    outChannels: number,
  ) =>
    push(`${name}.weight`, [kernel, kernel, inChannels, outChannels], {
      scale: Math.sqrt(3 / (kernel * kernel * inChannels)),
      axes: "convolution",
    });
  const norm = (name: string, channels: number) => {
    push(`${name}.weight`, [channels], { offset: 1 });
    push(`${name}.bias`, [channels], {});
    push(`${name}.running_mean`, [channels], { trainable: false });
    push(`${name}.running_var`, [channels], { offset: 1, trainable: false });
  };
  convolution("conv1", model.stem === "imagenet" ? 7 : 3, 3, model.widths[0]);
  norm("bn1", model.widths[0]);
  let channels = model.widths[0];
  for (const { name, width, outChannels, stride } of blocks(model)) {
    if (model.block === "bottleneck") {
      convolution(`${name}.conv1`, 1, channels, width);
      norm(`${name}.bn1`, width);
      convolution(`${name}.conv2`, 3, width, width);
      norm(`${name}.bn2`, width);
      convolution(`${name}.conv3`, 1, width, outChannels);
      norm(`${name}.bn3`, outChannels);
    } else {
      convolution(`${name}.conv1`, 3, channels, width);
      norm(`${name}.bn1`, width);
      convolution(`${name}.conv2`, 3, width, width);
      norm(`${name}.bn2`, width);
    }
    if (stride !== 1 || channels !== outChannels) {
      convolution(`${name}.downsample.0`, 1, channels, outChannels);
      norm(`${name}.downsample.1`, outChannels);
    }
    channels = outChannels;
  }
  linear(push, "fc", channels, model.classes);
}

function linear(push: Push, name: string, from: number, to: number): void {
  const scale = Math.sqrt(3 / from);
  push(`${name}.weight`, [from, to], { scale, axes: "linear" });
  push(`${name}.bias`, [to], {});
}

function bertVariables(model: BertSize, push: Push): void {
  const { hidden, intermediate, layers } = model;
  const norm = (name: string) => {
    push(`${name}.weight`, [hidden], { offset: 1 });
    push(`${name}.bias`, [hidden], {});
  };
  const embeddings = "bert.embeddings";
  const scale = 0.05;
  push(`${embeddings}.word_embeddings.weight`, [VOCABULARY, hidden], { scale });
  push(`${embeddings}.position_embeddings.weight`, [POSITIONS, hidden], {
    scale,
  });
  push(`${embeddings}.token_type_embeddings.weight`, [2, hidden], { scale });
  norm(`${embeddings}.LayerNorm`);
  for (let i = 0; i < layers; i++) {
    const name = `bert.encoder.layer.${i}`;
    linear(push, `${name}.attention.self.query`, hidden, hidden);
    linear(push, `${name}.attention.self.key`, hidden, hidden);
    linear(push, `${name}.attention.self.value`, hidden, hidden);
    linear(push, `${name}.attention.output.dense`, hidden, hidden);
    norm(`${name}.attention.output.LayerNorm`);
    linear(push, `${name}.intermediate.dense`, hidden, intermediate);
    linear(push, `${name}.output.dense`, intermediate, hidden);
    norm(`${name}.output.LayerNorm`);
  }
  linear(push, "qa_outputs", hidden, 2);
}

/** What is between two additions. */
export interface Block {
  readonly name: string;
  readonly width: number;
  readonly outChannels: number;
  readonly stride: number;
}

/** The blocks of a residual network, by the names of their variables. */
export function blocks({ widths, depths, block }: ResNetSize): Block[] {
  const expansion = block === "bottleneck" ? 4 : 1;
  return widths.flatMap((width, stage) =>
    Array.from({ length: depths[stage] }, (_, i) => ({
      name: `layer${stage + 1}.${i}`,
      width,
      outChannels: width * expansion,
      stride: stage > 0 && i === 0 ? 2 : 1,
    }))
  );
}

/** Images and their classes. */
export interface ImageInputs {
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** Images `[batch, size, size, 3]` and classes `[batch]`. */
export function imageInputs(
  { batch, size }: { readonly batch: number; readonly size: number },
  model: ResNetSize,
): ImageInputs {
  return {
    images: uniform(1, batch * size * size * 3),
    labels: integers(2, batch, 0, model.classes),
  };
}

/** Tokens, and where the answers lie. */
export interface TokenInputs {
  readonly ids: Int32Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
}

/** Tokens `[batch, size]` without padding and positions `[batch]`. */
export function tokenInputs(
  { batch, size }: { readonly batch: number; readonly size: number },
): TokenInputs {
  return {
    ids: integers(1, batch * size, 1, VOCABULARY),
    start: integers(2, batch, 0, size),
    end: integers(3, batch, 0, size),
  };
}
