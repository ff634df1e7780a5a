import { assertEquals } from "@std/assert";
import { clip } from "./clip.ts";
import { ones, tensor } from "./creation.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("clip() keeps NaN, and what is not limited", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [NaN, -Infinity, 5]);
  assertEquals([...await clip(x, { low: 0 }).data()], [NaN, 0, 5]);
  assertEquals([...await clip(x, { high: 1 }).data()], [NaN, -Infinity, 1]);
  assertEquals([...await clip(x, {}).data()], [NaN, -Infinity, 5]);
});

reference.test("clip() takes integers", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, Int32Array.of(-(2 ** 31), 5));
  assertEquals(await clip(x, { high: 1 }).data(), Int32Array.of(-(2 ** 31), 1));
  const y = tensor(device, Uint32Array.of(0, 2 ** 32 - 1));
  assertEquals(
    await clip(y, { low: 1 }).data(),
    Uint32Array.of(1, 2 ** 32 - 1),
  );
});

reference.test("clip() throws when limits are none", (device) => {
  using _scope = device.scope();
  const [float, int] = [
    ones(device, [1]),
    ones(device, [1], { dtype: "int32" }),
  ];
  for (const limits of [{ low: 2, high: 1 }, { low: NaN }, { high: NaN }]) {
    assertRefused(
      device,
      () => clip(float, limits),
      ArgumentError,
      "Cannot clip",
    );
  }
  assertRefused(device, () => clip(int, { low: 0.5 }), ArgumentError, "0.5");
  const bool = ones(device, [1], { dtype: "bool" });
  assertRefused(device, () => clip(bool, { low: 0 }), DTypeError, '"clip"');
});
