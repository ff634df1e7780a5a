import { assert, assertEquals, assertThrows } from "@std/assert";
import { add } from "./arithmetic.ts";
import { assign } from "./copy.ts";
import { full, ones, zeros } from "./creation.ts";
import { Device } from "./device.ts";
import {
  BufferTooLargeError,
  DeviceError,
  DTypeError,
  OutOfMemoryError,
  ShapeError,
} from "./errors.ts";
import { matmul } from "./matmul.ts";
import { openDevice } from "./open_device.ts";
import { CPU, openTested, REFERENCE, WEBGPU } from "../tests/devices.ts";

const [reference] = await openTested(REFERENCE);

Deno.test("memory counts live bytes, buffers and their peak", async () => {
  await using device = await openDevice("reference");
  const a = zeros(device, [10]);
  const b = add(a, 1);
  assertEquals(device.memory, {
    liveBytes: 80,
    liveBuffers: 2,
    peakBytes: 80,
  });
  a.dispose();
  b.dispose();
  assertEquals(device.memory, { liveBytes: 0, liveBuffers: 0, peakBytes: 80 });
});

reference.test("allocate() rounds bytes up to whole words, of which there is one at least", (device) => {
  const { liveBytes } = device.memory;
  using _bytes = device.allocate([5], "uint8", "test");
  assertEquals(device.memory.liveBytes - liveBytes, 8);
  using _empty = device.allocate([0], "float32", "test");
  assertEquals(device.memory.liveBytes - liveBytes, 12);
});

reference.test("allocate() throws when the shape is none", (device) => {
  for (
    const shape of [
      [NaN],
      [-1],
      [1.5],
      [Infinity],
      [2 ** 53],
      [2 ** 30, 2 ** 30],
      [1, 1, 1, 1, 1, 1, 1, 1, 1],
    ]
  ) {
    assertThrows(() => zeros(device, shape), ShapeError, "Cannot use shape");
  }
});

reference.test("allocate() throws when there is no such dtype", (device) => {
  assertThrows(
    () => device.allocate([1], "float8" as "float32", "test"),
    DTypeError,
    'Cannot make a float8 tensor for "test": the reference device has float32',
  );
});

Deno.test("allocate() throws OutOfMemoryError at the limit, and goes on when memory is given back", async () => {
  await using device = await openDevice("reference", { memoryLimit: 100 });
  const a = ones(device, [20]);
  assertThrows(
    () => add(a, 1),
    OutOfMemoryError,
    'Cannot make a float32 tensor of shape [20] for "add": it needs 80 bytes, and 80 of the reference device\'s 100 are in use',
  );
  assertEquals(device.memory.liveBytes, 80);
  a.dispose();
  ones(device, [25]).dispose();
});

Deno.test("allocate() throws BufferTooLargeError when a tensor is larger than a buffer can be", async () => {
  await using opened = await openDevice("reference");
  const { backend } = opened;
  const info = { ...backend.info, maxBufferBytes: 64 };
  const device = new Device({ ...backend, info });
  assertThrows(
    () => full(device, [17], 1),
    BufferTooLargeError,
    'Cannot make a float32 tensor of shape [17] for "full": it needs 68 bytes, a buffer of the reference device has at most 64',
  );
  assertEquals(device.memory.liveBuffers, 0);
});

for (const { name, kind, test } of await openTested(CPU, WEBGPU)) {
  test("warmup() computes nothing, and leaves nothing behind", async (device) => {
    using x = ones(device, [2, 2]);
    let calls = 0;
    await device.warmup(() => {
      calls++;
      assign(x, matmul(x, x));
    });
    assertEquals(calls, kind === "webgpu" ? 1 : 0, name);
    assertEquals([...await x.data()], [1, 1, 1, 1]);
    device.trim();
    using y = matmul(x, x);
    assertEquals([...await y.data()], [2, 2, 2, 2]);
  });
}

Deno.test("close() can be called twice", async () => {
  await using device = await openDevice("reference");
  device.close();
  device.close();
  assert(device.closed);
});

reference.test("operations throw when operands live on different devices", async (device) => {
  await using other = await openDevice("reference");
  using a = ones(device, [2]);
  using b = ones(other, [2]);
  assertThrows(
    () => add(a, b),
    DeviceError,
    'Cannot run "add" on tensors of different devices',
  );
});

reference.test("operations throw when no operand is a tensor", () => {
  assertThrows(
    () => add(1, 2),
    DeviceError,
    'Cannot run "add" without a tensor',
  );
});

for (const { name, test } of await openTested(REFERENCE, CPU, WEBGPU)) {
  test("kindOf() takes floats that are not computed with for storage", (device) => {
    const computes = device.info.floatDTypes.includes("float16");
    if (name !== "webgpu") assertEquals(computes, name === "reference");
    assertEquals(device.kindOf("float16"), computes ? "float" : "storage");
    assertEquals(device.kindOf("bfloat16"), "storage");
    assertEquals(device.kindOf("int32"), "int");
  });
}

const [cpu] = await openTested(CPU);

cpu.test("operations refuse float16 where it is not computed with", (device) => {
  using half = ones(device, [2], { dtype: "float16" });
  assertThrows(
    () => add(half, half),
    DTypeError,
    'Cannot run "add" on Tensor(float16 [2], made by "full"): the cpu device computes with float32 and only stores float16; cast it first',
  );
});

Deno.test("`await using` closes a device when its work is done, also if that fails", async () => {
  const device = await openDevice("reference");
  const { backend } = device;
  const calls: string[] = [];
  backend.synchronize = () => {
    calls.push("synchronize");
    return Promise.reject(new DeviceError("too late"));
  };
  const close = backend.close.bind(backend);
  backend.close = () => {
    calls.push("close");
    close();
  };
  await device[Symbol.asyncDispose]();
  await device[Symbol.asyncDispose]();
  assertEquals(calls, ["synchronize", "close"]);
});
