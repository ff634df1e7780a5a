import { assertAlmostEquals, assertEquals } from "@std/assert";
import { gelu, relu, sigmoid, tanh } from "./activation.ts";
import { tensor } from "./creation.ts";
import { DTypeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("relu() keeps NaN and takes integers", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [NaN, -Infinity, Infinity]);
  assertEquals([...await relu(x).data()], [NaN, 0, Infinity]);
  const whole = tensor(device, Int32Array.of(-1, 1));
  assertEquals(await relu(whole).data(), Int32Array.of(0, 1));
});

reference.test("sigmoid() and tanh() do not overflow", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [-1000, 0, 1000]);
  assertEquals([...await sigmoid(x).data()], [0, 0.5, 1]);
  assertEquals([...await tanh(x).data()], [-1, 0, 1]);
});

reference.test("gelu() is exact or approximate", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, Float64Array.of(1));
  // Φ(1) of any table, and the formula of the paper.
  assertAlmostEquals(await gelu(x).item(), 0.841344746068543, 1e-14);
  assertAlmostEquals(
    await gelu(x, { approximate: "tanh" }).item(),
    (1 + Math.tanh(Math.sqrt(2 / Math.PI) * 1.044715)) / 2,
    1e-14,
  );
});

reference.test("gelu() throws when x is not float", (device) => {
  using x = tensor(device, Int32Array.of(1));
  assertRefused(device, () => gelu(x), DTypeError, 'Cannot run "gelu"');
});
