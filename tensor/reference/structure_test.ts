import { assertEquals } from "@std/assert";
import { type DType, DTYPES } from "../dtype.ts";
import { bfloat16Bits } from "../float16.ts";
import { empty, numbers, view } from "./_testing.ts";
import { cast, fill, gather, scatterAdd, stridedCopy } from "./structure.ts";

function castOf(values: number[], from: DType, to: DType): number[] {
  const out = empty([values.length], to);
  cast(view(values, from), out);
  return numbers(out);
}

Deno.test("fill() stores a number as the dtype has it", () => {
  for (const dtype of DTYPES) {
    const out = empty([3], dtype);
    fill(out, 2);
    const stored = dtype === "bfloat16"
      ? bfloat16Bits(2)
      : dtype === "bool"
      ? 1
      : 2;
    assertEquals(numbers(out), [stored, stored, stored], dtype);
  }
});

Deno.test("stridedCopy() reads and writes with any strides", () => {
  const source = view([0, 1, 2, 3, 4, 5], "int32");
  const target = view(new Array(8).fill(-1), "int32");
  stridedCopy(source, target, {
    shape: [2, 2],
    sourceOffset: 5,
    sourceStrides: [-3, -2],
    targetOffset: 1,
    targetStrides: [4, 1],
  });
  assertEquals(numbers(target), [-1, 5, 3, -1, -1, 2, 0, -1]);
});

Deno.test("stridedCopy() repeats elements with strides of 0", () => {
  const target = empty([2, 2]);
  stridedCopy(view([1, 2]), target, {
    shape: [2, 2],
    sourceOffset: 0,
    sourceStrides: [0, 1],
    targetOffset: 0,
    targetStrides: [2, 1],
  });
  assertEquals(numbers(target), [1, 2, 1, 2]);
});

Deno.test("cast() truncates and saturates floats", () => {
  const values = [-1.9, 1.9, 3e9, -3e9, 5e9, Infinity, -Infinity, NaN, 300];
  const most = 2 ** 31 - 1;
  assertEquals(
    castOf(values, "float64", "int32"),
    [-1, 1, most, -(2 ** 31), most, most, -(2 ** 31), 0, 300],
  );
  assertEquals(
    castOf(values, "float32", "uint32"),
    [0, 1, 3e9, 0, 2 ** 32 - 1, 2 ** 32 - 1, 0, 0, 300],
  );
  assertEquals(
    castOf(values, "float32", "uint8"),
    [0, 1, 255, 0, 255, 255, 0, 0, 255],
  );
  assertEquals(
    castOf([-1.5, Infinity], "float16", "uint8"),
    [0, 255],
  );
});

Deno.test("cast() wraps integers", () => {
  assertEquals(castOf([-1, 257], "int32", "uint8"), [255, 1]);
  assertEquals(castOf([-1], "int32", "uint32"), [2 ** 32 - 1]);
  assertEquals(castOf([2 ** 32 - 1], "uint32", "int32"), [-1]);
});

Deno.test("cast() takes everything but 0 for true", () => {
  assertEquals(castOf([0, -0, 0.1, NaN], "float32", "bool"), [0, 0, 1, 1]);
  assertEquals(castOf([0, -5], "int32", "bool"), [0, 1]);
  assertEquals(castOf([0, 1], "bool", "float32"), [0, 1]);
  assertEquals(castOf([-0, 2 ** -24], "float16", "bool"), [0, 1]);
});

Deno.test("cast() rounds to the nearest float, halves to even", () => {
  assertEquals(castOf([1 + 2 ** -25], "float64", "float32"), [1]);
  assertEquals(
    castOf([1 + 2 ** -11, 1 + 3 * 2 ** -11], "float32", "float16"),
    [1, 1 + 2 ** -9],
  );
  assertEquals(
    castOf([1 + 2 ** -8, 1 + 3 * 2 ** -8], "float32", "bfloat16"),
    [0x3f80, 0x3f82],
  );
  assertEquals(castOf([1], "float16", "bfloat16"), [0x3f80]);
});

Deno.test("gather() takes slices, and NaN or 0 where there are none", () => {
  const layout = { outer: 2, length: 2, inner: 2, count: 3 };
  const indices = view([1, -1, 2], "int32");
  const floats = empty([2, 3, 2]);
  gather(view([0, 1, 2, 3, 4, 5, 6, 7]), indices, floats, layout);
  assertEquals(
    numbers(floats),
    [2, 3, NaN, NaN, NaN, NaN, 6, 7, NaN, NaN, NaN, NaN],
  );
  const whole = empty([2, 3, 2], "int32");
  gather(view([0, 1, 2, 3, 4, 5, 6, 7], "int32"), indices, whole, layout);
  assertEquals(numbers(whole), [2, 3, 0, 0, 0, 0, 6, 7, 0, 0, 0, 0]);
});

Deno.test("scatterAdd() adds slices one after the other, and leaves out the others", () => {
  const out = view([10, 20, 30, 40, 50, 60, 70, 80]);
  const indices = view([1, 1, 2, -1], "int32");
  const updates = view(Array.from({ length: 16 }, (_, i) => i + 1));
  scatterAdd(indices, updates, out, {
    outer: 2,
    length: 2,
    inner: 2,
    count: 4,
  });
  assertEquals(numbers(out), [10, 20, 34, 46, 50, 60, 90, 102]);
});

Deno.test("scatterAdd() rounds after each addition, in the order of the indices", () => {
  const out = view([2 ** 24]);
  scatterAdd(view([0, 0, 0], "int32"), view([1, 1, 4]), out, {
    outer: 1,
    length: 1,
    inner: 1,
    count: 3,
  });
  assertEquals(numbers(out), [2 ** 24 + 4]);
});
