import { assertEquals } from "@std/assert";
import { arange, ones } from "./creation.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { reshape } from "./reshape.ts";
import { slice, split } from "./slice.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("slice() copies a box, with steps", async (device) => {
  using _scope = device.scope();
  const x = reshape(arange(device, 20), [4, 5]);
  const box = slice(x, [1, 2], [2, 3]);
  assertEquals([...await box.data()], [7, 8, 9, 12, 13, 14]);
  const thin = slice(x, [0, 1], [-1, -1], { steps: [2, 3] });
  assertEquals(thin.shape, [2, 2]);
  assertEquals([...await thin.data()], [1, 4, 11, 14]);
});

reference.test("slice() may be empty or everything", async (device) => {
  using _scope = device.scope();
  const x = arange(device, 3);
  assertEquals(slice(x, [3], [0]).shape, [0]);
  assertEquals(slice(x, [3], [-1]).shape, [0]);
  assertEquals([...await slice(x, [0], [3]).data()], [0, 1, 2]);
  assertEquals(slice(ones(device, []), [], []).shape, []);
});

reference.test("slice() throws when the box does not lie within the tensor", (device) => {
  using x = ones(device, [4]);
  for (
    const [start, size, step] of [[0, 5, 1], [4, 1, 1], [5, 0, 1], [0, 3, 2]]
  ) {
    assertRefused(
      device,
      () => slice(x, [start], [size], { steps: [step] }),
      ShapeError,
      `from [${start}] with sizes [${size}] and steps [${step}]: axis 0 ends at 4`,
    );
  }
  for (const size of [-2, 0.5, NaN]) {
    assertRefused(
      device,
      () => slice(x, [0], [size]),
      ShapeError,
      "Cannot use",
    );
  }
});

reference.test("slice() throws when starts or steps are none", (device) => {
  using x = ones(device, [4]);
  for (
    const [starts, sizes, steps] of [
      [[-1], [1], [1]],
      [[0.5], [1], [1]],
      [[0], [1], [0]],
      [[0], [1], [-1]],
      [[0, 0], [1], [1]],
      [[0], [], [1]],
      [[0], [1], []],
    ]
  ) {
    assertRefused(
      device,
      () => slice(x, starts, sizes, { steps }),
      ArgumentError,
      "Cannot slice",
    );
  }
});

reference.test("split() cuts equal parts, or parts of given sizes", async (device) => {
  using _scope = device.scope();
  const x = reshape(arange(device, 8), [2, 4]);
  const [left, right] = split(x, 2, { axis: -1 });
  assertEquals([...await left.data()], [0, 1, 4, 5]);
  assertEquals([...await right.data()], [2, 3, 6, 7]);
  const parts = split(x, [3, 0, 1], { axis: 1 });
  assertEquals(parts.map((part) => part.shape), [[2, 3], [2, 0], [2, 1]]);
});

reference.test("split() throws when the parts do not make up the axis", (device) => {
  using x = ones(device, [4]);
  for (const parts of [3, 0, -1, 0.5, NaN, [1, 2], [5, -1], [2.5, 1.5], []]) {
    assertRefused(device, () => split(x, parts), ShapeError, "Cannot split");
  }
  assertRefused(
    device,
    () => split(x, 2, { axis: 1 }),
    ArgumentError,
    "axis 1",
  );
});

reference.test("split() gives back the parts it has when memory runs out", (device) => {
  using x = ones(device, [4]);
  const { allocate } = device;
  let calls = 0;
  device.allocate = (...args) => {
    if (++calls === 3) throw new Error("No more");
    return allocate.apply(device, args);
  };
  const { liveBuffers } = device.memory;
  try {
    split(x, 4);
  } catch { /* expected */ }
  device.allocate = allocate;
  assertEquals([calls, device.memory.liveBuffers], [3, liveBuffers]);
});
