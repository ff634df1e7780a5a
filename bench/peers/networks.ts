/**
 * How the libraries that have no such models compute the networks.
 *
 * @module
 */

import { blocks } from "../network_data.ts";
import type { BertSize, ResNetSize } from "../works.ts";

/** What a library must be able to do for the networks; tensors are `T`. */
export interface Operations<T> {
  conv2d(x: T, weight: T, stride: number, padding: number): T;
  /** In training over the statistics of the batch, else over those that are given. */
  batchNorm(
    x: T,
    parameters: { scale: T; bias: T; mean: T; variance: T },
    training: boolean,
  ): T;
  relu(x: T): T;
  add(x: T, y: T): T;
  /** 3×3 windows, stride 2, padding 1. */
  maxPool(x: T): T;
  /** `[N, C]` of images. */
  averagePool(x: T): T;
  linear(x: T, weight: T, bias: T): T;
  embedding(table: T, indices: T): T;
  /** The first rows of a table. */
  firstRows(table: T, rows: number): T;
  layerNorm(x: T, scale: T, bias: T, epsilon: number): T;
  gelu(x: T): T;
  /** `[N, L, heads · depth]` each. */
  attention(query: T, key: T, value: T, heads: number): T;
  /** `[N, L, 2]` to start and end, `[N, L]`. */
  unstack(x: T): [T, T];
}

/** Looks a variable up. */
export type Lookup<T> = (name: string) => T;

/** The logits of a residual network. */
export function resnet<T>(
  ops: Operations<T>,
  get: Lookup<T>,
  model: ResNetSize,
  images: T,
  training: boolean,
): T {
  const normalized = (x: T, name: string) =>
    ops.batchNorm(x, {
      scale: get(`${name}.weight`),
      bias: get(`${name}.bias`),
      mean: get(`${name}.running_mean`),
      variance: get(`${name}.running_var`),
    }, training);
  const convolution = (
    x: T,
    [conv, norm]: readonly [string, string],
    kernel: number,
    stride: number,
  ) =>
    normalized(
      ops.conv2d(x, get(`${conv}.weight`), stride, kernel >> 1),
      norm,
    );
  const isLarge = model.stem === "imagenet";
  let x = ops.relu(
    convolution(images, ["conv1", "bn1"], isLarge ? 7 : 3, isLarge ? 2 : 1),
  );
  if (isLarge) x = ops.maxPool(x);
  let channels = model.widths[0];
  for (const { name, outChannels, stride } of blocks(model)) {
    const layer = (y: T, i: number, kernel: number, step: number) =>
      convolution(y, [`${name}.conv${i}`, `${name}.bn${i}`], kernel, step);
    const residual = stride === 1 && channels === outChannels ? x : convolution(
      x,
      [`${name}.downsample.0`, `${name}.downsample.1`],
      1,
      stride,
    );
    const y = model.block === "bottleneck"
      ? layer(
        ops.relu(layer(ops.relu(layer(x, 1, 1, 1)), 2, 3, stride)),
        3,
        1,
        1,
      )
      : layer(ops.relu(layer(x, 1, 3, stride)), 2, 3, 1);
    x = ops.relu(ops.add(y, residual));
    channels = outChannels;
  }
  return ops.linear(ops.averagePool(x), get("fc.weight"), get("fc.bias"));
}

const LAYER_NORM_EPSILON = 1e-12;

/** Start and end logits of a BERT without padding. */
export function bert<T>(
  ops: Operations<T>,
  get: Lookup<T>,
  model: BertSize,
  { ids, types, length }: { ids: T; types: T; length: number },
): [start: T, end: T] {
  const norm = (x: T, name: string) =>
    ops.layerNorm(
      x,
      get(`${name}.weight`),
      get(`${name}.bias`),
      LAYER_NORM_EPSILON,
    );
  const linear = (x: T, name: string) =>
    ops.linear(x, get(`${name}.weight`), get(`${name}.bias`));
  const table = (name: string) => get(`bert.embeddings.${name}.weight`);
  const words = ops.embedding(table("word_embeddings"), ids);
  const positions = ops.firstRows(table("position_embeddings"), length);
  const typed = ops.embedding(table("token_type_embeddings"), types);
  let x = norm(
    ops.add(ops.add(words, positions), typed),
    "bert.embeddings.LayerNorm",
  );
  for (let i = 0; i < model.layers; i++) {
    const name = `bert.encoder.layer.${i}`;
    const self = `${name}.attention.self`;
    const seen = ops.attention(
      linear(x, `${self}.query`),
      linear(x, `${self}.key`),
      linear(x, `${self}.value`),
      model.heads,
    );
    const y = norm(
      ops.add(linear(seen, `${name}.attention.output.dense`), x),
      `${name}.attention.output.LayerNorm`,
    );
    const wide = ops.gelu(linear(y, `${name}.intermediate.dense`));
    x = norm(
      ops.add(linear(wide, `${name}.output.dense`), y),
      `${name}.output.LayerNorm`,
    );
  }
  return ops.unstack(linear(x, "qa_outputs"));
}
