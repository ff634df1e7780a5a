import {
  ArgumentError,
  type Device,
  openDevice,
  ShapeError,
  slice,
  type Tensor,
  tensor,
} from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import { guardLeaks } from "../tests/leak_guard.ts";
import { BertForQuestionAnswering, type BertInputs } from "./bert.ts";
import { BERT_CONFIGS, type BertConfig } from "./bert_config.ts";
import { EVALUATION, TRAINING, trainingContext } from "./forward_context.ts";

const SMALL: BertConfig = {
  ...BERT_CONFIGS["bert-tiny"],
  vocabSize: 50,
  hiddenSize: 12,
  layers: 2,
  heads: 3,
  intermediateSize: 20,
  maxPositions: 10,
};

function test(
  name: string,
  run: (device: Device) => void | Promise<void>,
): void {
  Deno.test(name, async () => {
    await using device = await openDevice("reference");
    await guardLeaks(device, async () => {
      using _scope = device.scope();
      await run(device);
    });
  });
}

function tokens(device: Device, rows: readonly (readonly number[])[]): Tensor {
  return tensor(device, rows, { dtype: "int32" });
}

test("BertForQuestionAnswering has the parameters that transformers counts", (device) => {
  const config = BERT_CONFIGS["bert-tiny"];
  using model = new BertForQuestionAnswering(device, config, { seed: 1n });
  let size = 0;
  for (const parameter of model.parameters().values()) size += parameter.size;
  assertEquals(size, 4_369_666);
});

test("BertForQuestionAnswering names its variables as transformers does, in its order", (device) => {
  using model = new BertForQuestionAnswering(
    device,
    { ...SMALL, layers: 1 },
    { seed: 1n },
  );
  const layer = "bert.encoder.layer.0";
  const linear = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
  ];
  const pair = (name: string) => [`${name}.weight`, `${name}.bias`];
  assertEquals([...model.variables().keys()], [
    "bert.embeddings.word_embeddings.weight",
    "bert.embeddings.position_embeddings.weight",
    "bert.embeddings.token_type_embeddings.weight",
    ...pair("bert.embeddings.LayerNorm"),
    ...linear.flatMap((name) => pair(`${layer}.${name}`)),
    ...pair("qa_outputs"),
  ]);
});

test("BertForQuestionAnswering begins as transformers does, by its seed alone", async (device) => {
  using model = new BertForQuestionAnswering(device, SMALL, { seed: 1n });
  for (const [name, value] of model.stateDict()) {
    const data = [...await value.data()] as number[];
    if (name.endsWith(".bias")) {
      assert(data.every((x) => x === 0), name);
    } else if (name.endsWith("LayerNorm.weight")) {
      assert(data.every((x) => x === 1), name);
    } else {
      const padding = name.includes("word_embeddings") ? SMALL.hiddenSize : 0;
      assert(data.slice(0, padding).every((x) => x === 0), name);
      const drawn = data.slice(padding);
      const square = drawn.reduce((sum, x) => sum + x * x, 0) / drawn.length;
      // Five standard deviations of the estimate.
      const slack = 5 / Math.sqrt(2 * drawn.length);
      assertAlmostEquals(Math.sqrt(square) / 0.02, 1, slack, name);
    }
  }

  const weight = async (seed: bigint) => {
    using other = new BertForQuestionAnswering(device, SMALL, { seed });
    return await other.qaOutputs.weight.value.data();
  };
  assertEquals(await weight(1n), await model.qaOutputs.weight.value.data());
  assert(String(await weight(1n)) !== String(await weight(2n)));
});

test("BertModel does not see padding", async (device) => {
  using model = new BertForQuestionAnswering(device, SMALL, { seed: 1n });
  const run = (inputs: BertInputs) => model.bert.forward(inputs, EVALUATION);
  const alone = run({ inputIds: tokens(device, [[4, 5, 6]]) });
  const padded = run({
    inputIds: tokens(device, [[4, 5, 6, 0, 0], [1, 2, 3, 4, 5]]),
    attentionMask: tensor(device, [
      [true, true, true, false, false],
      [true, true, true, true, true],
    ]),
  });
  const first = slice(padded, [0, 0, 0], [1, 3, -1]);
  const expected = await alone.data();
  (await first.data()).forEach((x, i) =>
    assertAlmostEquals(x, expected[i], 1e-5)
  );
});

test("BertModel tells tokens of different types apart", async (device) => {
  using model = new BertForQuestionAnswering(device, SMALL, { seed: 1n });
  const inputIds = tokens(device, [[4, 5, 6]]);
  const run = async (tokenTypes?: Tensor) =>
    String(
      await model.bert.forward({ inputIds, tokenTypes }, EVALUATION).data(),
    );
  assertEquals(await run(tokens(device, [[0, 0, 0]])), await run());
  assert(await run(tokens(device, [[0, 1, 1]])) !== await run());
});

test("BertForQuestionAnswering drops by the streams of its context, in training only", async (device) => {
  using model = new BertForQuestionAnswering(device, SMALL, { seed: 1n });
  const inputs = { inputIds: tokens(device, [[4, 5, 6]]) };
  const run = async (stream?: bigint) => {
    const context = stream === undefined
      ? EVALUATION
      : trainingContext({ updateStatistics: true, stream }, 7n);
    return String(await model.forward(inputs, context).start.data());
  };
  assertEquals(await run(5n), await run(5n));
  assert(await run(5n) !== await run(2n ** 16n));
  assert(await run(5n) !== await run());

  // Behind the embeddings, and in each layer of attention and behind both ways around.
  const { layers } = SMALL;
  for (
    const [rates, streams] of [
      [{}, 1 + 3 * layers],
      [{ hiddenDropout: 0 }, layers],
      [{ attentionDropout: 0 }, 1 + 2 * layers],
    ] as const
  ) {
    const config = { ...SMALL, ...rates };
    using other = new BertForQuestionAnswering(device, config, { seed: 1n });
    const context = trainingContext({ updateStatistics: true, stream: 5n }, 7n);
    const { start } = other.forward(inputs, context);
    assertEquals(context.random?.stream, 5n + BigInt(streams));
    assert(String(await start.data()) !== await run());
  }
});

test("BertForQuestionAnswering refuses to train with dropout and no streams", (device) => {
  using model = new BertForQuestionAnswering(device, SMALL, { seed: 1n });
  const inputs = { inputIds: tokens(device, [[4, 5, 6]]) };
  assertThrows(
    () => model.forward(inputs, TRAINING),
    ArgumentError,
    "Cannot train with dropout 0.1 and no random streams",
  );
});

test("BertForQuestionAnswering refuses inputs that do not fit", (device) => {
  using model = new BertForQuestionAnswering(device, SMALL, { seed: 1n });
  const run = (inputs: BertInputs) => () => model.forward(inputs, EVALUATION);
  assertThrows(
    run({ inputIds: tokens(device, [Array(11).fill(1)]) }),
    ShapeError,
    "expected [N, L] with L of at most 10",
  );
  assertThrows(
    run({ inputIds: tensor(device, [1, 2], { dtype: "int32" }) }),
    ShapeError,
    "expected [N, L]",
  );
  const inputIds = tokens(device, [[1, 2]]);
  assertThrows(
    run({ inputIds, tokenTypes: tokens(device, [[1]]) }),
    ShapeError,
    "tokenTypes",
  );
  assertThrows(
    run({ inputIds, attentionMask: tensor(device, [true, true]) }),
    ShapeError,
    "attentionMask",
  );
});
