import { assertEquals, assertThrows } from "@std/assert";
import {
  BERT_CONFIGS,
  bertConfigToJson,
  parseBertConfig,
} from "./bert_config.ts";
import { ConfigError } from "./errors.ts";

Deno.test("parseBertConfig() reads what Hugging Face publishes", () => {
  const published = {
    architectures: ["BertForMaskedLM"],
    attention_probs_dropout_prob: 0.1,
    gradient_checkpointing: false,
    hidden_act: "gelu",
    hidden_dropout_prob: 0.1,
    hidden_size: 768,
    initializer_range: 0.02,
    intermediate_size: 3072,
    layer_norm_eps: 1e-12,
    max_position_embeddings: 512,
    model_type: "bert",
    num_attention_heads: 12,
    num_hidden_layers: 12,
    pad_token_id: 0,
    position_embedding_type: "absolute",
    transformers_version: "4.6.0.dev0",
    type_vocab_size: 2,
    use_cache: true,
    vocab_size: 30_522,
  };
  assertEquals(parseBertConfig(published), BERT_CONFIGS["bert-base"]);
  assertEquals(parseBertConfig({}), BERT_CONFIGS["bert-base"]);
  const { activation, paddingIndex } = parseBertConfig({
    hidden_act: "gelu_new",
    pad_token_id: null,
  });
  assertEquals([activation, paddingIndex], ["geluTanh", undefined]);
});

Deno.test("bertConfigToJson() writes what parseBertConfig() reads", () => {
  const base = BERT_CONFIGS["bert-base"];
  for (
    const config of [
      ...Object.values(BERT_CONFIGS),
      { ...base, activation: "relu" as const, paddingIndex: undefined },
      { ...base, activation: "geluTanh" as const, paddingIndex: 7 },
    ]
  ) {
    const text = JSON.stringify(bertConfigToJson(config));
    assertEquals(parseBertConfig(JSON.parse(text)), config);
  }
});

const REFUSALS: readonly (readonly [config: unknown, message: string])[] = [
  [null, "Cannot read a BERT config from null: expected an object"],
  [[], "expected an object"],
  [
    { model_type: "roberta" },
    'Cannot build a BERT with "model_type" "roberta": expected "bert"',
  ],
  [
    { position_embedding_type: "relative_key" },
    '"position_embedding_type" "relative_key": expected "absolute"',
  ],
  [{ is_decoder: true }, '"is_decoder" true: expected false'],
  [
    { hidden_act: "silu" },
    '"hidden_act" "silu": expected one of gelu, gelu_new, gelu_pytorch_tanh, relu',
  ],
  [{ hidden_act: "toString" }, '"hidden_act" "toString"'],
  [{ hidden_act: 3 }, '"hidden_act" 3'],
  [
    { num_hidden_layers: 0 },
    '"num_hidden_layers" 0: expected a whole number of at least 1',
  ],
  [{ vocab_size: "30522" }, '"vocab_size" "30522"'],
  [{ type_vocab_size: null }, '"type_vocab_size" null'],
  [{ hidden_size: 12.5 }, '"hidden_size" 12.5'],
  [
    { hidden_size: 100 },
    '"hidden_size" 100: expected a multiple of "num_attention_heads" 12',
  ],
  [
    { hidden_dropout_prob: 1 },
    '"hidden_dropout_prob" 1: expected a number of at least 0 and less than 1',
  ],
  [{ attention_probs_dropout_prob: -0.1 }, '"attention_probs_dropout_prob"'],
  [{ layer_norm_eps: 0 }, '"layer_norm_eps" 0: expected a number above 0'],
  [{ initializer_range: -1 }, '"initializer_range" -1'],
  [
    { vocab_size: 9, pad_token_id: 9 },
    '"pad_token_id" 9: expected null or a token of 0 to 8',
  ],
  [{ pad_token_id: "0" }, '"pad_token_id" "0"'],
];

for (const [config, message] of REFUSALS) {
  Deno.test(`parseBertConfig() refuses ${JSON.stringify(config)}`, () => {
    assertThrows(() => parseBertConfig(config), ConfigError, message);
  });
}
