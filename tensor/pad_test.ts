import { assertEquals } from "@std/assert";
import { ones, tensor, zeros } from "./creation.ts";
import { ArgumentError } from "./errors.ts";
import { pad } from "./pad.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("pad() puts a border around all axes", async (device) => {
  using _scope = device.scope();
  const x = pad(tensor(device, [[1, 2]]), [[1, 0], [0, 2]], { value: 9 });
  assertEquals(x.shape, [2, 4]);
  assertEquals([...await x.data()], [9, 9, 9, 9, 1, 2, 9, 9]);
});

reference.test("pad() of nothing is all border", async (device) => {
  using _scope = device.scope();
  const x = pad(zeros(device, [0]), [[1, 1]], { value: -Infinity });
  assertEquals([...await x.data()], [-Infinity, -Infinity]);
});

reference.test("pad() throws when widths or the value are none", (device) => {
  using x = ones(device, [2], { dtype: "int32" });
  for (const width of [[-1, 0], [0, 0.5], [NaN, 0]] as const) {
    assertRefused(device, () => pad(x, [width]), ArgumentError, "Cannot pad");
  }
  assertRefused(device, () => pad(x, []), ArgumentError, "expected 1 pairs");
  assertRefused(
    device,
    () => pad(x, [[1, 1]], { value: 0.5 }),
    ArgumentError,
    'Cannot run "pad" with 0.5 as int32',
  );
});
