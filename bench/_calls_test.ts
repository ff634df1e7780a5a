import { assertEquals } from "@std/assert";
import { findCalls } from "./_calls.ts";

Deno.test("calls are repeated until they take long enough, a fixed wait not counted", async () => {
  const tried: number[] = [];
  const calls = await findCalls(100, (calls) => {
    tried.push(calls);
    return Promise.resolve(12 + 3 * calls);
  });
  assertEquals(calls, tried.at(-1));
  assertEquals(12 + 3 * calls >= 90 && 12 + 3 * calls <= 110, true);
});

Deno.test("one call is enough if it takes long", async () => {
  assertEquals(await findCalls(100, () => Promise.resolve(95)), 1);
});

Deno.test("calls that take no time by the clock are repeated, too", async () => {
  assertEquals(
    await findCalls(100, (calls) => Promise.resolve(calls < 5000 ? 0 : 100)),
    10_000,
  );
});
