/**
 * BERT for question answering against Hugging Face's transformers: hidden
 * states, logits, loss and every gradient of one pass, and 20 steps of AdamW
 * and CrAM+. `goldens/bert.py` made the values.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { topK } from "@cram/compress";
import {
  BertForQuestionAnswering,
  bertGroups,
  type BertInputs,
  EVALUATION,
  exportStateDict,
  importStateDict,
  parseBertConfig,
  type SpanLabels,
  spanLoss,
  trainingContext,
} from "@cram/models";
import { adamW, cramPlus, type OptimizerRule, warmupLinear } from "@cram/optim";
import {
  assign,
  type Device,
  type DType,
  notEqual,
  openDevice,
  openSafetensors,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";

interface Golden {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

async function readGoldens(url: URL): Promise<Map<string, Golden>> {
  await using device = await openDevice("reference");
  await using file = await openSafetensors(fileURLToPath(url));
  const found = new Map<string, Golden>();
  for (const name of file.entries.keys()) {
    using tensor = await file.tensor(device, name);
    found.set(name, {
      shape: tensor.shape,
      values: await tensor.data() as ArrayLike<number>,
    });
  }
  return found;
}

/** What the script stored, by name. */
const goldens = await readGoldens(
  new URL("goldens/bert.safetensors", import.meta.url),
);

/** The stored tensors whose names begin with `prefix/`, by the rest of their names. */
function stored(prefix: string): [name: string, golden: Golden][] {
  return [...goldens].filter(([name]) => name.startsWith(`${prefix}/`)).map(
    ([name, golden]) => [name.slice(prefix.length + 1), golden],
  );
}

/** Weights and inputs that were stored, on a device. */
class Example implements Disposable {
  readonly model: BertForQuestionAnswering;
  readonly inputs: BertInputs;
  readonly labels: SpanLabels;

  constructor(
    device: Device,
    dtype: DType,
    prefix: string,
    config: Readonly<Record<string, number>>,
  ) {
    this.model = new BertForQuestionAnswering(
      device,
      parseBertConfig({
        ...config,
        num_hidden_layers: 2,
        hidden_dropout_prob: 0,
        attention_probs_dropout_prob: 0,
      }),
      { seed: 1n, dtype },
    );
    const state = stored(`${prefix}state`).map(([name, { shape, values }]) =>
      [
        name,
        tensor(device, Float64Array.from(values), { shape, dtype }),
      ] as const
    );
    importStateDict(this.model, new Map(state));
    const input = (name: string) => {
      const { shape, values } = goldens.get(`${prefix}inputs/${name}`)!;
      return tensor(device, Int32Array.from(values), { shape });
    };
    this.inputs = {
      inputIds: input("input_ids"),
      tokenTypes: input("token_type_ids"),
      attentionMask: notEqual(input("attention_mask"), 0),
    };
    this.labels = {
      start: input("start_positions"),
      end: input("end_positions"),
    };
  }

  [Symbol.dispose](): void {
    this.model[Symbol.dispose]();
  }
}

async function assertClose(
  what: string,
  actual: Tensor,
  expected: Golden,
  tolerance: number,
): Promise<void> {
  assertEquals([...actual.shape], [...expected.shape], what);
  const values = [...await actual.data()] as number[];
  const wanted = Array.from(expected.values);
  // Gradients of key biases, which are 0 but for rounding, count as if the largest were this.
  const scale = Math.max(1e-2, ...wanted.map(Math.abs));
  for (const [i, value] of wanted.entries()) {
    assert(
      Math.abs(values[i] - value) <= tolerance * scale,
      `${what}, element ${i}: ${values[i]} instead of ${value}`,
    );
  }
}

async function compare(
  device: Device,
  dtype: DType,
  tolerance: number,
): Promise<void> {
  using _scope = device.scope();
  using example = new Example(device, dtype, "", {
    vocab_size: 100,
    hidden_size: 32,
    num_attention_heads: 4,
    intermediate_size: 64,
    max_position_embeddings: 12,
  });
  const { model, inputs, labels } = example;
  const close = (what: string, actual: Tensor, name: string) =>
    assertClose(what, actual, goldens.get(name)!, tolerance);

  const states = model.bert.hiddenStates(inputs, EVALUATION);
  for (const [i, state] of states.entries()) {
    await close(`hidden states ${i}`, state, `hidden/${i}`);
  }
  assertEquals(states.length, stored("hidden").length);
  const { start, end } = model.forward(inputs, EVALUATION);
  await close("start logits", start, "logits/start");
  await close("end logits", end, "logits/end");

  const parameters = [...model.parameters().values()];
  const { value, gradients } = valueAndGrad(
    () =>
      spanLoss(
        model.forward(
          inputs,
          trainingContext({ updateStatistics: true, stream: 0n }, 1n),
        ),
        labels,
      ),
    parameters,
  );
  await close("loss", value, "loss");
  // Gradients take the places of the weights, so that the export reorders them.
  for (const [i, parameter] of parameters.entries()) {
    assign(parameter, gradients[i]);
  }
  const exported = exportStateDict(model);
  assertEquals(
    [...exported.keys()].sort(),
    stored("gradients").map(([name]) => name).sort(),
  );
  for (const [name, gradient] of exported) {
    await close(`gradient of ${name}`, gradient, `gradients/${name}`);
  }
}

/** The optimizers as the script runs them. */
const OPTIMIZERS: Readonly<Record<string, OptimizerRule>> = (() => {
  const base = adamW({ epsilon: 1e-6, weightDecay: 0.01 });
  return {
    "AdamW": base,
    "CrAM+-Multi": cramPlus({
      base,
      compressors: [topK(0.5), topK(0.6), topK(0.7)],
    }),
  };
})();

const STEPS = 20;

/**
 * What no soft-max sees, as it is the same for all keys or positions. The
 * gradients are 0 but for rounding, of which Adam makes steps.
 */
const UNSEEN =
  /key\.bias$|layer\.1\.output\.LayerNorm\.bias$|qa_outputs\.bias$/;

async function follow(
  device: Device,
  dtype: DType,
  optimizerName: string,
  tolerance: number,
): Promise<void> {
  using _scope = device.scope();
  using example = new Example(device, dtype, "trajectories/", {
    vocab_size: 40,
    hidden_size: 16,
    num_attention_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 8,
  });
  const { model, inputs, labels } = example;
  const parameters = model.parameters();
  using optimizer = OPTIMIZERS[optimizerName].start(parameters, {
    groups: bertGroups(),
    clip: { maxNorm: 1 },
  });
  const rate = warmupLinear({ peak: 0.01, steps: STEPS, warmupSteps: 4 });
  const golden = (name: string) =>
    goldens.get(`trajectories/${optimizerName}/${name}`)!;
  const { values: losses } = golden("losses");
  for (let step = 0; step < STEPS; step++) {
    using _step = device.scope();
    const loss = await optimizer.step(
      (pass) =>
        valueAndGrad(() => {
          const logits = model.forward(inputs, trainingContext(pass, 1n));
          return spanLoss(logits, labels);
        }, [...parameters.values()]),
      { learningRate: rate(step) },
    );
    await assertClose(
      `loss of step ${step + 1}`,
      loss,
      { shape: [], values: [losses[step]] },
      tolerance,
    );
  }
  for (const [name, value] of exportStateDict(model)) {
    if (dtype === "float32" && UNSEEN.test(name)) continue;
    await assertClose(name, value, golden(`state/${name}`), 10 * tolerance);
  }
}

for (const device of await openTested(CPU, WEBGPU)) {
  device.test(
    "BERT computes what transformers compute",
    (device) => compare(device, "float32", 1e-5),
  );
  for (const name of Object.keys(OPTIMIZERS)) {
    device.test(
      `twenty steps of BERT by ${name} come to where PyTorch comes`,
      (device) => follow(device, "float32", name, 1e-4),
    );
  }
}

for (const device of await openTested(REFERENCE)) {
  device.test(
    "BERT computes what transformers compute, in float64",
    (device) => compare(device, "float64", 1e-9),
  );
  for (const name of Object.keys(OPTIMIZERS)) {
    device.test(
      `twenty steps of BERT by ${name} come to where PyTorch comes, in float64`,
      (device) => follow(device, "float64", name, 1e-9),
    );
  }
}
