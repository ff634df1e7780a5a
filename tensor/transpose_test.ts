import { assertEquals } from "@std/assert";
import { arange, ones } from "./creation.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("transpose() reorders axes", async (device) => {
  using _scope = device.scope();
  const x = reshape(arange(device, 6), [1, 2, 3]);
  const y = transpose(x, [2, 0, 1]);
  assertEquals(y.shape, [3, 1, 2]);
  assertEquals([...await y.data()], [0, 3, 1, 4, 2, 5]);
  assertEquals(transpose(x, [-1, 0, 1]).shape, [3, 1, 2]);
  assertEquals(transpose(x).shape, [3, 2, 1]);
});

reference.test("transpose() takes every dtype of four bytes or more, and no axes", async (device) => {
  using _scope = device.scope();
  for (const dtype of ["float64", "int32", "uint32", "bool"] as const) {
    const x = ones(device, [2, 1], { dtype });
    assertEquals([...await transpose(x).data()], [1, 1]);
  }
  assertEquals(await transpose(ones(device, [])).item(), 1);
  assertEquals(transpose(ones(device, [0, 2])).shape, [2, 0]);
});

reference.test("transpose() throws when the permutation is none", (device) => {
  using x = ones(device, [2, 3]);
  for (const permutation of [[0], [0, 0], [0, 2], [0, 1, 1], [0, NaN]]) {
    assertRefused(
      device,
      () => transpose(x, permutation),
      ArgumentError,
      "Cannot",
    );
  }
});

reference.test("transpose() throws when elements are for storage only", (device) => {
  using x = ones(device, [2], { dtype: "bfloat16" });
  assertRefused(device, () => transpose(x), DTypeError, "cast it first");
});
