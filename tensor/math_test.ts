import { assertAlmostEquals, assertEquals } from "@std/assert";
import { tensor } from "./creation.ts";
import { DTypeError } from "./errors.ts";
import {
  ceil,
  cos,
  erf,
  exp,
  floor,
  log,
  round,
  rsqrt,
  sin,
  sqrt,
} from "./math.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

const EPSILON = 2 ** -52;

reference.test("functions of math.ts compute in float64 where the device has it", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, Float64Array.of(0.7));
  for (
    const [f, expected] of [
      [exp, Math.exp(0.7)],
      [log, Math.log(0.7)],
      [sqrt, Math.sqrt(0.7)],
      [rsqrt, 1 / Math.sqrt(0.7)],
      [sin, Math.sin(0.7)],
      [cos, Math.cos(0.7)],
      // Abramowitz and Stegun, Handbook of Mathematical Functions, table 7.1
      [erf, 0.6778011938],
    ] as const
  ) {
    const tolerance = f === erf ? 1e-10 : 2 * EPSILON;
    assertAlmostEquals(await f(x).item(), expected, tolerance);
  }
});

reference.test("functions of math.ts keep NaN, infinities and signs of zero", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [NaN, Infinity, -Infinity, -0]);
  assertEquals([...await exp(x).data()], [NaN, Infinity, 0, 1]);
  assertEquals([...await log(x).data()], [NaN, Infinity, NaN, -Infinity]);
  assertEquals([...await sqrt(x).data()], [NaN, Infinity, NaN, -0]);
  assertEquals([...await erf(x).data()], [NaN, 1, -1, -0]);
  assertEquals([...await floor(x).data()], [NaN, Infinity, -Infinity, -0]);
  assertEquals([...await ceil(x).data()], [NaN, Infinity, -Infinity, -0]);
  assertEquals([...await round(x).data()], [NaN, Infinity, -Infinity, -0]);
});

reference.test("round() rounds halves to the even number", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [-2.5, -1.5, 0.5, 1.5, 2.5, 2 ** 23 + 1]);
  assertEquals(
    [...await round(x).data()],
    [-2, -2, 0, 2, 2, 2 ** 23 + 1],
  );
});

reference.test("functions of math.ts throw when x is not float", (device) => {
  using x = tensor(device, Int32Array.of(1));
  for (const f of [exp, log, sqrt, rsqrt, sin, cos, erf, floor, ceil, round]) {
    assertRefused(
      device,
      () => f(x),
      DTypeError,
      `Cannot run "${f.name}" on Tensor(int32 [1], made by "tensor")`,
    );
  }
});
