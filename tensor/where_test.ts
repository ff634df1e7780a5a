import { assertEquals } from "@std/assert";
import { ones, tensor } from "./creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { where } from "./where.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("where() broadcasts all three operands", async (device) => {
  using _scope = device.scope();
  const condition = tensor(device, [[true], [false]]);
  const result = where(condition, tensor(device, [1, 2]), tensor(device, 9));
  assertEquals(result.shape, [2, 2]);
  assertEquals([...await result.data()], [1, 2, 9, 9]);
});

reference.test("where() of two numbers gives float32, of a number and a tensor its dtype", async (device) => {
  using _scope = device.scope();
  const condition = tensor(device, [true, false]);
  const numbers = where(condition, 0.5, -Infinity);
  assertEquals(await numbers.data(), Float32Array.of(0.5, -Infinity));
  const whole = where(condition, tensor(device, Int32Array.of(7)), -1);
  assertEquals(await whole.data(), Int32Array.of(7, -1));
});

reference.test("where() throws when dtypes, shapes or numbers do not fit", (device) => {
  using _scope = device.scope();
  const condition = ones(device, [2], { dtype: "bool" });
  const [float, int] = [
    ones(device, [2]),
    ones(device, [2], { dtype: "int32" }),
  ];
  const [wide, bool] = [ones(device, [3]), condition];
  assertRefused(device, () => where(float, 1, 2), DTypeError, "bool tensors");
  assertRefused(device, () => where(bool, float, int), DTypeError, "differ");
  assertRefused(device, () => where(bool, bool, bool), DTypeError, '"where"');
  assertRefused(device, () => where(bool, wide, 1), ShapeError, "[2] and [3]");
  assertRefused(device, () => where(bool, int, 0.5), ArgumentError, "0.5");
});
