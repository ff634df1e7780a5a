import { assertAlmostEquals, assertEquals } from "@std/assert";
import { meanAndDeviation } from "./statistics.ts";

Deno.test("meanAndDeviation() divides by n - 1", () => {
  const { mean, deviation } = meanAndDeviation([2, 4, 4, 4, 5, 5, 7, 9]);
  assertEquals(mean, 5);
  assertAlmostEquals(deviation, Math.sqrt(32 / 7), 1e-15);
});

Deno.test("meanAndDeviation() takes a single number as certain, and nothing of none", () => {
  assertEquals(meanAndDeviation([3]), { mean: 3, deviation: 0 });
  assertEquals(meanAndDeviation([]).mean, NaN);
});
