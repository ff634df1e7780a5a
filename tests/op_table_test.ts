/**
 * The table misses nothing.
 *
 * @module
 */

import { Device, openDevice, type OpName, setOpObserver } from "@cram/tensor";
import type { Backend } from "@cram/tensor/backend";
import { assertEquals } from "@std/assert";
import { rules } from "../autograd/rules/mod.ts";
import { upload } from "./host_tensor.ts";
import { OPS } from "./op_table.ts";
import type { OpCase } from "./ops/op.ts";
import { Tape } from "@cram/autograd";

/**
 * Every kernel of the contract; a new one is a type error until it is here, and then a failure until the
 * table runs it.
 */
const KERNELS: Readonly<
  Record<
    Exclude<
      keyof Backend,
      | ("info" | "allocate" | "free" | "read" | "synchronize" | "close")
      | ("timeKernels" | "compile" | "trim" | "tune")
    >,
    true
  >
> = {
  write: true,
  fill: true,
  stridedCopy: true,
  cast: true,
  unary: true,
  binary: true,
  where: true,
  clip: true,
  reduce: true,
  argmax: true,
  gather: true,
  scatterAdd: true,
  matmul: true,
  conv2d: true,
  conv2dBackwardInput: true,
  conv2dBackwardWeight: true,
  maxPool2d: true,
  maxPool2dBackward: true,
  averagePool2d: true,
  averagePool2dBackward: true,
  batchNormTraining: true,
  batchNormBackward: true,
  batchNormInference: true,
  layerNorm: true,
  layerNormBackward: true,
  softmax: true,
  softmaxBackward: true,
  crossEntropy: true,
  crossEntropyBackward: true,
  attention: true,
  attentionBackward: true,
  randomUniform: true,
  dropout: true,
  perturb: true,
  maskedAdd: true,
  sgdStep: true,
  adamStep: true,
  magnitudeThresholds: true,
  pruneBelow: true,
  pruneNM: true,
};

/** A device that notes which kernels are called. */
function observed(device: Device, called: Set<string>): Device {
  return new Device(
    new Proxy(device.backend, {
      get(backend, name: keyof Backend & string) {
        called.add(name);
        const value = backend[name];
        return typeof value === "function" ? value.bind(backend) : value;
      },
    }),
  );
}

/** The operations that calls announce. */
function announced(device: Device, cases: readonly OpCase[]): OpName[] {
  const names = new Set<OpName>();
  const previous = setOpObserver({
    observes: () => true,
    record: ({ op }) => names.add(op),
  });
  try {
    for (const { inputs, run } of cases) {
      using _scope = device.scope();
      run(...inputs.map((input) => upload(device, input, "float32")));
    }
  } finally {
    setOpObserver(previous);
  }
  return [...names].sort();
}

Deno.test("the operation table has a gradient check for every rule", async () => {
  await using device = await openDevice("reference");
  assertEquals(
    announced(device, OPS.flatMap(({ gradchecks }) => gradchecks)),
    Object.keys(rules).sort(),
  );
});

Deno.test("the operation table runs every announced operation on every device", async () => {
  await using device = await openDevice("reference");
  assertEquals(
    announced(device, OPS.flatMap(({ cases }) => cases)),
    Object.keys(rules).sort(),
  );
});

Deno.test("the operation table runs every kernel", async () => {
  await using reference = await openDevice("reference");
  const called = new Set<string>();
  const device = observed(reference, called);
  for (const { inputs, run, gradients } of OPS.flatMap(({ cases }) => cases)) {
    using _scope = device.scope();
    const operands = inputs.map((input) => upload(device, input, "float32"));
    if (!gradients) {
      run(...operands);
      continue;
    }
    using tape = new Tape();
    const sources = operands.filter(({ dtype }) => dtype === "float32");
    tape.watch(sources);
    const out = run(...operands);
    using seed = out.alias();
    tape.gradients(out, sources, { seed });
  }
  assertEquals(
    Object.keys(KERNELS).filter((name) => !called.has(name)),
    [],
  );
});

Deno.test("the operation table has one row for each name", () => {
  const names = OPS.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
});
