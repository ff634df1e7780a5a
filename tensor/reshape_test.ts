import { assertEquals } from "@std/assert";
import { ones, tensor, zeros } from "./creation.ts";
import { ArgumentError, DisposedError, ShapeError } from "./errors.ts";
import { expandDims, flatten, reshape, squeeze } from "./reshape.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("reshape() shares memory with its operand", async (device) => {
  const x = tensor(device, [[1, 2, 3], [4, 5, 6]]);
  using y = reshape(x, [3, 2]);
  assertEquals(device.memory.liveBuffers, 1);
  x.dispose();
  assertEquals([...await y.data()], [1, 2, 3, 4, 5, 6]);
});

reference.test("reshape() fills in -1", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2, 6]);
  assertEquals(reshape(x, [-1]).shape, [12]);
  assertEquals(reshape(x, [3, -1, 2]).shape, [3, 2, 2]);
  assertEquals(reshape(zeros(device, [0, 3]), [-1, 3]).shape, [0, 3]);
});

reference.test("reshape() throws when the numbers of elements differ", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2, 3]);
  for (
    const shape of [[4], [-1, 4], [6.5], [NaN], [-2, -3], [0, -1]]
  ) {
    assertRefused(device, () => reshape(x, shape), ShapeError, "Cannot");
  }
  assertRefused(
    device,
    () => reshape(x, [7]),
    ShapeError,
    'Cannot reshape Tensor(float32 [2, 3], made by "full") to [7]: it has 6 elements',
  );
  assertRefused(
    device,
    () => reshape(x, [-1, -1]),
    ShapeError,
    "[-1, -1]: only one size may be -1",
  );
  const empty = zeros(device, [0]);
  assertRefused(device, () => reshape(empty, [0, -1]), ShapeError, "[0, -1]");
});

reference.test("reshape() throws when the tensor was disposed of", (device) => {
  const x = ones(device, [2]);
  x.dispose();
  assertRefused(device, () => reshape(x, [2]), DisposedError, "Cannot use");
});

reference.test("flatten() makes one axis of any", (device) => {
  using _scope = device.scope();
  assertEquals(flatten(ones(device, [])).shape, [1]);
  assertEquals(flatten(ones(device, [2, 3])).shape, [6]);
});

reference.test("squeeze() leaves out the axes that are named, or all of size 1", (device) => {
  using _scope = device.scope();
  const x = ones(device, [1, 2, 1]);
  assertEquals(squeeze(x).shape, [2]);
  assertEquals(squeeze(x, { axes: -1 }).shape, [1, 2]);
  assertEquals(squeeze(x, { axes: [0, 2] }).shape, [2]);
  assertRefused(
    device,
    () => squeeze(x, { axes: 1 }),
    ArgumentError,
    "Cannot squeeze axis 1",
  );
});

reference.test("expandDims() inserts an axis anywhere", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2, 3]);
  assertEquals(expandDims(x, 0).shape, [1, 2, 3]);
  assertEquals(expandDims(x, 1).shape, [2, 1, 3]);
  assertEquals(expandDims(x, -1).shape, [2, 3, 1]);
  assertRefused(device, () => expandDims(x, 3), ArgumentError, "axis 3");
});
