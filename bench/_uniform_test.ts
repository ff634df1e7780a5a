import { assert, assertEquals } from "@std/assert";
import { integers, uniform } from "./_uniform.ts";

Deno.test("the numbers are those that peer.py makes", () => {
  assertEquals([...uniform(3, 4)], [
    ...[-0.7884372472763062, 0.18062126636505127],
    ...[-0.8549081087112427, -0.48651623725891113],
  ]);
  assertEquals(uniform(3, 100_000)[99_999], 0.8212071657180786);
  assertEquals([...integers(2, 5, 10, 20)], [12, 10, 11, 11, 11]);
});

Deno.test("the numbers spread evenly over [-1, 1)", () => {
  const values = uniform(1, 100_000);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const square = values.reduce((sum, x) => sum + x * x, 0) / values.length;
  assert(Math.abs(mean) < 0.01 && Math.abs(square - 1 / 3) < 0.01);
  assert(values.every((x) => x >= -1 && x < 1));
});
