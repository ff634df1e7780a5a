import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { ReduceOp } from "../backend.ts";
import type { DType } from "../dtype.ts";
import { empty, numbers, view } from "./_testing.ts";
import { argmax, reduce } from "./reduce.ts";

function lineOf(
  op: ReduceOp,
  values: number[],
  dtype: DType = "float64",
): number {
  const out = empty([1], dtype);
  const layout = { outer: 1, length: values.length, inner: 1 };
  reduce(op, view(values, dtype), out, layout);
  return numbers(out)[0];
}

function argmaxOf(values: number[]): number {
  const out = empty([1], "int32");
  argmax(view(values), out, { outer: 1, length: values.length, inner: 1 });
  return numbers(out)[0];
}

const LINES: [ReduceOp, number[], number][] = [
  ["sum", [1, 2, 3.5], 6.5],
  ["sum", [], 0],
  ["mean", [1, 2, 6], 3],
  ["mean", [], NaN],
  ["max", [1, 3, 2], 3],
  ["max", [1, NaN, 2], NaN],
  ["max", [], -Infinity],
  ["min", [1, -3, 2], -3],
  ["min", [1, NaN, 2], NaN],
  ["min", [], Infinity],
  ["l2Norm", [3, -4], 5],
  ["l2Norm", [], 0],
  ["logSumExp", [], -Infinity],
  ["logSumExp", [-Infinity, -Infinity], -Infinity],
  ["logSumExp", [1, Infinity], Infinity],
  ["logSumExp", [1, NaN], NaN],
  ["logSumExp", [1000, 1000], 1000 + Math.LN2],
  ["logSumExp", [-1000, -1000], -1000 + Math.LN2],
];

for (const [op, values, expected] of LINES) {
  Deno.test(`reduce() gives ${expected} for ${op} of [${values}]`, () => {
    assertEquals(lineOf(op, values), expected);
  });
}

Deno.test("reduce() works along the middle axis", () => {
  const out = empty([2, 2]);
  const x = view(Array.from({ length: 12 }, (_, i) => i));
  reduce("sum", x, out, { outer: 2, length: 3, inner: 2 });
  assertEquals(numbers(out), [6, 9, 24, 27]);
});

Deno.test("reduce() wraps sums of integers, and has no infinity for them", () => {
  const most = 2 ** 31 - 1;
  assertEquals(lineOf("sum", [most, most, 3], "int32"), 1);
  assertEquals(lineOf("sum", [2 ** 32 - 1, 2], "uint32"), 1);
  assertEquals(lineOf("max", [2 ** 32 - 1, 2], "uint32"), 2 ** 32 - 1);
  assertEquals(lineOf("max", [], "int32"), -(2 ** 31));
  assertEquals(lineOf("min", [], "int32"), 2 ** 31 - 1);
  assertEquals(lineOf("max", [], "uint32"), 0);
  assertEquals(lineOf("min", [], "uint32"), 2 ** 32 - 1);
  // So many that their sum is no longer a whole double.
  const many = new Array<number>(2 ** 22 + 1).fill(2 ** 32 - 1);
  assertEquals(lineOf("sum", many, "uint32"), 2 ** 32 - many.length);
});

Deno.test("reduce() sums float32 in double precision", () => {
  const many = new Array<number>(100_000).fill(Math.fround(0.1));
  const exact = 100_000 * Math.fround(0.1);
  assertEquals(lineOf("sum", many, "float32"), Math.fround(exact));
  assertAlmostEquals(lineOf("mean", many, "float32"), 0.1, 1e-8);
});

Deno.test("argmax() takes the first of equals, and NaN for the largest", () => {
  assertEquals(argmaxOf([1, 3, 3, 2]), 1);
  assertEquals(argmaxOf([1, NaN, Infinity, NaN]), 1);
  assertEquals(argmaxOf([NaN, 5]), 0);
  assertEquals(argmaxOf([-Infinity, -Infinity]), 0);
});
