import { assertEquals } from "@std/assert";
import { cast } from "./cast.ts";
import { ones, tensor } from "./creation.ts";
import { DTYPES } from "./dtype.ts";
import { DTypeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("cast() converts between all dtypes", async (device) => {
  using _scope = device.scope();
  for (const from of DTYPES) {
    for (const to of DTYPES) {
      const x = cast(tensor(device, [[0, 1]], { dtype: from }), to);
      const expected = tensor(device, [[0, 1]], { dtype: to });
      assertEquals([from, to, x.dtype, x.shape], [from, to, to, [1, 2]]);
      assertEquals(await x.data(), await expected.data());
    }
  }
});

reference.test("cast() limits floats to the range of integers, and makes NaN 0", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1e10, -1e10, NaN, -1.9]);
  assertEquals(
    await cast(x, "int32").data(),
    Int32Array.of(2 ** 31 - 1, -(2 ** 31), 0, -1),
  );
  assertEquals(
    await cast(x, "uint32").data(),
    Uint32Array.of(2 ** 32 - 1, 0, 0, 0),
  );
  assertEquals(await cast(x, "bool").data(), Uint8Array.of(1, 1, 1, 1));
});

reference.test("cast() to its own dtype shares memory", (device) => {
  using x = ones(device, [2]);
  using y = cast(x, "float32");
  assertEquals([x.shared, y.shared], [true, true]);
});

reference.test("cast() throws when there is no such dtype", (device) => {
  using x = ones(device, [2]);
  assertRefused(
    device,
    () => cast(x, "float8" as "float32"),
    DTypeError,
    'Unknown dtype "float8"',
  );
});
