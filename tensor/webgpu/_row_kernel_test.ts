import { assertEquals, assertStringIncludes } from "@std/assert";
import { chooseRowLanes, rowFunctions } from "./_row_kernel.ts";
import type { Traits } from "./_runtime.ts";

Deno.test("chooseRowLanes() shares long rows on hardware only", () => {
  const software = { software: true } as Traits;
  const hardware = { software: false } as Traits;
  assertEquals(chooseRowLanes(1000, software), "1");
  assertEquals(chooseRowLanes(1000, hardware), "64/1");
  assertEquals(chooseRowLanes(10, hardware), "1");
  const subgroups = { size: 32, directive: "" };
  assertEquals(chooseRowLanes(1000, { ...hardware, subgroups }), "64/32");
});

Deno.test("rowFunctions() exchanges numbers in subgroups where there are some", () => {
  const count = (size: number, part: string) =>
    rowFunctions(`64/${size}`, false, "row_sum(x, lane)").split(part).length -
    1;
  const sizes = [1, 8, 32, 64];
  assertEquals(sizes.map((size) => count(size, "subgroup")), [0, 3, 5, 6]);
  // One subgroup needs no barrier.
  assertEquals(sizes.map((size) => count(size, "Barrier")), [3, 3, 3, 0]);
  assertStringIncludes(
    rowFunctions("64/32", true, "row_max(x, lane)"),
    "part = maximum(part, subgroupShuffleXor(part, 16u));",
  );
});
