import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { add } from "./arithmetic.ts";
import { storageOf, viewOf } from "./backend.ts";
import { assign } from "./copy.ts";
import { ones, tensor, zeros } from "./creation.ts";
import { DeviceError, DisposedError, ShapeError } from "./errors.ts";
import { openDevice } from "./open_device.ts";
import type { Tensor } from "./tensor.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("Tensor tells its shape, size and bytes", (device) => {
  using x = zeros(device, [2, 3], { dtype: "int32" });
  assertEquals([x.size, x.rank, x.byteLength], [6, 2, 24]);
  assertEquals(`${x}`, 'Tensor(int32 [2, 3], made by "full")');
  assert(Object.isFrozen(x.shape));
});

reference.test("data() gives a copy of each dtype's host array", async (device) => {
  using _scope = device.scope();
  for (
    const values of [
      Float32Array.of(1.5, -2),
      Float64Array.of(0.1),
      Int32Array.of(-1, 2, 3),
      Uint32Array.of(4294967295),
      Uint8Array.of(1, 2, 255),
    ]
  ) {
    const x = tensor(device, values);
    assertEquals(await x.data(), values);
    assert((await x.data()).buffer !== values.buffer);
  }
});

reference.test("data() gives bool as bytes of 0 and 1", async (device) => {
  using x = tensor(device, [true, false, true]);
  assertEquals(await x.data(), Uint8Array.of(1, 0, 1));
});

reference.test("data() gives an empty array when there are no elements", async (device) => {
  using x = zeros(device, [0, 3]);
  assertEquals(await x.data(), new Float32Array(0));
});

reference.test("data() still arrives when the tensor is disposed of meanwhile", async (device) => {
  const x = ones(device, [3]);
  const reading = x.data();
  x.dispose();
  assertEquals([...await reading], [1, 1, 1]);
});

reference.test("data() throws when the tensor was disposed of", async (device) => {
  const x = ones(device, [3]);
  x.dispose();
  await assertRejects(() => x.data(), DisposedError, "float32 [3]");
});

reference.test("item() reads the only element", async (device) => {
  using x = tensor(device, [[7]]);
  assertEquals(await x.item(), 7);
});

reference.test("item() of 16-bit floats is their value, not their bits", async (device) => {
  for (const dtype of ["float16", "bfloat16"] as const) {
    using x = tensor(device, [-1.5], { dtype });
    assertEquals(await x.item(), -1.5);
  }
});

reference.test("item() throws when there is not exactly one element", async (device) => {
  using x = ones(device, [2]);
  await assertRejects(() => x.item(), ShapeError, "it has 2 elements");
});

reference.test("alias() shares memory that lives until the last handle is gone", async (device) => {
  const x = ones(device, [2]);
  const y = x.alias();
  assertNotEquals(x.id, y.id);
  assertEquals(device.memory.liveBuffers, 1);
  assert(x.shared);
  x.dispose();
  assertEquals([...await y.data()], [1, 1]);
  assert(!y.shared);
  y.dispose();
  assertEquals(device.memory.liveBuffers, 0);
});

reference.test("view() sees writes to the tensor, and is seen", async (device) => {
  using x = zeros(device, [4]);
  using rest = x.view(2, [2]);
  using source = tensor(device, [5, 6]);
  assign(rest, source);
  assertEquals([...await x.data()], [0, 0, 5, 6]);
  assertEquals([x.version, rest.version], [1, 1]);
  assertEquals(storageOf(x), storageOf(rest));
  assertEquals(viewOf(rest).byteOffset, 8);
});

reference.test("view() of a view counts from its start", async (device) => {
  using x = tensor(device, [1, 2, 3, 4]);
  using middle = x.view(1, [3]);
  using last = middle.view(2, []);
  assertEquals(await last.item(), 4);
});

reference.test("view() throws when the part does not lie within the tensor", (device) => {
  using x = zeros(device, [4]);
  for (
    const [offset, shape] of [
      [-1, [1]],
      [0.5, [1]],
      [NaN, [1]],
      [3, [2]],
      [0, [5]],
      [0, [NaN]],
    ] as const
  ) {
    assertRefused(device, () => x.view(offset, shape), ShapeError, "Cannot");
  }
  assert(!x.shared);
});

reference.test("view() throws when the part begins amid a word", (device) => {
  using x = tensor(device, Uint16Array.of(1, 2, 3), { dtype: "float16" });
  x.view(2, [1]).dispose();
  assertThrows(() => x.view(1, [1]), ShapeError, "multiple of 4 bytes");
});

Deno.test("Tensor of a closed device throws a DeviceError, and can be disposed of", async () => {
  const device = await openDevice("reference");
  const x = ones(device, [2]);
  device.close();
  await assertRejects(() => x.data(), DeviceError, "device is closed");
  assertThrows(() => add(x, 1), DeviceError, "device is closed");
  assertThrows(() => ones(device, [2]), DeviceError, "device is closed");
  x.dispose();
  assertEquals(device.memory.liveBytes, 0);
});

Deno.test("operations name what is no tensor", async () => {
  await using device = await openDevice("reference");
  using x = tensor(device, [1]);
  for (const other of [null, "text", {}]) {
    assertThrows(
      () => add(x, other as unknown as Tensor),
      TypeError,
      `Cannot use ${other} as a tensor`,
    );
  }
});
