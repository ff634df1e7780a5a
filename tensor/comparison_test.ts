import { assertEquals } from "@std/assert";
import {
  equal,
  greater,
  greaterEqual,
  isNaN,
  less,
  lessEqual,
  notEqual,
} from "./comparison.ts";
import { ones, tensor } from "./creation.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("comparisons give bool, and false for NaN but for notEqual()", async (device) => {
  using _scope = device.scope();
  const a = tensor(device, [1, 2, 3, NaN, NaN]);
  const b = tensor(device, [2, 2, 2, 2, NaN]);
  for (
    const [f, expected] of [
      [equal, [0, 1, 0, 0, 0]],
      [notEqual, [1, 0, 1, 1, 1]],
      [less, [1, 0, 0, 0, 0]],
      [lessEqual, [1, 1, 0, 0, 0]],
      [greater, [0, 0, 1, 0, 0]],
      [greaterEqual, [0, 1, 1, 0, 0]],
    ] as const
  ) {
    const result = f(a, b);
    assertEquals([f.name, result.dtype], [f.name, "bool"]);
    assertEquals([f.name, ...await result.data()], [f.name, ...expected]);
  }
});

reference.test("comparisons of large unsigned integers see no signs", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, Uint32Array.of(0xffffffff, 1));
  assertEquals([...await greater(x, 2).data()], [1, 0]);
});

reference.test("comparisons throw when an integer dtype cannot hold the number", (device) => {
  using x = ones(device, [1], { dtype: "int32" });
  assertRefused(
    device,
    () => less(x, 0.5),
    ArgumentError,
    'Cannot run "less" with 0.5 as int32',
  );
});

reference.test("comparisons throw when a tensor is bool", (device) => {
  using x = ones(device, [1], { dtype: "bool" });
  assertRefused(device, () => equal(x, x), DTypeError, 'Cannot run "equal"');
});

reference.test("isNaN() finds nothing but NaN", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [NaN, Infinity, -Infinity, 0]);
  assertEquals(await isNaN(x).data(), Uint8Array.of(1, 0, 0, 0));
});
