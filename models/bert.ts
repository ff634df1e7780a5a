/**
 * BERT.
 *
 * J. Devlin, M.-W. Chang, K. Lee, K. Toutanova: "BERT: Pre-training of Deep
 * Bidirectional Transformers for Language Understanding", NAACL 2019. Names
 * and order of the variables are those of Hugging Face's `BertModel` (without
 * its pooling layer) and `BertForQuestionAnswering`.
 *
 * @module
 */

import {
  add,
  type Device,
  type DType,
  RandomSource,
  reshape,
  scaledDotProductAttention,
  ShapeError,
  slice,
  split,
  type Tensor,
  zeros,
} from "@cram/tensor";
import { inPrecision, inSinglePrecision } from "./_precision.ts";
import type { BertConfig } from "./bert_config.ts";
import { Dropout } from "./dropout.ts";
import { Embedding } from "./embedding.ts";
import type { ForwardContext } from "./forward_context.ts";
import { LayerNorm } from "./layer_norm.ts";
import { Linear } from "./linear.ts";
import { type Members, Module } from "./module.ts";
import { ModuleGroup } from "./module_group.ts";

/** Options of {@linkcode BertModel} and {@linkcode BertForQuestionAnswering}. */
export interface BertOptions {
  /** What the initial weights come from. */
  readonly seed: bigint;
  /** What the weights are made of. Default: `float32`. */
  readonly dtype?: DType;
}

/** Sequences of tokens, filled up to the same length. */
export interface BertInputs {
  /** The tokens, `int32` `[N, L]`. One that is not in the vocabulary gives NaN. */
  readonly inputIds: Tensor;
  /** The type of each token, `int32` `[N, L]`. Default: 0 for all. */
  readonly tokenTypes?: Tensor;
  /** Which tokens can be seen, `bool` `[N, L]`: false for padding. Default: all. */
  readonly attentionMask?: Tensor;
}

/** For each token how well an answer begins or ends with it. */
export interface SpanLogits {
  /** Of the first token, `[N, L]`. */
  readonly start: Tensor;
  /** Of the last token, `[N, L]`. */
  readonly end: Tensor;
}

/** Makes layers of one network. */
class Layers {
  readonly #device: Device;
  readonly #config: BertConfig;
  readonly #dtype: DType | undefined;
  readonly #random: RandomSource;

  constructor(
    device: Device,
    config: BertConfig,
    { seed, dtype }: BertOptions,
  ) {
    this.#device = device;
    this.#config = config;
    this.#dtype = dtype;
    this.#random = new RandomSource(seed);
  }

  linear(inFeatures: number, outFeatures: number): Linear {
    return new Linear(this.#device, {
      inFeatures,
      outFeatures,
      standardDeviation: this.#config.initializerRange,
      dtype: this.#dtype,
    }, this.#random);
  }

  embedding(entries: number, paddingIndex?: number): Embedding {
    return new Embedding(this.#device, {
      entries,
      width: this.#config.hiddenSize,
      standardDeviation: this.#config.initializerRange,
      paddingIndex,
      dtype: this.#dtype,
    }, this.#random);
  }

  norm(): LayerNorm {
    return new LayerNorm(this.#device, {
      width: this.#config.hiddenSize,
      epsilon: this.#config.layerNormEpsilon,
      dtype: this.#dtype,
    });
  }
}

/** What is known of a token before it is seen in its context. */
class Embeddings extends Module {
  readonly #words: Embedding;
  readonly #positions: Embedding;
  readonly #types: Embedding;
  readonly #norm: LayerNorm;
  readonly #dropout: Dropout;

  constructor(config: BertConfig, layers: Layers) {
    super();
    this.#words = layers.embedding(config.vocabSize, config.paddingIndex);
    this.#positions = layers.embedding(config.maxPositions);
    this.#types = layers.embedding(config.tokenTypes);
    this.#norm = layers.norm();
    this.#dropout = new Dropout(config.hiddenDropout);
  }

  override members(): Members {
    return {
      word_embeddings: this.#words,
      position_embeddings: this.#positions,
      token_type_embeddings: this.#types,
      LayerNorm: this.#norm,
    };
  }

  forward(
    { inputIds, tokenTypes }: BertInputs,
    context: ForwardContext,
  ): Tensor {
    const { device, shape } = inputIds;
    using scope = device.scope();
    const types = tokenTypes ?? zeros(device, shape, { dtype: "int32" });
    const table = this.#positions.weight.value;
    const positions = slice(table, [0, 0], [shape[1], -1]);
    const placed = add(this.#words.forward(inputIds), positions);
    const residual = this.#types.forward(types);
    const normalized = this.#norm.forward(placed, context, { residual });
    // Rows that were looked up are few beside those of the tables.
    const rounded = inPrecision(normalized, context);
    return scope.keep(this.#dropout.forward(rounded, context));
  }
}

/** A layer, dropout, a way around both, and a normalization. */
class ResidualOutput extends Module {
  readonly #dense: Linear;
  readonly #norm: LayerNorm;
  readonly #dropout: Dropout;

  constructor(inFeatures: number, config: BertConfig, layers: Layers) {
    super();
    this.#dense = layers.linear(inFeatures, config.hiddenSize);
    this.#norm = layers.norm();
    this.#dropout = new Dropout(config.hiddenDropout);
  }

  override members(): Members {
    return { dense: this.#dense, LayerNorm: this.#norm };
  }

  forward(x: Tensor, residual: Tensor, context: ForwardContext): Tensor {
    const y = this.#dropout.forward(this.#dense.forward(x, context), context);
    return this.#norm.forward(y, context, { residual });
  }
}

/** Attention of all tokens to each other. */
class SelfAttention extends Module {
  readonly #query: Linear;
  readonly #key: Linear;
  readonly #value: Linear;
  readonly #heads: number;
  readonly #dropout: Dropout;

  constructor(
    { hiddenSize, heads, attentionDropout }: BertConfig,
    layers: Layers,
  ) {
    super();
    this.#query = layers.linear(hiddenSize, hiddenSize);
    this.#key = layers.linear(hiddenSize, hiddenSize);
    this.#value = layers.linear(hiddenSize, hiddenSize);
    this.#heads = heads;
    this.#dropout = new Dropout(attentionDropout);
  }

  override members(): Members {
    return { query: this.#query, key: this.#key, value: this.#value };
  }

  forward(
    x: Tensor,
    mask: Tensor | undefined,
    context: ForwardContext,
  ): Tensor {
    const [batch, length, width] = x.shape;
    const [query, key, value] = [this.#query, this.#key, this.#value].map(
      (projection) =>
        reshape(projection.forward(x, context), [
          batch,
          length,
          this.#heads,
          width / this.#heads,
        ]),
    );
    const seen = scaledDotProductAttention(query, key, value, {
      mask,
      dropout: this.#dropout.draw(context),
    });
    return reshape(seen, x.shape);
  }
}

/** Attention and, behind it, two layers for each token. */
class EncoderLayer extends Module {
  readonly #attention: SelfAttention;
  readonly #attentionOutput: ResidualOutput;
  readonly #intermediate: Linear;
  readonly #output: ResidualOutput;
  readonly #activation: BertConfig["activation"];

  constructor(config: BertConfig, layers: Layers) {
    super();
    const { hiddenSize, intermediateSize, activation } = config;
    this.#attention = new SelfAttention(config, layers);
    this.#attentionOutput = new ResidualOutput(hiddenSize, config, layers);
    this.#intermediate = layers.linear(hiddenSize, intermediateSize);
    this.#output = new ResidualOutput(intermediateSize, config, layers);
    this.#activation = activation;
  }

  override members(): Members {
    return {
      attention: new ModuleGroup({
        self: this.#attention,
        output: this.#attentionOutput,
      }),
      intermediate: new ModuleGroup({ dense: this.#intermediate }),
      output: this.#output,
    };
  }

  forward(
    x: Tensor,
    mask: Tensor | undefined,
    context: ForwardContext,
  ): Tensor {
    using scope = x.device.scope();
    const seen = this.#attention.forward(x, mask, context);
    const y = this.#attentionOutput.forward(seen, x, context);
    const wide = this.#intermediate.forward(y, context, {
      activation: this.#activation,
    });
    return scope.keep(this.#output.forward(wide, y, context));
  }
}

/** BERT without a task: `BertModel` of Hugging Face without its pooling layer. */
export class BertModel extends Module {
  /** How it is built. */
  readonly config: BertConfig;
  readonly #embeddings: Embeddings;
  readonly #layers: readonly EncoderLayer[];

  /**
   * Makes a network with initial weights: normal ones, biases of 0,
   * normalizations that change nothing.
   *
   * @param device Where the weights live.
   * @param config How it is built.
   * @param options The seed.
   */
  constructor(device: Device, config: BertConfig, options: BertOptions) {
    super();
    this.config = config;
    const layers = new Layers(device, config, options);
    this.#embeddings = new Embeddings(config, layers);
    this.#layers = Array.from(
      { length: config.layers },
      () => new EncoderLayer(config, layers),
    );
  }

  /** `embeddings` and `encoder.layer.0`, `encoder.layer.1`, … */
  override members(): Members {
    const layer = new ModuleGroup(Object.fromEntries(this.#layers.entries()));
    return {
      embeddings: this.#embeddings,
      encoder: new ModuleGroup({ layer }),
    };
  }

  /**
   * Computes what is known of each token in its context.
   *
   * @param inputs The tokens.
   * @param context What the pass is for.
   * @returns The last hidden states `[N, L, hiddenSize]`, which belong to the open scope.
   * @throws {ShapeError} If shapes do not fit, or sequences are longer than the model has positions.
   * @throws {DTypeError} If tokens are not `int32` or the mask is not `bool`.
   * @throws {ArgumentError} If the context has no random streams to train with dropout.
   */
  forward(inputs: BertInputs, context: ForwardContext): Tensor {
    let last: Tensor | undefined;
    for (const state of this.#states(inputs, context)) {
      last?.dispose();
      last = state;
    }
    return last as Tensor;
  }

  /**
   * The same with all states on the way.
   *
   * @param inputs The tokens.
   * @param context What the pass is for.
   * @returns The embeddings and the output of each layer, `[N, L, hiddenSize]` each.
   * @throws {ShapeError} If shapes do not fit, or sequences are longer than the model has positions.
   * @throws {DTypeError} If tokens are not `int32` or the mask is not `bool`.
   * @throws {ArgumentError} If the context has no random streams to train with dropout.
   */
  hiddenStates(inputs: BertInputs, context: ForwardContext): Tensor[] {
    return [...this.#states(inputs, context)];
  }

  *#states(inputs: BertInputs, context: ForwardContext): Generator<Tensor> {
    checkInputs(inputs, this.config);
    const { inputIds: { shape: [batch, length] }, attentionMask } = inputs;
    const mask = attentionMask &&
      reshape(attentionMask, [batch, 1, 1, length]);
    let x = this.#embeddings.forward(inputs, context);
    yield x;
    for (const layer of this.#layers) yield x = layer.forward(x, mask, context);
  }
}

function checkInputs(
  { inputIds, tokenTypes, attentionMask }: BertInputs,
  { maxPositions }: BertConfig,
): void {
  const [batch, length] = inputIds.shape;
  if (inputIds.rank !== 2 || length > maxPositions) {
    throw new ShapeError(
      `Cannot run a BERT on tokens ${inputIds}: expected [N, L] with L of at most ${maxPositions}`,
    );
  }
  for (const [name, x] of Object.entries({ tokenTypes, attentionMask })) {
    if (x !== undefined && String(x.shape) !== `${batch},${length}`) {
      throw new ShapeError(
        `Cannot run a BERT on tokens ${inputIds} with ${name} ${x}: the shapes differ`,
      );
    }
  }
}

/** BERT with a layer that finds the answer to a question: `BertForQuestionAnswering` of Hugging Face. */
export class BertForQuestionAnswering extends Module {
  /** The network without the last layer. */
  readonly bert: BertModel;
  /** The last layer: two numbers for each token. */
  readonly qaOutputs: Linear;

  /**
   * Makes a network with initial weights.
   *
   * @param device Where the weights live.
   * @param config How it is built.
   * @param options The seed.
   *
   * @example Two questions
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { openDevice, tensor } from "@cram/tensor";
   * import {
   *   BertForQuestionAnswering,
   *   EVALUATION,
   *   parseBertConfig,
   * } from "@cram/models";
   *
   * await using device = await openDevice("reference");
   * const config = parseBertConfig({
   *   vocab_size: 30,
   *   hidden_size: 8,
   *   num_hidden_layers: 1,
   *   num_attention_heads: 2,
   *   intermediate_size: 16,
   * });
   * using model = new BertForQuestionAnswering(device, config, { seed: 1n });
   * {
   *   using _scope = device.scope();
   *   const tokens = [[2, 7, 3, 9, 8, 3], [2, 6, 3, 5, 3, 0]];
   *   const seen = tokens.map((row) => row.map((token) => token !== 0));
   *   const { start, end } = model.forward({
   *     inputIds: tensor(device, tokens, { dtype: "int32" }),
   *     attentionMask: tensor(device, seen),
   *   }, EVALUATION);
   *   assertEquals([start.shape, end.shape], [[2, 6], [2, 6]]);
   * }
   * ```
   */
  constructor(device: Device, config: BertConfig, options: BertOptions) {
    super();
    this.bert = new BertModel(device, config, options);
    this.qaOutputs = new Linear(device, {
      inFeatures: config.hiddenSize,
      outFeatures: 2,
      standardDeviation: config.initializerRange,
      dtype: options.dtype,
    }, new RandomSource(options.seed, HEAD_STREAM));
  }

  /** `bert` and `qa_outputs`. */
  override members(): Members {
    return { bert: this.bert, qa_outputs: this.qaOutputs };
  }

  /**
   * Computes how well an answer begins and ends with each token.
   *
   * @param inputs The tokens of questions and contexts.
   * @param context What the pass is for.
   * @returns The logits, which belong to the open scope. Those of padding are there too.
   * @throws {ShapeError} If shapes do not fit, or sequences are longer than the model has positions.
   * @throws {DTypeError} If tokens are not `int32` or the mask is not `bool`.
   * @throws {ArgumentError} If the context has no random streams to train with dropout.
   */
  forward(inputs: BertInputs, context: ForwardContext): SpanLogits {
    const { device, shape } = inputs.inputIds;
    using scope = device.scope();
    const states = this.bert.forward(inputs, context);
    const outputs = this.qaOutputs.forward(states, context);
    const logits = split(inSinglePrecision(outputs), 2, { axis: -1 });
    const [start, end] = logits.map((x) => scope.keep(reshape(x, shape)));
    return { start, end };
  }
}

/** The weights of the last layer do not depend on how many others there are. */
const HEAD_STREAM = 2n ** 32n;
