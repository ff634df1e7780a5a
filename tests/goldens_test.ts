/**
 * Results and gradients against golden values of PyTorch, which
 * goldens/generate.py made in float64.
 *
 * @module
 */

import { Tape } from "@cram/autograd";
import {
  averagePool2d,
  batchNorm,
  conv2d,
  type Device,
  type DType,
  erf,
  gelu,
  layerNorm,
  logSoftmax,
  matmul,
  maxPool2d,
  scaledDotProductAttention,
  sigmoid,
  softmax,
  softmaxCrossEntropy,
  tanh,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assert } from "@std/assert";
import {
  CPU,
  openTested,
  REFERENCE,
  WEBGPU,
  WEBGPU_DEFAULT_LIMITS,
} from "./devices.ts";
import goldens from "./goldens/operations.json" with { type: "json" };

interface Golden {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface GoldenCase {
  readonly op: string;
  readonly name: string;
  // deno-lint-ignore no-explicit-any -- each operation has its own attributes
  readonly attributes: any;
  readonly inputs: Readonly<Record<string, Golden>>;
  readonly outputs: Readonly<Record<string, Golden>>;
  readonly upstream: Golden;
  readonly gradients: Readonly<Record<string, Golden>>;
}

type Tensors = Readonly<Record<string, Tensor>>;

/** Runs a case on tensors; `put` uploads further goldens of its attributes. */
type Run = (
  inputs: Tensors,
  attributes: GoldenCase["attributes"],
  put: (golden: Golden, dtype?: DType) => Tensor,
) => Tensors;

const RUNS: Readonly<Record<string, Run>> = {
  conv2d: ({ x, weight, bias }, attributes) => ({
    out: conv2d(x, weight, { ...attributes, bias }),
  }),
  maxPool2d: ({ x }, attributes) => ({ out: maxPool2d(x, attributes) }),
  averagePool2d: ({ x }, attributes) => ({ out: averagePool2d(x, attributes) }),
  batchNorm: ({ x, scale, bias, residual }, attributes, put) => {
    const mean = put(attributes.runningMean);
    const variance = put(attributes.runningVariance);
    const out = batchNorm(x, { scale, bias, mean, variance }, {
      ...attributes,
      residual,
    });
    return { out, runningMean: mean, runningVariance: variance };
  },
  layerNorm: ({ x, scale, bias, residual }, attributes) => ({
    out: layerNorm(x, { scale, bias }, { ...attributes, residual }),
  }),
  softmax: ({ x }) => ({ out: softmax(x) }),
  logSoftmax: ({ x }) => ({ out: logSoftmax(x) }),
  softmaxCrossEntropy: ({ logits }, { labels, ...attributes }, put) => ({
    out: softmaxCrossEntropy(logits, put(labels, "int32"), attributes),
  }),
  scaledDotProductAttention: ({ query, key, value }, attributes, put) => ({
    out: scaledDotProductAttention(query, key, value, {
      causal: attributes.causal,
      mask: attributes.mask && put(attributes.mask, "bool"),
    }),
  }),
  gelu: ({ x }, attributes) => ({ out: gelu(x, attributes) }),
  tanh: ({ x }) => ({ out: tanh(x) }),
  sigmoid: ({ x }) => ({ out: sigmoid(x) }),
  erf: ({ x }) => ({ out: erf(x) }),
  matmul: ({ a, b, bias }, attributes) => ({
    out: matmul(a, b, { ...attributes, bias }),
  }),
};

/** Fails unless all elements are within a tolerance, relative to the largest expected one. */
async function assertClose(
  what: string,
  actual: Tensor,
  expected: Golden,
  tolerance: number,
): Promise<void> {
  const data = await actual.data();
  const scale = Math.max(1e-3, ...expected.data.map(Math.abs));
  assert(
    data.length === expected.data.length,
    `${what} has ${data.length} elements instead of ${expected.data.length}`,
  );
  for (const [i, value] of expected.data.entries()) {
    const error = Math.abs(data[i] - value) / scale;
    assert(
      error <= tolerance,
      `${what}[${i}] is ${
        data[i]
      } instead of ${value}: relative error ${error} > ${tolerance}`,
    );
  }
}

async function compare(
  device: Device,
  golden: GoldenCase,
  float: DType,
  tolerance: number,
): Promise<void> {
  using _scope = device.scope();
  const put = ({ shape, data }: Golden, dtype: DType = float) =>
    tensor(device, [...data], { shape, dtype });
  const inputs = Object.fromEntries(
    Object.entries(golden.inputs).map(([key, value]) => [key, put(value)]),
  );
  using tape = new Tape();
  const sources = Object.values(inputs);
  tape.watch(sources);
  const outputs = RUNS[golden.op](inputs, golden.attributes, put);
  for (const [key, value] of Object.entries(golden.outputs)) {
    await assertClose(key, outputs[key], value, tolerance);
  }
  const gradients = tape.gradients(outputs.out, sources, {
    seed: put(golden.upstream),
  });
  for (const [i, key] of Object.keys(inputs).entries()) {
    await assertClose(
      `gradient of ${key}`,
      gradients[i],
      golden.gradients[key],
      tolerance,
    );
  }
}

const [reference, ...others] = await openTested(
  REFERENCE,
  CPU,
  WEBGPU,
  WEBGPU_DEFAULT_LIMITS,
);

for (const golden of goldens as unknown as GoldenCase[]) {
  const title = `${golden.op}() agrees with PyTorch: ${golden.name}`;
  reference.test(
    title,
    (device) => compare(device, golden, "float64", 1e-10),
  );
  for (const other of others) {
    other.test(title, (device) => compare(device, golden, "float32", 1e-5));
  }
}
