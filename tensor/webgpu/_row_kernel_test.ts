import { assertEquals } from "@std/assert";
import { chooseRowLanes } from "./_row_kernel.ts";
import type { Traits } from "./_runtime.ts";

Deno.test("chooseRowLanes() shares long rows on hardware only", () => {
  const software = { software: true } as Traits;
  const hardware = { software: false } as Traits;
  assertEquals(chooseRowLanes(1000, software), 1);
  assertEquals(chooseRowLanes(1000, hardware), 64);
  assertEquals(chooseRowLanes(10, hardware), 1);
});
