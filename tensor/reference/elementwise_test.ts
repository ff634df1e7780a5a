import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { BinaryOp, UnaryOp } from "../backend.ts";
import type { DType } from "../dtype.ts";
import { empty, numbers, view } from "./_testing.ts";
import { binary, clip, unary, where } from "./elementwise.ts";

function unaryOf(
  op: UnaryOp,
  values: number[],
  dtype: DType = "float64",
): number[] {
  const out = empty([values.length], op === "isNaN" ? "bool" : dtype);
  unary(op, view(values, dtype), out);
  return numbers(out);
}

function binaryOf(
  op: BinaryOp,
  a: number[],
  b: number[] | number,
  dtype: DType = "float64",
  result: DType = dtype,
): number[] {
  const out = empty([a.length], result);
  const right = typeof b === "number" ? b : view(b, dtype);
  const layout = {
    shape: [a.length],
    strides: [[1], [typeof b === "number" ? 0 : 1]],
  };
  binary(op, view(a, dtype), right, out, layout);
  return numbers(out);
}

const UNARY: [UnaryOp, number[], number[]][] = [
  ["neg", [1, -0, NaN], [-1, 0, NaN]],
  ["abs", [-2, -Infinity, NaN], [2, Infinity, NaN]],
  ["sign", [-3, 0, 5, NaN], [-1, 0, 1, NaN]],
  ["exp", [0, 1, -Infinity, 1000], [1, Math.E, 0, Infinity]],
  ["log", [1, Math.E, 0, -1], [0, 1, -Infinity, NaN]],
  ["sqrt", [4, 0, -1], [2, 0, NaN]],
  ["rsqrt", [4, 0, Infinity], [0.5, Infinity, 0]],
  ["square", [-3, -Infinity], [9, Infinity]],
  ["reciprocal", [4, 0, -0], [0.25, Infinity, -Infinity]],
  ["sin", [0, Math.PI / 2], [0, 1]],
  ["cos", [0, Math.PI], [1, -1]],
  ["tanh", [0, 1, -Infinity], [0, 0.7615941559557649, -1]],
  ["erf", [0, 0.5, Infinity], [0, 0.5204998778130465, 1]],
  ["sigmoid", [0, 1000, -1000, -1], [0.5, 1, 0, 0.2689414213699951]],
  ["relu", [-1, 2, NaN], [0, 2, NaN]],
  ["floor", [-1.5, 1.5], [-2, 1]],
  ["ceil", [-1.5, 1.5], [-1, 2]],
  ["round", [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 1.4], [0, 2, 2, -0, -2, -2, 1]],
  // PyTorch in float64; far down the tail by mpmath.
  ["gelu", [1, -1, -10], [
    0.8413447460685429,
    -0.15865525393145705,
    -7.619853024160525e-23,
  ]],
  ["geluTanh", [1, -1], [0.8411919906082768, -0.15880800939172324]],
];

for (const [op, inputs, expected] of UNARY) {
  Deno.test(`unary() computes ${op}`, () => {
    unaryOf(op, inputs).forEach((y, i) => {
      if (Number.isFinite(y) && y !== 0) {
        assertAlmostEquals(y / expected[i], 1, 4e-15);
      } else assertEquals(y, expected[i]);
    });
  });
}

Deno.test("unary() rounds once when it stores float32", () => {
  assertEquals(unaryOf("exp", [1], "float32"), [Math.fround(Math.E)]);
});

Deno.test("unary() maps NaN and booleans", () => {
  assertEquals(unaryOf("isNaN", [NaN, 1, Infinity], "float32"), [1, 0, 0]);
  assertEquals(unaryOf("not", [0, 1], "bool"), [1, 0]);
});

Deno.test("unary() wraps integers", () => {
  const most = 2 ** 31 - 1;
  assertEquals(unaryOf("neg", [5, -(2 ** 31)], "int32"), [-5, -(2 ** 31)]);
  assertEquals(unaryOf("abs", [-5, -(2 ** 31)], "int32"), [5, -(2 ** 31)]);
  assertEquals(unaryOf("square", [most, 3], "int32"), [1, 9]);
  assertEquals(unaryOf("square", [2 ** 32 - 1], "uint32"), [1]);
  assertEquals(unaryOf("sign", [-5, 0], "int32"), [-1, 0]);
  assertEquals(unaryOf("relu", [-5, 5], "int32"), [0, 5]);
});

Deno.test("unary() works in place", () => {
  const x = view([1, 2]);
  unary("neg", x, x);
  assertEquals(numbers(x), [-1, -2]);
});

const BINARY: [BinaryOp, number[], number[], number[]][] = [
  ["add", [1, Infinity], [2, -Infinity], [3, NaN]],
  ["sub", [1, 0], [2, Infinity], [-1, -Infinity]],
  ["mul", [3, 0], [2, Infinity], [6, NaN]],
  ["div", [1, -1, 0], [4, 0, 0], [0.25, -Infinity, NaN]],
  ["maximum", [1, NaN, 1], [2, 1, NaN], [2, NaN, NaN]],
  ["minimum", [1, NaN, 1], [2, 1, NaN], [1, NaN, NaN]],
  ["reluGradient", [1, 0, -1, NaN], [5, 5, 5, 5], [5, 0, 0, 0]],
  ["tanhGradient", [0.5], [2], [1.5]],
  ["sigmoidGradient", [0.25], [2], [0.375]],
];

for (const [op, a, b, expected] of BINARY) {
  Deno.test(`binary() computes ${op}`, () => {
    assertEquals(binaryOf(op, a, b), expected);
  });
}

Deno.test("binary() takes powers as IEEE 754 does", () => {
  const cases = [
    [-2, 3, -8],
    [-2, 2, 4],
    [-8, 1 / 3, NaN],
    [0, 0, 1],
    [NaN, 0, 1],
    [1, NaN, 1],
    [1, Infinity, 1],
    [-1, -Infinity, 1],
    [0, -1, Infinity],
    [-0, -3, -Infinity],
    [2, -Infinity, 0],
  ];
  for (const [a, b, expected] of cases) {
    assertEquals(binaryOf("pow", [a], [b]), [expected], `${a} ** ${b}`);
  }
});

Deno.test("binary() compares, and nothing equals NaN", () => {
  const expected: [BinaryOp, number[]][] = [
    ["equal", [0, 1, 0, 0]],
    ["notEqual", [1, 0, 1, 1]],
    ["less", [1, 0, 0, 0]],
    ["lessEqual", [1, 1, 0, 0]],
    ["greater", [0, 0, 1, 0]],
    ["greaterEqual", [0, 1, 1, 0]],
  ];
  for (const [op, bools] of expected) {
    assertEquals(
      binaryOf(op, [1, 2, 3, NaN], [2, 2, 2, NaN], "float32", "bool"),
      bools,
    );
  }
});

Deno.test("binary() combines booleans", () => {
  const [a, b] = [[0, 0, 1, 1], [0, 1, 0, 1]];
  assertEquals(binaryOf("and", a, b, "bool"), [0, 0, 0, 1]);
  assertEquals(binaryOf("or", a, b, "bool"), [0, 1, 1, 1]);
  assertEquals(binaryOf("xor", a, b, "bool"), [0, 1, 1, 0]);
});

Deno.test("binary() wraps integers", () => {
  const most = 2 ** 31 - 1;
  assertEquals(binaryOf("add", [most], [1], "int32"), [-(2 ** 31)]);
  assertEquals(binaryOf("sub", [0], [1], "uint32"), [2 ** 32 - 1]);
  assertEquals(binaryOf("mul", [most], [most], "int32"), [1]);
  assertEquals(
    binaryOf("mul", [4294967295], [4294967291], "uint32"),
    [5],
  );
});

Deno.test("binary() takes a number as an element of the dtype", () => {
  assertEquals(
    binaryOf("equal", [0.1], 0.1, "float32", "bool"),
    [1],
  );
  assertEquals(binaryOf("add", [0.5], 0.1, "float64"), [0.6]);
});

Deno.test("binary() broadcasts by strides", () => {
  const out = empty([2, 3]);
  binary("sub", view([10, 20]), view([1, 2, 3]), out, {
    shape: [2, 3],
    strides: [[1, 0], [0, 1]],
  });
  assertEquals(numbers(out), [9, 8, 7, 19, 18, 17]);
});

Deno.test("gradients of activations are their derivatives", () => {
  const step = 1e-5;
  const cases: [UnaryOp, BinaryOp][] = [
    ["gelu", "geluGradient"],
    ["geluTanh", "geluTanhGradient"],
  ];
  for (const [op, gradient] of cases) {
    for (const x of [-6, -1.5, -0.1, 0, 0.7, 3, 9]) {
      const [up, down] = unaryOf(op, [x + step, x - step]);
      const [dx] = binaryOf(gradient, [x], [2]);
      assertAlmostEquals(dx / 2, (up - down) / (2 * step), 1e-9);
    }
  }
});

Deno.test("where() chooses elements and numbers", () => {
  const out = empty([3]);
  where(view([1, 0, 1], "bool"), view([1, 2, 3]), -1, out, {
    shape: [3],
    strides: [[1], [1], [0]],
  });
  assertEquals(numbers(out), [1, -1, 3]);
});

Deno.test("clip() keeps NaN, and takes integers", () => {
  const out = empty([4]);
  clip(view([-5, 0.5, 5, NaN]), out, -1, 1);
  assertEquals(numbers(out), [-1, 0.5, 1, NaN]);
  const whole = empty([2], "int32");
  clip(view([-5, 5], "int32"), whole, -Infinity, 3);
  assertEquals(numbers(whole), [-5, 3]);
});

Deno.test("unary() keeps the sign of zero where IEEE 754 does", () => {
  for (const op of ["neg", "sqrt", "tanh", "erf", "ceil"] as const) {
    const [y] = unaryOf(op, [op === "neg" ? 0 : -0]);
    assert(Object.is(y, -0), op);
  }
});
