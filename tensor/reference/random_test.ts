import { assertEquals } from "@std/assert";
import { empty, numbers, view } from "./_testing.ts";
import { dropout, randomUniform } from "./random.ts";

const STATE = { seedLow: 0, seedHigh: 0, streamLow: 0, streamHigh: 0 };
/** The numbers of the first block: a known answer of Random123. */
const UNIFORM = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]
  .map((word) => (word >>> 8) / 2 ** 24);

Deno.test("randomUniform() gives the upper bits of Philox", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const out = empty([4], dtype);
    randomUniform(out, STATE);
    assertEquals(numbers(out), UNIFORM);
  }
});

Deno.test("dropout() drops what is below the rate, and scales the rest", () => {
  // The numbers are about 0.40, 0.88, 0.74 and 0.61.
  const out = empty([4]);
  dropout(view([1, 2, 7, Infinity]), out, 0.7, STATE);
  const factor = Math.fround(1 / (1 - 0.7));
  assertEquals(numbers(out), [0, 2 * factor, Math.fround(7 * factor), 0]);
});

Deno.test("dropout() keeps a number that equals the rate in float32", () => {
  const rate = UNIFORM[1] + 2 ** -30;
  assertEquals(Math.fround(rate), UNIFORM[1]);
  const out = empty([4], "float64");
  dropout(view([1, 1, 1, 1], "float64"), out, rate, STATE);
  assertEquals(numbers(out), [0, 1 / (1 - rate), 0, 0]);
});

Deno.test("dropout() with a rate of 0 keeps everything", () => {
  const out = empty([3]);
  dropout(view([1, -2, NaN]), out, 0, STATE);
  assertEquals(numbers(out), [1, -2, NaN]);
});
