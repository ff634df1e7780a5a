import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Block, GpuBuffer, type GpuView } from "./_buffer.ts";
import type { Kernel, OperandSpec } from "./_kernel.ts";
import { planSlots } from "./_slots.ts";
import { rowFunctions } from "./_row_kernel.ts";
import { kernelSource } from "./_source.ts";

const LIMITS = { maxBindingBytes: 1024, alignment: 256 };

function bufferOf(size: number): GpuBuffer {
  return new GpuBuffer(size, new Block({ size } as GPUBuffer));
}

function viewOf(
  buffer: GpuBuffer,
  byteOffset: number,
  ...shape: number[]
): GpuView {
  return { buffer, byteOffset, shape, dtype: "float32" };
}

function kernelOf(operands: Record<string, OperandSpec>): Kernel {
  return { name: "test", operands, uniforms: {}, workgroupSize: 1, body: "" };
}

const READ: OperandSpec = { access: "read", type: "f32", vector: true };
const WRITE: OperandSpec = { access: "read_write", type: "f32", vector: true };

Deno.test("planSlots() binds from aligned offsets and passes the rest on", () => {
  const plan = planSlots(
    kernelOf({ x: READ, out: WRITE }),
    { x: viewOf(bufferOf(4096), 300, 5), out: viewOf(bufferOf(64), 0, 5) },
    LIMITS,
  );
  assertEquals(plan.bases, [11, 0]);
  assertEquals(plan.slots.map(({ offset, end }) => [offset, end]), [
    [256, 320],
    [0, 32],
  ]);
});

Deno.test("planSlots() gives up vectors where a view is not aligned to 16 bytes", () => {
  const { slots } = planSlots(
    kernelOf({ x: READ, out: WRITE }),
    { x: viewOf(bufferOf(64), 4, 5), out: viewOf(bufferOf(64), 16, 5) },
    LIMITS,
  );
  assertEquals(slots.map(({ width }) => width), [1, 4]);
});

Deno.test("planSlots() binds a buffer once when an operand is written in it", () => {
  const buffer = bufferOf(4096);
  const plan = planSlots(
    kernelOf({ x: READ, y: READ, out: WRITE, z: READ }),
    {
      x: viewOf(buffer, 512, 8),
      y: viewOf(bufferOf(32), 0, 8),
      out: viewOf(buffer, 0, 8),
      z: viewOf(buffer, 16, 4),
    },
    LIMITS,
  );
  assertEquals(plan.slotOf, [0, 1, 0, 0]);
  assertEquals(plan.bases, [128, 0, 0, 4]);
  assertEquals(plan.slots[0].access, "read_write");
  assertEquals([plan.slots[0].offset, plan.slots[0].end], [0, 544]);
});

Deno.test("planSlots() leaves a buffer that is only read in slots of its own", () => {
  const buffer = bufferOf(4096);
  const plan = planSlots(
    kernelOf({ x: READ, y: READ, out: WRITE }),
    {
      x: viewOf(buffer, 0, 8),
      y: viewOf(buffer, 2048, 8),
      out: viewOf(bufferOf(32), 0, 8),
    },
    LIMITS,
  );
  assertEquals(plan.slotOf, [0, 1, 2]);
  assertEquals(plan.slots.map(({ access }) => access), [
    "read",
    "read",
    "read_write",
  ]);
});

Deno.test("planSlots() cuts what is larger than a binding into parts", () => {
  const kernel = kernelOf({ x: READ });
  const parts = (byteOffset: number, elements: number) =>
    planSlots(
      kernel,
      { x: viewOf(bufferOf(8192), byteOffset, elements) },
      LIMITS,
    ).slots[0].parts;
  assertEquals(parts(0, 256), 1);
  assertEquals(parts(0, 257), 2);
  // The range begins at 256, so that the last element lies in the second part.
  assertEquals(parts(260, 256), 2);
  assertEquals(parts(0, 1024), 4);
});

Deno.test("planSlots() makes one key for all sizes of one kind of binding", () => {
  const kernel = kernelOf({ x: READ, out: WRITE });
  const key = (offset: number, elements: number) =>
    planSlots(kernel, {
      x: viewOf(bufferOf(4096), offset, elements),
      out: viewOf(bufferOf(4096), 0, elements),
    }, LIMITS).key;
  assertEquals(key(0, 4), key(512, 99));
  assertEquals(key(0, 4) === key(4, 4), false);
  assertEquals(key(0, 4) === key(0, 300), false);
});

Deno.test("planSlots() stores float16 tensors as such, and counts their elements", () => {
  const half = (byteOffset: number, elements: number): GpuView => ({
    ...viewOf(bufferOf(8192), byteOffset, elements),
    dtype: "float16",
  });
  const kernel = kernelOf({ x: READ, out: WRITE });
  const views = { x: half(266, 7), out: half(8, 513) };
  const plan = planSlots(kernel, views, LIMITS);
  assertEquals(plan.bases, [5, 4]);
  assertEquals(
    plan.slots.map(({ type, width, parts, end }) => [type, width, parts, end]),
    [
      ["f16", 1, 1, 288],
      ["f16", 4, 2, 1040],
    ],
  );
  const source = kernelSource(kernel, plan, LIMITS.maxBindingBytes);
  assertMatch(source, /^enable f16;$/m);
  assertMatch(source, /slot0_0: array<f16>;/);
  assertMatch(
    source,
    /if \(i < 512u\) \{ slot1_0\[i >> 2u\] = value; return; \}/,
  );
  assertMatch(source, /slot1_1\[\(i - 512u\) >> 2u\] = value;/);
});

Deno.test("planSlots() throws when elements of different sizes share a buffer that is written", () => {
  const buffer = bufferOf(4096);
  const views = {
    x: { ...viewOf(buffer, 0, 8), dtype: "float16" as const },
    out: viewOf(buffer, 1024, 8),
  };
  assertThrows(
    () => planSlots(kernelOf({ x: READ, out: WRITE }), views, LIMITS),
    TypeError,
    'Cannot run kernel "test": operands of types f32 and f16 live in one buffer that it writes',
  );
});

Deno.test("planSlots() throws when an operand is missing", () => {
  assertThrows(
    () => planSlots(kernelOf({ x: READ }), {}, LIMITS),
    TypeError,
    'Cannot run kernel "test": operand "x" is missing',
  );
});

Deno.test("kernelSource() reads a shared buffer of another type by its bits", () => {
  const buffer = bufferOf(64);
  const kernel = kernelOf({
    x: { access: "read", type: "i32" },
    out: { access: "read_write", type: "f32" },
  });
  const plan = planSlots(
    kernel,
    { x: viewOf(buffer, 0, 4), out: viewOf(buffer, 16, 4) },
    LIMITS,
  );
  const source = kernelSource(kernel, plan, LIMITS.maxBindingBytes);
  assertEquals(source.includes("return bitcast<i32>(slot0_get("), true);
  assertEquals(source.includes("bitcast<u32>(value)"), true);
});

Deno.test("kernelSource() adds atomically, and reads the same elements so", () => {
  const kernel = kernelOf({
    counts: { access: "read_write", type: "u32", atomic: true },
    before: { access: "read", type: "u32" },
  });
  const buffer = bufferOf(4096);
  const views = {
    counts: viewOf(buffer, 0, 512),
    before: viewOf(buffer, 0, 512),
  };
  const plan = planSlots(kernel, views, LIMITS);
  assertEquals(plan.slots.map(({ atomic }) => atomic), [true]);
  const source = kernelSource(kernel, plan, LIMITS.maxBindingBytes);
  assertMatch(source, /var<storage, read_write> slot0_1: array<atomic<u32>>/);
  assertMatch(source, /atomicAdd\(&slot0_1\[\(i - 256u\)\], value\);/);
  assertMatch(source, /return atomicLoad\(&slot0_1\[/);
});

Deno.test("kernelSource() lets barriers and exchanges depend on uniforms themselves, not on a copy", () => {
  const begins = (declarations?: string) => {
    const kernel = { ...kernelOf({ x: READ }), declarations };
    const views = { x: viewOf(bufferOf(64), 0, 4) };
    const plan = planSlots(kernel, views, LIMITS);
    return /var<uniform> (\w+)/.exec(
      kernelSource(kernel, plan, LIMITS.maxBindingBytes),
    )?.[1];
  };
  assertEquals(begins(), "uniforms");
  assertEquals(begins(rowFunctions("64/32", false, "row_sum(")), "u");
  // One subgroup has no barrier.
  assertEquals(begins(rowFunctions("64/64", false, "row_sum(")), "u");
});
