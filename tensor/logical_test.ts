import { assertEquals } from "@std/assert";
import { ones, tensor } from "./creation.ts";
import { DTypeError } from "./errors.ts";
import { logicalAnd, logicalNot, logicalOr, logicalXor } from "./logical.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("logicalNot() of logicalXor() is equality", async (device) => {
  using _scope = device.scope();
  const a = tensor(device, [[true], [false]]);
  const b = tensor(device, [true, false]);
  const same = logicalNot(logicalXor(a, b));
  assertEquals(same.shape, [2, 2]);
  assertEquals(await same.data(), Uint8Array.of(1, 0, 0, 1));
});

reference.test("logic throws with its public name when a tensor is not bool", (device) => {
  using x = ones(device, [1]);
  for (const f of [logicalAnd, logicalOr, logicalXor]) {
    assertRefused(device, () => f(x, x), DTypeError, `Cannot run "${f.name}"`);
  }
  assertRefused(device, () => logicalNot(x), DTypeError, '"logicalNot"');
});
