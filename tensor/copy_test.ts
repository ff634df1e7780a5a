import { assertEquals } from "@std/assert";
import { assign, copy } from "./copy.ts";
import { ones, tensor, zeros } from "./creation.ts";
import { DTYPES } from "./dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("copy() has memory of its own, in every dtype", async (device) => {
  for (const dtype of DTYPES) {
    using x = tensor(device, [[0, 1, 1]], { dtype });
    using y = copy(x);
    assertEquals([y.dtype, y.shape, x.shared], [dtype, [1, 3], false]);
    assertEquals(await y.data(), await x.data());
  }
});

reference.test("copy() of a part copies that part", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1, 2, 3, 4]);
  assertEquals([...await copy(x.view(1, [2])).data()], [2, 3]);
  assertEquals(copy(zeros(device, [0])).shape, [0]);
});

reference.test("assign() writes in place and counts the version up", async (device) => {
  using _scope = device.scope();
  const x = zeros(device, [2]);
  const same = x.alias();
  assign(x, tensor(device, [1, 2]));
  assertEquals([...await same.data()], [1, 2]);
  assertEquals(same.version, 1);
});

reference.test("assign() of a tensor to itself does nothing", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1, 2]);
  assign(x, x.alias());
  assertEquals([...await x.data()], [1, 2]);
  assertEquals(x.version, 0);
});

reference.test("assign() copies between parts of one memory that do not overlap", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1, 2, 3, 4]);
  assign(x.view(0, [2]), x.view(2, [2]));
  assertEquals([...await x.data()], [3, 4, 3, 4]);
});

reference.test("assign() throws when parts overlap", (device) => {
  using _scope = device.scope();
  const x = zeros(device, [4]);
  const [a, b] = [x.view(0, [2]), x.view(1, [2])];
  assertRefused(device, () => assign(a, b), ArgumentError, "overlap in part");
});

reference.test("assign() of 16-bit floats leaves neighbours alone", async (device) => {
  using _scope = device.scope();
  const x = zeros(device, [3], { dtype: "float16" });
  const one = ones(device, [1], { dtype: "float16" });
  assign(x.view(2, [1]), one);
  assertEquals([...await x.data()], [0, 0, 0x3c00]);
  const first = x.view(0, [1]);
  assertRefused(
    device,
    () => assign(first, one),
    ArgumentError,
    "amid a 32-bit word",
  );
});

reference.test("assign() throws when shapes or dtypes differ", (device) => {
  using _scope = device.scope();
  const x = zeros(device, [2]);
  const [wide, row] = [zeros(device, [3]), zeros(device, [1, 2])];
  const int = zeros(device, [2], { dtype: "int32" });
  assertRefused(device, () => assign(x, wide), ShapeError, "the shapes differ");
  assertRefused(device, () => assign(x, row), ShapeError, "the shapes differ");
  assertRefused(device, () => assign(x, int), DTypeError, "dtypes differ");
});
