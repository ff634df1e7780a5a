/**
 * How a BERT is built, in the words of Hugging Face's `config.json`.
 *
 * @module
 */

import { ConfigError } from "./errors.ts";

/** How a BERT is built. */
export interface BertConfig {
  /** How many tokens the vocabulary has. */
  readonly vocabSize: number;
  /** Numbers of each token between layers. */
  readonly hiddenSize: number;
  /** Layers of the encoder. */
  readonly layers: number;
  /** Heads of attention, which share the hidden size evenly. */
  readonly heads: number;
  /** Numbers of each token within a layer's second half. */
  readonly intermediateSize: number;
  /** What follows the first product of a layer's second half; `gelu` is exact, by the error function. */
  readonly activation: "gelu" | "geluTanh" | "relu";
  /** How probable it is that a hidden number is dropped in training. */
  readonly hiddenDropout: number;
  /** How probable it is that the attention to a token is dropped in training. */
  readonly attentionDropout: number;
  /** How long a sequence may be. */
  readonly maxPositions: number;
  /** How many types of tokens there are: question and context. */
  readonly tokenTypes: number;
  /** ε of layer normalization. */
  readonly layerNormEpsilon: number;
  /** Standard deviation of initial weights. */
  readonly initializerRange: number;
  /** The token that fills sequences up, whose embedding is 0 at first and is not trained. */
  readonly paddingIndex: number | undefined;
}

const BERT_BASE: BertConfig = {
  vocabSize: 30_522,
  hiddenSize: 768,
  layers: 12,
  heads: 12,
  intermediateSize: 3072,
  activation: "gelu",
  hiddenDropout: 0.1,
  attentionDropout: 0.1,
  maxPositions: 512,
  tokenTypes: 2,
  layerNormEpsilon: 1e-12,
  initializerRange: 0.02,
  paddingIndex: 0,
};

/**
 * Sizes by name, all with the vocabulary of `bert-base-uncased`: `bert-base`
 * (Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for
 * Language Understanding", NAACL 2019), `bert-mini` and `bert-tiny` (Turc et
 * al., "Well-Read Students Learn Better", 2019).
 */
export const BERT_CONFIGS: Readonly<
  Record<"bert-base" | "bert-mini" | "bert-tiny", BertConfig>
> = {
  "bert-base": BERT_BASE,
  "bert-mini": {
    ...BERT_BASE,
    hiddenSize: 256,
    layers: 4,
    heads: 4,
    intermediateSize: 1024,
  },
  "bert-tiny": {
    ...BERT_BASE,
    hiddenSize: 128,
    layers: 2,
    heads: 2,
    intermediateSize: 512,
  },
};

/** The activations by Hugging Face's names. */
const ACTIVATIONS: Readonly<Record<string, BertConfig["activation"]>> = {
  gelu: "gelu",
  gelu_new: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  relu: "relu",
};

/** What a model must be for the keys of a config that would change its calculation. */
const FIXED: Readonly<Record<string, unknown>> = {
  model_type: "bert",
  position_embedding_type: "absolute",
  is_decoder: false,
  add_cross_attention: false,
};

/** Hugging Face's names of numbers, and what is expected of them. */
const NUMBERS: readonly {
  readonly key: string;
  readonly field: keyof BertConfig;
  readonly expected: string;
  readonly fits: (value: number) => boolean;
}[] = [
  ...([
    ["vocab_size", "vocabSize"],
    ["hidden_size", "hiddenSize"],
    ["num_hidden_layers", "layers"],
    ["num_attention_heads", "heads"],
    ["intermediate_size", "intermediateSize"],
    ["max_position_embeddings", "maxPositions"],
    ["type_vocab_size", "tokenTypes"],
  ] as const).map(([key, field]) => ({
    key,
    field,
    expected: "a whole number of at least 1",
    fits: (value: number) => Number.isSafeInteger(value) && value >= 1,
  })),
  ...([
    ["hidden_dropout_prob", "hiddenDropout"],
    ["attention_probs_dropout_prob", "attentionDropout"],
  ] as const).map(([key, field]) => ({
    key,
    field,
    expected: "a number of at least 0 and less than 1",
    fits: (value: number) => value >= 0 && value < 1,
  })),
  {
    key: "layer_norm_eps",
    field: "layerNormEpsilon",
    expected: "a number above 0",
    fits: (value) => value > 0 && value < Infinity,
  },
  {
    key: "initializer_range",
    field: "initializerRange",
    expected: "a number of at least 0",
    fits: (value) => value >= 0 && value < Infinity,
  },
];

/**
 * Reads the parsed `config.json` of a BERT of Hugging Face. What it does not
 * say is as in `bert-base`, as transformers has it; keys that change nothing
 * here are passed over.
 *
 * @param json The parsed file.
 * @returns How the model is built.
 * @throws {ConfigError} If it is no BERT, or one with an activation or positions that are not there, or a number is out of its range.
 *
 * @example A small one
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseBertConfig } from "@cram/models";
 *
 * const text = '{ "hidden_size": 64, "num_attention_heads": 4 }';
 * const config = parseBertConfig(JSON.parse(text));
 * assertEquals(config.heads, 4);
 * assertEquals(config.layers, 12);
 * ```
 */
export function parseBertConfig(json: unknown): BertConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ConfigError(
      `Cannot read a BERT config from ${
        JSON.stringify(json)
      }: expected an object`,
    );
  }
  const given = json as Readonly<Record<string, unknown>>;
  for (const [key, expected] of Object.entries(FIXED)) {
    refuseUnless(given[key] === undefined || given[key] === expected, {
      ...{ key, value: given[key], expected: JSON.stringify(expected) },
    });
  }
  const { hidden_act: activation = "gelu" } = given;
  refuseUnless(
    typeof activation === "string" && Object.hasOwn(ACTIVATIONS, activation),
    {
      key: "hidden_act",
      value: activation,
      expected: `one of ${Object.keys(ACTIVATIONS).join(", ")}`,
    },
  );
  const numbers: Partial<Record<keyof BertConfig, unknown>> = {};
  for (const { key, field, expected, fits } of NUMBERS) {
    const { [key]: value = BERT_BASE[field] } = given;
    refuseUnless(typeof value === "number" && fits(value), {
      ...{ key, value, expected },
    });
    numbers[field] = value;
  }
  const { pad_token_id: padding = BERT_BASE.paddingIndex } = given;
  const config = {
    ...numbers,
    activation: ACTIVATIONS[activation as string],
    paddingIndex: padding ?? undefined,
  } as BertConfig;
  const { hiddenSize, heads, vocabSize, paddingIndex } = config;
  refuseUnless(hiddenSize % heads === 0, {
    key: "hidden_size",
    value: hiddenSize,
    expected: `a multiple of "num_attention_heads" ${heads}`,
  });
  refuseUnless(
    paddingIndex === undefined ||
      Number.isSafeInteger(paddingIndex) && paddingIndex >= 0 &&
        paddingIndex < vocabSize,
    {
      key: "pad_token_id",
      value: padding,
      expected: `null or a token of 0 to ${vocabSize - 1}`,
    },
  );
  return config;
}

function refuseUnless(
  fits: boolean,
  { key, value, expected }: {
    readonly key: string;
    readonly value: unknown;
    readonly expected: string;
  },
): void {
  if (!fits) {
    throw new ConfigError(
      `Cannot build a BERT with "${key}" ${
        JSON.stringify(value)
      }: expected ${expected}`,
    );
  }
}

/**
 * Writes a config as transformers reads it from `config.json`.
 *
 * @param config How the model is built.
 * @returns The object to store as JSON.
 *
 * @example And back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BERT_CONFIGS, bertConfigToJson, parseBertConfig } from "@cram/models";
 *
 * const config = BERT_CONFIGS["bert-tiny"];
 * assertEquals(parseBertConfig(bertConfigToJson(config)), config);
 * ```
 */
export function bertConfigToJson(
  config: BertConfig,
): Record<string, unknown> {
  const activation = Object.keys(ACTIVATIONS)
    .find((name) => ACTIVATIONS[name] === config.activation);
  return {
    architectures: ["BertForQuestionAnswering"],
    ...FIXED,
    hidden_act: activation,
    ...Object.fromEntries(
      NUMBERS.map(({ key, field }) => [key, config[field]]),
    ),
    pad_token_id: config.paddingIndex ?? null,
  };
}
