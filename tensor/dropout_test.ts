import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ones, tensor } from "./creation.ts";
import { dropout } from "./dropout.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("dropout() drops about the rate, and keeps the mean", async (device) => {
  using _scope = device.scope();
  const x = ones(device, [10_000]);
  const y = await dropout(x, { rate: 0.25, seed: 7n }).data();
  assertEquals(new Set(y), new Set([0, Math.fround(4 / 3)]));
  const dropped = y.filter((value) => value === 0).length;
  // Five standard deviations of the binomial distribution: √(n·p·(1 - p)) = 43.
  assert(Math.abs(dropped - 2500) < 217, `${dropped} of 10,000 were dropped`);
});

reference.test("dropout() draws the same for the same seed and stream only", async (device) => {
  using _scope = device.scope();
  const x = ones(device, [64]);
  const draw = (seed: bigint, stream?: bigint) =>
    dropout(x, { rate: 0.5, seed, stream }).data();
  assertEquals(await draw(1n), await draw(1n, 0n));
  assertNotEquals(await draw(1n), await draw(2n));
  assertNotEquals(await draw(1n), await draw(1n, 1n));
});

reference.test("dropout() drops nothing when it is not training, or the rate is 0", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1, 2, 3]);
  for (const options of [{ rate: 0.5, training: false }, { rate: 0 }]) {
    const y = dropout(x, { seed: 1n, ...options });
    assertEquals([...await y.data()], [1, 2, 3]);
  }
});

reference.test("dropout() throws when options or dtypes are none", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2]);
  for (const rate of [-0.1, 1, NaN]) {
    assertRefused(
      device,
      () => dropout(x, { rate, seed: 1n }),
      ArgumentError,
      `rate ${rate}`,
    );
  }
  for (const seed of [-1n, 1n << 64n]) {
    assertRefused(
      device,
      () => dropout(x, { rate: 0.5, seed }),
      ArgumentError,
      `seed ${seed}`,
    );
  }
  const int = ones(device, [2], { dtype: "int32" });
  assertRefused(
    device,
    () => dropout(int, { rate: 0.5, seed: 1n }),
    DTypeError,
    "float",
  );
});
