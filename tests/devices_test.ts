/**
 * Every operation and its gradients on every device, against the reference
 * in float64.
 *
 * @module
 */

import { Tape } from "@cram/autograd";
import {
  type Device,
  type DType,
  fromBfloat16,
  fromFloat16,
  openDevice,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import {
  CPU,
  openTested,
  type TestedDevice,
  WEBGPU,
  WEBGPU_DEFAULT_LIMITS,
  WEBGPU_SMALL_BINDINGS,
} from "./devices.ts";
import { type HostTensor, upload } from "./host_tensor.ts";
import { OPS } from "./op_table.ts";
import {
  type Op,
  type OpCase,
  SMALLEST_NORMAL,
  type Tolerance,
} from "./ops/op.ts";

/** What a call gives: its result, then the gradients of its float operands. */
type CallValues = readonly HostTensor[];

/** Weights of the results' elements, as a gradient that comes from behind. */
function seedLike(out: Tensor): Tensor {
  const values = Float64Array.from(
    { length: out.size },
    (_, i) => ((i * 37 + 11) % 61) / 64 - 0.375,
  );
  return tensor(out.device, values, { shape: out.shape, dtype: out.dtype });
}

/** Makes one call, with gradients if it has them. */
async function runCase(
  device: Device,
  { inputs, run, gradients }: OpCase,
  float: DType,
): Promise<CallValues> {
  const operands = inputs.map((input) => upload(device, input, float));
  const results: Tensor[] = [];
  if (gradients) {
    using tape = new Tape();
    const sources = operands.filter(({ dtype }) => dtype === float);
    tape.watch(sources);
    const out = run(...operands);
    results.push(out);
    using seed = seedLike(out);
    results.push(...tape.gradients(out, sources, { seed }));
  } else {
    results.push(run(...operands));
  }
  const data = await Promise.all(results.map((result) => result.data()));
  for (const made of [...operands, ...results]) made.dispose();
  return results.map(({ shape, dtype }, i) => ({
    shape,
    dtype: dtype === float ? "float32" : dtype,
    data: data[i],
  }));
}

/** The same call with operands whose denormal numbers are 0. */
function flushed(call: OpCase): OpCase {
  return {
    ...call,
    inputs: call.inputs.map((input) => ({
      ...input,
      data: input.dtype === "float32" ? input.data.map(flush) : input.data,
    })),
  };
}

function flush(x: number): number {
  return Math.abs(x) < SMALLEST_NORMAL ? x * 0 : x;
}

function hasDenormals({ inputs }: OpCase): boolean {
  return inputs.some(({ dtype, data }) =>
    dtype === "float32" && data.some((x) => x !== 0 && flush(x) === 0)
  );
}

const reference = await openDevice("reference");
const expectations = new Map<Op, Promise<Expectation[]>>();

/** What a call gives on the reference; GPUs may see denormal operands as 0. */
interface Expectation {
  readonly exact: CallValues;
  readonly flushed: CallValues;
}

function expected(op: Op): Promise<Expectation[]> {
  const known = expectations.get(op);
  if (known !== undefined) return known;
  const values = Promise.all(op.cases.map(async (call) => {
    const exact = await runCase(reference, call, "float64");
    return {
      exact,
      flushed: hasDenormals(call)
        ? await runCase(reference, flushed(call), "float64")
        : exact,
    };
  }));
  expectations.set(op, values);
  return values;
}

/** Numbers as float32, decoded where a dtype holds bit patterns. */
function numbers({ dtype, data }: HostTensor): ArrayLike<number> {
  switch (dtype) {
    case "float32":
      return Float32Array.from(data);
    case "float16":
      return fromFloat16(data);
    case "bfloat16":
      return fromBfloat16(data);
    default:
      return data;
  }
}

function describe(op: Op, call: OpCase, value: number): string {
  return `${op.name}, ${call.name}, ${
    value === 0 ? "result" : `gradient of float operand ${value - 1}`
  }`;
}

/**
 * Gradients take several kernels and sums: their errors are relative to the
 * largest gradient of the operand, if that is above the scale.
 */
function gradientTolerance(
  { cpu, webgpu, scale, reason }: Tolerance,
  gradients: ArrayLike<number>,
): Tolerance {
  for (let i = 0; i < gradients.length; i++) {
    if (Math.abs(gradients[i]) > scale) scale = Math.abs(gradients[i]);
  }
  return {
    cpu: Math.max(cpu, 3e-6),
    webgpu: Math.max(webgpu, 3e-6),
    scale,
    reason,
  };
}

/** The largest difference that is accepted from a number. */
function allowance(
  expected: number,
  tolerance: Tolerance,
  kind: "cpu" | "webgpu",
): number {
  const relative = tolerance[kind] *
    Math.max(Math.abs(expected), tolerance.scale);
  // GPUs may write 0 for denormal results.
  return kind === "webgpu" ? relative + SMALLEST_NORMAL : relative;
}

function compare(
  op: Op,
  call: OpCase,
  actual: CallValues,
  { exact, flushed }: Expectation,
  kind: "cpu" | "webgpu",
): void {
  assertEquals(actual.length, exact.length);
  for (const [i, value] of actual.entries()) {
    const what = describe(op, call, i);
    assertEquals(value.shape, exact[i].shape, what);
    assertEquals(value.dtype, exact[i].dtype, what);
    const [a, e, f] = [value, exact[i], flushed[i]].map(numbers);
    const tolerance = i === 0
      ? op.tolerance
      : gradientTolerance(op.tolerance, e);
    for (let j = 0; j < e.length; j++) {
      const agrees = [e[j], kind === "webgpu" ? f[j] : e[j]].some((x) =>
        Object.is(a[j], x) ||
        Math.abs(a[j] - x) <= allowance(x, tolerance, kind)
      );
      assert(
        agrees,
        `${what}: element ${j} of [${value.shape}] is ${a[j]} instead of ${
          e[j]
        }, off by ${Math.abs(a[j] - e[j])}`,
      );
    }
  }
}

function testOp(op: Op, { kind, test }: TestedDevice): void {
  test(`${op.name} agrees with the reference`, async (device) => {
    const [expectation, actual] = await Promise.all([
      expected(op),
      Promise.all(op.cases.map((call) => runCase(device, call, "float32"))),
    ]);
    for (const [i, call] of op.cases.entries()) {
      compare(op, call, actual[i], expectation[i], kind as "cpu" | "webgpu");
    }
  });
}

for (
  const device of await openTested(
    CPU,
    WEBGPU,
    WEBGPU_DEFAULT_LIMITS,
    WEBGPU_SMALL_BINDINGS,
  )
) {
  for (const op of OPS) testOp(op, device);
}
