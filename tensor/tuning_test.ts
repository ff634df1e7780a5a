import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError } from "./errors.ts";
import { ones } from "./creation.ts";
import { matmul } from "./matmul.ts";
import { openDevice } from "./open_device.ts";
import { checkTuning, type Tuning } from "./tuning.ts";

Deno.test("checkTuning() takes what tune() gives, and nothing else", () => {
  const tuning: Tuning = { version: 1, adapters: { a: { product: "way" } } };
  assertEquals(checkTuning(tuning), tuning);
  const wrong: readonly [unknown, string][] = [
    [undefined, "found undefined"],
    [[], "with version and adapters, found []"],
    [{ version: 1 }, "expected an object"],
    [{ version: 1, adapters: [] }, "expected an object"],
    [{ version: 2, adapters: {} }, "expected version 1, found 2"],
    [{ version: 1, adapters: { a: [] } }, 'for adapter "a"'],
    [
      { version: 1, adapters: { a: { product: 3 } } },
      'for adapter "a", found {"product":3}',
    ],
  ];
  for (const [value, message] of wrong) {
    assertThrows(() => checkTuning(value), ArgumentError, message);
  }
});

Deno.test("openDevice() takes no tuning that is none", async () => {
  await assertRejects(
    () => openDevice("reference", { tuning: {} as Tuning }),
    ArgumentError,
    "Cannot use the tuning: expected an object with version and adapters",
  );
});

Deno.test("tune() of devices without a choice calls nothing", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const x = ones(device, [2, 2]);
  let calls = 0;
  assertEquals(await device.tune(() => (calls++, matmul(x, x))), undefined);
  assertEquals(calls, 0);
});
