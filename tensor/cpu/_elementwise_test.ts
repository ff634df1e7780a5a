import { broadcastLayout } from "../_broadcast.ts";
import type { BinaryOp, UnaryOp } from "../backend.ts";
import { broadcastShapes, type Shape } from "../shape.ts";
import { againstReference, noise, SPECIAL } from "./_against_reference.ts";

/** A relative error of one unit in the last place. */
const ULP = 2 ** -23;

/** The smallest float32, by which results below the normal range may be off. */
const SMALLEST = 2 ** -149;

/**
 * The largest errors of functions that are not rounded correctly, in units of
 * the last place. geluTanh has them where it is nearly 0, because e^u magnifies
 * the rounding of u.
 */
const UNARY_ULPS: Readonly<Record<UnaryOp, number>> = {
  neg: 0,
  abs: 0,
  sign: 0,
  exp: 1.5,
  log: 1.5,
  sqrt: 0.5,
  rsqrt: 1.5,
  square: 0.5,
  reciprocal: 0.5,
  sin: 1.5,
  cos: 1.5,
  tanh: 2,
  erf: 1.5,
  sigmoid: 2.5,
  relu: 0,
  gelu: 6,
  geluTanh: 64,
  floor: 0,
  ceil: 0,
  round: 0,
  not: 0,
  isNaN: 0,
};

const samples: readonly number[] = [
  ...SPECIAL,
  ...noise(500, 1),
  ...noise(500, 10),
  ...noise(500, 100),
  ...noise(200, 1e-3),
  ...noise(200, 1e6),
  ...noise(100, 1e30),
  ...noise(100, 1e-40),
];

for (const [op, ulps] of Object.entries(UNARY_ULPS)) {
  if (op === "not") continue;
  Deno.test(`unary() of the cpu device computes ${op} like the reference`, async () => {
    await againstReference((stage) => {
      const x = stage.input([samples.length], samples);
      const out = stage.output(
        [samples.length],
        op === "isNaN" ? "bool" : "float32",
      );
      stage.backend.unary(op as UnaryOp, x, out);
    }, { relative: ulps * ULP, absolute: 16 * SMALLEST });
  });
}

Deno.test("unary() of the cpu device works at every count, also in place", async () => {
  await againstReference((stage) => {
    for (const count of [1, 2, 3, 4, 5, 7, 16, 17, 63, 65, 100_003]) {
      const out = stage.output([count]);
      stage.backend.unary("square", stage.input([count], samples), out);
      stage.backend.unary("neg", out, out);
    }
  });
});

Deno.test("unary() of the cpu device computes functions of integers and bools", async () => {
  await againstReference((stage) => {
    const values = [-(2 ** 31), -70_000, -2, -1, 0, 1, 5, 65_537, 2 ** 31 - 1];
    for (const op of ["neg", "abs", "sign", "square", "relu"] as const) {
      for (const dtype of ["int32", "uint32"] as const) {
        if (op === "neg" && dtype === "uint32") continue;
        const x = stage.input([9], values.map((x) => x), dtype);
        stage.backend.unary(op, x, stage.output([9], dtype));
      }
    }
    const bools = stage.input([5], [0, 1, 1, 0, 1], "bool");
    stage.backend.unary("not", bools, stage.output([5], "bool"));
  });
});

const FLOAT_BINARY: readonly BinaryOp[] = [
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "reluGradient",
];
const COMPARISONS: readonly BinaryOp[] = [
  "equal",
  "notEqual",
  "less",
  "lessEqual",
  "greater",
  "greaterEqual",
];
const INTEGER_BINARY: readonly BinaryOp[] = [
  "add",
  "sub",
  "mul",
  "maximum",
  "minimum",
];

/** All pairs of some numbers. */
function pairs(values: readonly number[]): [number[], number[]] {
  return [
    values.flatMap((a) => values.map(() => a)),
    values.flatMap(() => values),
  ];
}

Deno.test("binary() of the cpu device computes all pairs of special floats", async () => {
  await againstReference((stage) => {
    const [left, right] = pairs(SPECIAL);
    const shape = [left.length];
    const layout = broadcastLayout(shape, [shape, shape]);
    const a = stage.input(shape, left);
    const b = stage.input(shape, right);
    for (const op of FLOAT_BINARY) {
      stage.backend.binary(op, a, b, stage.output(shape), layout);
    }
    for (const op of COMPARISONS) {
      stage.backend.binary(op, a, b, stage.output(shape, "bool"), layout);
    }
  });
});

Deno.test("binary() of the cpu device computes pow like IEEE 754", async () => {
  await againstReference((stage) => {
    const [left, right] = pairs([...SPECIAL, ...noise(20, 10)]);
    const shape = [left.length];
    const layout = broadcastLayout(shape, [shape, shape]);
    const a = stage.input(shape, left);
    const b = stage.input(shape, right);
    stage.backend.binary("pow", a, b, stage.output(shape), layout);
  }, { relative: ULP, absolute: SMALLEST });
});

for (
  const [op, ulps] of [
    ["tanhGradient", 2],
    ["sigmoidGradient", 2],
    ["geluGradient", 4],
    ["geluTanhGradient", 4],
  ] as const
) {
  Deno.test(`binary() of the cpu device computes ${op} like the reference`, async () => {
    const x = samples.filter((x) => !(Math.abs(x) > 1e3));
    // The slope crosses zero: an error is measured against dy.
    await againstReference((stage) => {
      const shape = [x.length];
      stage.backend.binary(
        op,
        stage.input(shape, x),
        stage.input(shape, noise(x.length, 2)),
        stage.output(shape),
        broadcastLayout(shape, [shape, shape]),
      );
    }, { relative: ulps * ULP, absolute: ulps * ULP });
  });
}

Deno.test("binary() of the cpu device computes functions of integers and bools", async () => {
  await againstReference((stage) => {
    const [left, right] = pairs([-(2 ** 31), -3, -1, 0, 1, 7, 65_537, 2e9]);
    const shape = [left.length];
    const layout = broadcastLayout(shape, [shape, shape]);
    for (const dtype of ["int32", "uint32"] as const) {
      const a = stage.input(shape, left, dtype);
      const b = stage.input(shape, right, dtype);
      for (const op of INTEGER_BINARY) {
        stage.backend.binary(op, a, b, stage.output(shape, dtype), layout);
        const scaled = broadcastLayout(shape, [shape, undefined]);
        stage.backend.binary(op, a, 3, stage.output(shape, dtype), scaled);
      }
      for (const op of COMPARISONS) {
        stage.backend.binary(op, a, b, stage.output(shape, "bool"), layout);
      }
    }
    const a = stage.input([5], [0, 1, 1, 0, 1], "bool");
    const b = stage.input([5], [0, 1, 0, 1, 1], "bool");
    const bools = broadcastLayout([5], [[5], [5]]);
    for (const op of ["and", "or", "xor", "equal", "notEqual"] as const) {
      stage.backend.binary(op, a, b, stage.output([5], "bool"), bools);
    }
  });
});

const BROADCASTS: readonly (readonly [Shape | undefined, Shape | undefined])[] =
  [
    [[5], undefined],
    [undefined, [7]],
    [[1], [1]],
    [[], []],
    [[3, 5], [5]],
    [[5], [3, 5]],
    [[3, 5], [3, 1]],
    [[3, 1], [1, 5]],
    [[3, 1, 5], [4, 1]],
    [[2, 3, 4, 5], [3, 1, 5]],
    [[2, 1, 4, 1, 3], [1, 3, 1, 2, 3]],
    [[2, 1, 3, 1, 2, 1], [1, 2, 1, 3, 1, 2]],
    [[300, 257], [257]],
    [[300, 257], [300, 1]],
    [[2, 100_001], [2, 1]],
    [[50, 3, 701], [50, 1, 701]],
  ];

Deno.test("binary() and where() of the cpu device broadcast", async () => {
  await againstReference((stage) => {
    for (const [left, right] of BROADCASTS) {
      const shape = broadcastShapes(left ?? [], right ?? []);
      const a = left ? stage.input(left, noise(997, 3)) : 2.5;
      const b = right ? stage.input(right, noise(991, 3, 2)) : -1.5;
      const layout = broadcastLayout(shape, [left, right]);
      stage.backend.binary("sub", a, b, stage.output(shape), layout);
      for (const conditionShape of [shape, shape.map(() => 1)]) {
        const condition = stage.input(conditionShape, [1, 0, 0, 1, 1], "bool");
        stage.backend.where(
          condition,
          a,
          b,
          stage.output(shape),
          broadcastLayout(shape, [conditionShape, left, right]),
        );
      }
    }
  });
});

Deno.test("binary() of the cpu device works in place", async () => {
  await againstReference((stage) => {
    const out = stage.output([1003]);
    stage.backend.fill(out, 3);
    const layout = broadcastLayout([1003], [[1003], [1003]]);
    const other = stage.input([1003], noise(1003));
    stage.backend.binary("mul", out, other, out, layout);
    stage.backend.binary("sub", other, out, out, layout);
  });
});

Deno.test("clip() of the cpu device keeps NaN and takes integers", async () => {
  await againstReference((stage) => {
    const count = samples.length;
    const x = stage.input([count], samples);
    stage.backend.clip(x, stage.output([count]), -0.5, 2);
    stage.backend.clip(x, stage.output([count]), -Infinity, 2);
    const integers = [-5, 0, 7, 2 ** 31, 2 ** 32 - 1];
    for (const dtype of ["int32", "uint32"] as const) {
      const x = stage.input([5], integers, dtype);
      stage.backend.clip(x, stage.output([5], dtype), 1, Infinity);
      stage.backend.clip(x, stage.output([5], dtype), 0, 6);
    }
  });
});
