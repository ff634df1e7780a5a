import { assertEquals } from "@std/assert";
import {
  abs,
  add,
  div,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  sign,
  square,
  sub,
} from "./arithmetic.ts";
import { ones, tensor } from "./creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("add() broadcasts axes of size 1 and missing ones", async (device) => {
  using _scope = device.scope();
  const a = tensor(device, [[[1]], [[2]]]);
  const b = tensor(device, [[10, 20, 30]]);
  const sum = add(a, b);
  assertEquals(sum.shape, [2, 1, 3]);
  assertEquals([...await sum.data()], [11, 21, 31, 12, 22, 32]);
});

reference.test("add() of tensors without elements has none", (device) => {
  using _scope = device.scope();
  const empty = ones(device, [0, 3]);
  assertEquals(add(empty, ones(device, [1, 3])).shape, [0, 3]);
  assertEquals(add(empty, 1).shape, [0, 3]);
});

reference.test("arithmetic of a tensor with itself is that of two", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [2, -3]);
  assertEquals([...await mul(x, x).data()], [4, 9]);
  assertEquals([...await sub(x, x).data()], [0, 0]);
});

reference.test("arithmetic takes numbers on either side", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1, 2]);
  assertEquals([...await sub(x, 3).data()], [-2, -1]);
  assertEquals([...await div(2, x).data()], [2, 1]);
  assertEquals([...await pow(2, x).data()], [2, 4]);
});

reference.test("arithmetic follows IEEE 754 at its borders", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1, 0, -1, NaN]);
  assertEquals([...await div(x, 0).data()], [Infinity, NaN, -Infinity, NaN]);
  assertEquals([...await maximum(x, 0).data()], [1, 0, 0, NaN]);
  assertEquals([...await minimum(x, 0).data()], [0, 0, -1, NaN]);
  assertEquals([...await pow(x, 2).data()], [1, 0, 1, NaN]);
  assertEquals([...await pow(x, 0.5).data()], [1, 0, NaN, NaN]);
  assertEquals([...await reciprocal(x).data()], [1, Infinity, -1, NaN]);
});

reference.test("arithmetic of integers wraps", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [2 ** 31 - 1, -(2 ** 31)], { dtype: "int32" });
  assertEquals(await add(x, 1).data(), Int32Array.of(-(2 ** 31), 1 - 2 ** 31));
  assertEquals(await neg(x).data(), Int32Array.of(1 - 2 ** 31, -(2 ** 31)));
  assertEquals(await sign(x).data(), Int32Array.of(1, -1));
  assertEquals(await square(x).data(), Int32Array.of(1, 0));
  assertEquals(
    await abs(tensor(device, Int32Array.of(-5))).data(),
    Int32Array.of(5),
  );
});

reference.test("arithmetic throws when shapes do not broadcast", (device) => {
  using _scope = device.scope();
  const [a, b] = [ones(device, [2, 3]), ones(device, [4])];
  assertRefused(
    device,
    () => add(a, b),
    ShapeError,
    "Cannot broadcast shapes [2, 3] and [4]: sizes 3 and 4 of axis 1 differ",
  );
});

reference.test("arithmetic throws when dtypes differ or do not fit", (device) => {
  using _scope = device.scope();
  const float = ones(device, [1]);
  const int = ones(device, [1], { dtype: "int32" });
  const bool = ones(device, [1], { dtype: "bool" });
  const half = ones(device, [1], { dtype: "bfloat16" });
  assertRefused(
    device,
    () => add(float, int),
    DTypeError,
    'Cannot run "add" on Tensor(float32 [1], made by "full") and Tensor(int32 [1], made by "full"): dtypes differ',
  );
  assertRefused(
    device,
    () => div(int, int),
    DTypeError,
    'Cannot run "div" on Tensor(int32 [1], made by "full"): it takes float tensors',
  );
  assertRefused(device, () => add(bool, bool), DTypeError, '"add"');
  assertRefused(device, () => neg(half), DTypeError, "cast it first");
  const unsigned = ones(device, [1], { dtype: "uint32" });
  assertRefused(device, () => neg(unsigned), DTypeError, "uint32 has no signs");
});

reference.test("arithmetic throws when an integer dtype cannot hold a number", (device) => {
  using x = ones(device, [1], { dtype: "int32" });
  for (const value of [0.5, NaN, 2 ** 31]) {
    assertRefused(
      device,
      () => mul(x, value),
      ArgumentError,
      `Cannot run "mul" with ${value} as int32`,
    );
  }
});
