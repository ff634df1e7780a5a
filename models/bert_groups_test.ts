import { openDevice } from "@cram/tensor";
import { assertEquals } from "@std/assert";
import { BertForQuestionAnswering } from "./bert.ts";
import { BERT_CONFIGS } from "./bert_config.ts";
import { bertGroups } from "./bert_groups.ts";

/** The names whose first group has a setting. */
async function names(
  groups: ReturnType<typeof bertGroups>,
  key: "prunable" | "weightDecay",
  value: boolean | number,
): Promise<string[]> {
  await using device = await openDevice("reference");
  const config = {
    ...BERT_CONFIGS["bert-tiny"],
    vocabSize: 5,
    hiddenSize: 4,
    layers: 1,
    intermediateSize: 4,
  };
  using model = new BertForQuestionAnswering(device, config, { seed: 1n });
  return [...model.parameters().keys()].filter((name) =>
    groups.find(({ match }) => match.test(name))?.[key] === value
  );
}

Deno.test("bertGroups() prunes the linear weights of the encoder", async () => {
  const layer = "bert.encoder.layer.0";
  assertEquals(await names(bertGroups(), "prunable", true), [
    `${layer}.attention.self.query.weight`,
    `${layer}.attention.self.key.weight`,
    `${layer}.attention.self.value.weight`,
    `${layer}.attention.output.dense.weight`,
    `${layer}.intermediate.dense.weight`,
    `${layer}.output.dense.weight`,
  ]);
});

Deno.test("bertGroups() prunes what is asked for, but no biases and normalizations", async () => {
  assertEquals(
    await names(bertGroups(/embeddings|qa_outputs/), "prunable", true),
    [
      "bert.embeddings.word_embeddings.weight",
      "bert.embeddings.position_embeddings.weight",
      "bert.embeddings.token_type_embeddings.weight",
      "qa_outputs.weight",
    ],
  );
});

Deno.test("bertGroups() keeps biases and normalizations from decaying", async () => {
  const undecayed = await names(bertGroups(), "weightDecay", 0);
  assertEquals(
    undecayed.every((name) =>
      name.endsWith(".bias") || name.endsWith("LayerNorm.weight")
    ),
    true,
  );
  assertEquals(undecayed.length, 2 + 6 + 2 * 2 + 1);
});
