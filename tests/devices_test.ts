/**
 * Every operation and its gradients on every device, against the reference:
 * float32 against float64, float16 against float16.
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
  single: readonly number[] = [],
): Promise<CallValues> {
  const operands = inputs.map((input, i) =>
    upload(device, input, single.includes(i) ? "float32" : float)
  );
  const results: Tensor[] = [];
  if (gradients) {
    using tape = new Tape();
    const sources = operands.filter((_, i) => inputs[i].dtype === "float32");
    tape.watch(sources);
    const out = run(...operands);
    results.push(out);
    using seed = seedLike(out);
    results.push(...tape.gradients(out, sources, { seed }));
    assertEquals(
      results.slice(1).map(({ dtype }) => dtype),
      sources.map(({ dtype }) => dtype),
    );
  } else {
    results.push(run(...operands));
  }
  const data = await Promise.all(results.map((result) => result.data()));
  for (const made of [...operands, ...results]) made.dispose();
  return results.map(({ shape, dtype }, i) => ({
    shape,
    dtype: dtype === float ? "float32" : dtype,
    data: dtype === "float16" && float === dtype
      ? fromFloat16(data[i])
      : data[i],
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

/** What a table of floats is computed in, and what its reference is. */
interface Precision {
  readonly float: "float32" | "float16";
  readonly reference: DType;
  /** Distance of neighbouring numbers beyond what tolerances know of. */
  readonly step: (x: number) => number;
  readonly expectations: Map<Op, Promise<Expectation[]>>;
}

const SINGLE: Precision = {
  float: "float32",
  reference: "float64",
  step: () => 0,
  expectations: new Map(),
};

/** Computed in float32 and rounded once, so that a result may be the next number. */
const HALF: Precision = {
  float: "float16",
  reference: "float16",
  step: (x) => 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - 10, -24),
  expectations: new Map(),
};

/** What a call gives on the reference; GPUs may see denormal operands as 0. */
interface Expectation {
  readonly exact: CallValues;
  readonly flushed: CallValues;
}

function expected(
  op: Op,
  { expectations, reference: float }: Precision,
): Promise<Expectation[]> {
  const known = expectations.get(op);
  if (known !== undefined) return known;
  const values = Promise.all(
    cases(op, float).map(async (call) => {
      const single = float === "float16" ? singleOf(op) : [];
      const exact = await runCase(reference, call, float, single);
      return {
        exact,
        flushed: hasDenormals(call)
          ? await runCase(reference, flushed(call), float, single)
          : exact,
      };
    }),
  );
  expectations.set(op, values);
  return values;
}

function cases({ cases, half }: Op, float: DType): readonly OpCase[] {
  if (float !== "float16" || half === undefined) return cases;
  return cases.filter(({ name }) => half(name));
}

function singleOf({ single = [] }: Op): readonly number[] {
  return single === "all" ? [] : single;
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
  step: number,
): number {
  const size = Math.max(Math.abs(expected), tolerance.scale);
  const relative = tolerance[kind] === 0 ? 0 : tolerance[kind] * size + step;
  // GPUs may write 0 for denormal results.
  return kind === "webgpu" ? relative + SMALLEST_NORMAL : relative;
}

function compare(
  op: Op,
  call: OpCase,
  actual: CallValues,
  { exact, flushed }: Expectation,
  kind: "cpu" | "webgpu",
  precision: Precision,
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
    // Gradients go through several kernels, and each of them rounds.
    const step = (x: number, i: number) =>
      precision.step(i === 0 ? x : Math.max(Math.abs(x), tolerance.scale));
    for (let j = 0; j < e.length; j++) {
      const agrees = [e[j], kind === "webgpu" ? f[j] : e[j]].some((x) =>
        Object.is(a[j], x) ||
        Math.abs(a[j] - x) <= allowance(x, tolerance, kind, step(x, i))
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

function testOp(
  op: Op,
  { kind, test }: TestedDevice,
  precision: Precision,
): void {
  const { float } = precision;
  test(`${op.name} agrees with the reference in ${float}`, async (device) => {
    if (device.kindOf(float) !== "float") return;
    const single = float === "float16" ? singleOf(op) : [];
    const [expectation, actual] = await Promise.all([
      expected(op, precision),
      Promise.all(
        cases(op, float).map((call) => runCase(device, call, float, single)),
      ),
    ]);
    for (const [i, call] of cases(op, float).entries()) {
      compare(
        op,
        call,
        actual[i],
        expectation[i],
        kind as "cpu" | "webgpu",
        precision,
      );
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
  for (const op of OPS) testOp(op, device, SINGLE);
  if (device.name !== WEBGPU.name) continue;
  for (const op of OPS) if (op.single !== "all") testOp(op, device, HALF);
}
