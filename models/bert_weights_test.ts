import {
  cast,
  type Device,
  encodeSafetensors,
  openDevice,
  parseSafetensors,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assertEquals, assertRejects } from "@std/assert";
import { guardLeaks } from "../tests/leak_guard.ts";
import { BertForQuestionAnswering } from "./bert.ts";
import { BERT_CONFIGS } from "./bert_config.ts";
import { loadBertWeights, type LoadedBertWeights } from "./bert_weights.ts";
import { StateDictError } from "./errors.ts";
import { exportStateDict } from "./pytorch.ts";

function build(device: Device, seed: bigint): BertForQuestionAnswering {
  return new BertForQuestionAnswering(device, {
    ...BERT_CONFIGS["bert-tiny"],
    vocabSize: 5,
    hiddenSize: 4,
    layers: 1,
    intermediateSize: 6,
    maxPositions: 3,
  }, { seed });
}

async function load(
  model: BertForQuestionAnswering,
  tensors: Iterable<readonly [string, Tensor]>,
): Promise<LoadedBertWeights> {
  await using file = parseSafetensors(await encodeSafetensors(tensors));
  return await loadBertWeights(model, file);
}

async function contents(
  model: BertForQuestionAnswering,
): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of model.stateDict()) {
    found[name] = await value.data();
  }
  return found;
}

function test(
  name: string,
  run: (
    models: {
      readonly device: Device;
      readonly from: BertForQuestionAnswering;
      readonly to: BertForQuestionAnswering;
    },
  ) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using device = await openDevice("reference");
    await guardLeaks(device, async () => {
      using from = build(device, 1n);
      using to = build(device, 2n);
      using _scope = device.scope();
      await run({ device, from, to });
    });
  });
}

test("loadBertWeights() reads what exportStateDict() gives", async ({ from, to }) => {
  const report = await load(to, exportStateDict(from));
  assertEquals(report, { initialized: [], ignored: [] });
  assertEquals(await contents(to), await contents(from));
});

test("loadBertWeights() reads files of pre-training, with old names, and keeps the last layer", async ({ device, from, to }) => {
  const head = await to.qaOutputs.weight.value.data();
  const file = new Map<string, Tensor>([
    ["cls.predictions.transform.LayerNorm.gamma", tensor(device, [1])],
    ["bert.pooler.dense.weight", tensor(device, [[1]])],
    [
      "bert.embeddings.position_ids",
      tensor(device, [[0, 1]], { dtype: "int32" }),
    ],
  ]);
  const ignored = [...file.keys()];
  for (const [name, value] of exportStateDict(from.bert)) {
    const old = name.replace("LayerNorm.weight", "LayerNorm.gamma")
      .replace("LayerNorm.bias", "LayerNorm.beta");
    file.set(`bert.${old}`, value);
  }
  const report = await load(to, file);
  assertEquals(report, {
    initialized: ["qa_outputs.weight", "qa_outputs.bias"],
    ignored,
  });
  assertEquals(await to.qaOutputs.weight.value.data(), head);
  const { ["qa_outputs.weight"]: _a, ...loaded } = await contents(to);
  const { ["qa_outputs.weight"]: _b, ...expected } = await contents(from);
  assertEquals(loaded, expected);
});

test("loadBertWeights() reads files of BertModel, and other float types", async ({ device, from, to }) => {
  const file = [...exportStateDict(from.bert)].map(([name, value]) =>
    [name, cast(value, "float16")] as const
  );
  const report = await load(to, [
    ...file,
    ["pooler.dense.bias", tensor(device, [1])],
  ]);
  assertEquals(report.initialized.length, 2);
  assertEquals(report.ignored, ["pooler.dense.bias"]);
  const [name, rounded] = file[0];
  assertEquals(
    await to.stateDict().get(`bert.${name}`)!.data(),
    await cast(rounded, "float32").data(),
  );
});

test("loadBertWeights() names what does not fit, and changes nothing", async ({ device, from, to }) => {
  const before = await contents(to);
  const file = exportStateDict(from);
  file.delete("bert.encoder.layer.0.output.dense.bias");
  file.set("classifier.weight", tensor(device, [1]));
  file.set("qa_outputs.bias", tensor(device, [1, 2, 3]));
  const error = await assertRejects(() => load(to, file), StateDictError);
  for (
    const part of [
      'missing are "bert.encoder.layer.0.output.dense.bias"',
      'unexpected are "classifier.weight"',
      '"qa_outputs.bias" is float32 [3] where float32 [2] is expected',
    ]
  ) {
    assertEquals(error.message.includes(part), true, error.message);
  }
  assertEquals(await contents(to), before);
});
