import { valueAndGrad } from "@cram/autograd";
import {
  cast,
  type Device,
  mean,
  openDevice,
  randomNormal,
  RandomSource,
  square,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import { BertForQuestionAnswering } from "./bert.ts";
import { parseBertConfig } from "./bert_config.ts";
import { Conv2d } from "./conv2d.ts";
import { type ForwardContext, TRAINING } from "./forward_context.ts";
import { Linear } from "./linear.ts";
import type { Module } from "./module.ts";
import { ResNet } from "./resnet.ts";
import { retuneBatchNorm } from "./retune_batch_norm.ts";

const SINGLE = TRAINING;
const HALF: ForwardContext = { ...TRAINING, precision: "float16" };

/** The largest relative error of rounding to float16. */
const ROUNDING = 2 ** -11;

function test(name: string, body: (device: Device) => Promise<void>): void {
  Deno.test(name, async () => {
    await using device = await openDevice("reference");
    {
      using _scope = device.scope();
      await body(device);
    }
    assertEquals(device.memory.liveBytes, 0);
  });
}

/** How far tensors are apart, in parts of the norm of the second ones. */
async function distance(
  a: readonly Tensor[],
  b: readonly Tensor[],
): Promise<number> {
  const read = async (tensors: readonly Tensor[]) =>
    (await Promise.all(
      tensors.map(async (x) => [...await cast(x, "float64").data()]),
    )).flat();
  const [x, y] = [await read(a), await read(b)];
  return Math.hypot(...x.map((value, i) => value - y[i])) / Math.hypot(...y);
}

/** Checks that a network computes in float16 as in float32, within some rounding errors, and that gradients are float32. */
async function compare(
  device: Device,
  model: Module,
  outputOf: (context: ForwardContext) => Tensor,
  errors: number,
): Promise<void> {
  const parameters = [...model.parameters().values()];
  // Gradients of initial networks are so small that float16 has no room for them.
  const seed = tensor(device, 2 ** 8);
  const run = (context: ForwardContext) => {
    let output: Tensor | undefined;
    const { gradients } = valueAndGrad(
      (scope) => {
        output = scope.keep(outputOf(context));
        return mean(square(cast(output, "float32")));
      },
      parameters,
      { seed },
    );
    return { output: output!, gradients };
  };
  const [single, half] = [run(SINGLE), run(HALF)];
  for (const { dtype } of half.gradients) assertEquals(dtype, "float32");
  for (
    const apart of [
      await distance([half.output], [single.output]),
      await distance(half.gradients, single.gradients),
    ]
  ) {
    assert(apart > 0 && apart < errors * ROUNDING, `${apart} apart`);
  }
}

test("Conv2d computes with rounded weights and images in float16", async (device) => {
  const sizes = { inChannels: 2, outChannels: 3, kernelSize: 3, bias: true };
  using layer = new Conv2d(device, sizes, new RandomSource(1n));
  const x = randomNormal(device, [2, 5, 5, 2], { seed: 2n });
  assertEquals(layer.forward(x, HALF).dtype, "float16");
  await compare(device, layer, (context) => layer.forward(x, context), 2);
});

test("Linear computes with rounded weights and inputs in float16", async (device) => {
  const sizes = { inFeatures: 6, outFeatures: 3 };
  using layer = new Linear(device, sizes, new RandomSource(1n));
  const x = randomNormal(device, [4, 6], { seed: 2n });
  assertEquals(layer.forward(x, HALF).dtype, "float16");
  await compare(device, layer, (context) => layer.forward(x, context), 2);
});

test("ResNet computes logits and statistics in float32 by way of float16", async (device) => {
  using model = new ResNet(device, {
    stem: "imagenet",
    block: "bottleneck",
    widths: [4, 8],
    depths: [1, 1],
  }, { classes: 5, seed: 1n });
  const x = randomNormal(device, [4, 16, 16, 3], { seed: 2n });
  assertEquals(model.forward(x, HALF).dtype, "float32");
  await compare(device, model, (context) => model.forward(x, context), 40);

  const statistics = async (precision: "float32" | "float16") => {
    await retuneBatchNorm(model, [x], { precision });
    return await model.stateDict().get("layer2.0.bn3.running_var")!.data();
  };
  const [single, half] = [
    await statistics("float32"),
    await statistics("float16"),
  ];
  for (const [i, variance] of single.entries()) {
    const error = Math.abs(half[i] / variance - 1);
    assert(error > 0 && error < 20 * ROUNDING, `${error}`);
  }
});

test("BertForQuestionAnswering computes logits in float32 by way of float16", async (device) => {
  const config = parseBertConfig({
    vocab_size: 20,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 32,
    max_position_embeddings: 12,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  });
  using model = new BertForQuestionAnswering(device, config, { seed: 1n });
  const inputIds = tensor(device, [[2, 3, 4, 0], [5, 6, 7, 8]], {
    dtype: "int32",
  });
  const attentionMask = tensor(device, [
    [true, true, true, false],
    [true, true, true, true],
  ]);
  const inputs = { inputIds, attentionMask };
  assertEquals(model.bert.forward(inputs, HALF).dtype, "float16");
  assertEquals(model.forward(inputs, HALF).end.dtype, "float32");
  await compare(
    device,
    model,
    (context) => model.forward(inputs, context).start,
    2,
  );
});
