import type { BinaryOp, BroadcastLayout, UnaryOp } from "../backend.ts";
import { broadcastLayout } from "../_broadcast.ts";
import type { Shape } from "../shape.ts";
import {
  assertAgrees,
  floats,
  integers,
  noise,
  randomFloats,
  type TestTensor,
} from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

const SPECIAL = [
  ...[0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -3, 100, -100],
  ...[Infinity, -Infinity, NaN, 1e-30, -1e-30, 1e30, -1e30, 3.4e38],
];

const FLOAT_UNARY: readonly UnaryOp[] = [
  ...["neg", "abs", "sign", "exp", "log", "sqrt", "rsqrt", "square"] as const,
  ...["reciprocal", "sin", "cos", "tanh", "erf", "sigmoid", "relu"] as const,
  ...["gelu", "geluTanh", "floor", "ceil", "round"] as const,
];

/** Numbers of all sizes and the special ones. */
const spread = floats(
  [1021],
  (i) => SPECIAL[i] ?? noise(1021)[i] * 2 ** (i % 12 - 6),
);

for (const op of FLOAT_UNARY) {
  testOnWebGpu(
    `unary() "${op}" agrees on floats of every kind`,
    async (gpu) => {
      await assertAgrees(
        gpu,
        { x: spread, out: floats([1021]) },
        (backend, { x, out }) => backend.unary(op, x, out),
        { relative: 1e-5, absolute: 1e-37 },
      );
    },
  );
}

testOnWebGpu("unary() works on integers, bool and NaN", async (gpu) => {
  const x = integers([7], [0, 1, -1, 5, -70000, 2 ** 31 - 1, -(2 ** 31)]);
  for (const op of ["neg", "abs", "sign", "square", "relu"] as const) {
    await assertAgrees(
      gpu,
      { x, out: x },
      (backend, { x, out }) => backend.unary(op, x, out),
    );
  }
  const words: TestTensor = {
    dtype: "uint32",
    shape: [4],
    values: [0, 1, 70000, 2 ** 32 - 1],
  };
  for (const op of ["abs", "sign", "square", "relu"] as const) {
    await assertAgrees(
      gpu,
      { x: words, out: words },
      (backend, { x, out }) => backend.unary(op, x, out),
    );
  }
  const flags: TestTensor = { dtype: "bool", shape: [3], values: [0, 1, 0] };
  await assertAgrees(
    gpu,
    { flags, out: flags },
    (backend, { flags, out }) => backend.unary("not", flags, out),
  );
  await assertAgrees(
    gpu,
    {
      x: floats([4], [NaN, Infinity, -NaN, 0]),
      out: { ...flags, shape: [4], values: [9, 9, 9, 9] },
    },
    (backend, { x, out }) => backend.unary("isNaN", x, out),
  );
});

testOnWebGpu("unary() works in place and on views", async (gpu) => {
  const x = { ...randomFloats([131], 3), byteOffset: 12 };
  await assertAgrees(
    gpu,
    { x },
    (backend, { x }) => backend.unary("abs", x, x),
  );
});

const FLOAT_BINARY: readonly BinaryOp[] = [
  ...["add", "sub", "mul", "div", "pow", "maximum", "minimum"] as const,
  "reluGradient",
];
const COMPARISONS: readonly BinaryOp[] = [
  ...["equal", "notEqual", "less", "lessEqual", "greater"] as const,
  "greaterEqual",
];
const INTEGER_BINARY: readonly BinaryOp[] = [
  ...["add", "sub", "mul", "maximum", "minimum"] as const,
];

/** Every pair of special values, and some more. */
const left = floats(
  [SPECIAL.length, SPECIAL.length + 2],
  (i) => SPECIAL[Math.floor(i / (SPECIAL.length + 2))],
);
const right = floats(
  [SPECIAL.length, SPECIAL.length + 2],
  (i) => SPECIAL[i % (SPECIAL.length + 2)] ?? noise(999)[i],
);

for (const op of [...FLOAT_BINARY, ...COMPARISONS]) {
  testOnWebGpu(
    `binary() "${op}" agrees on every pair of floats`,
    async (gpu) => {
      const out: TestTensor = COMPARISONS.includes(op)
        ? { ...left, dtype: "bool" }
        : left;
      await assertAgrees(
        gpu,
        { left, right, out },
        (backend, { left, right, out }) =>
          backend.binary(
            op,
            left,
            right,
            out,
            broadcastLayout(left.shape, [left.shape, right.shape]),
          ),
        { relative: 2e-6, absolute: 1e-37 },
      );
    },
  );
}

/** For each gradient the saved values that there are. */
const GRADIENTS = {
  tanhGradient: (i: number) => i / 500 - 1,
  sigmoidGradient: (i: number) => i / 1000,
  geluGradient: (i: number) => SPECIAL[i] ?? i / 50 - 10,
  geluTanhGradient: (i: number) => SPECIAL[i] ?? i / 50 - 10,
};

for (const [op, saved] of Object.entries(GRADIENTS)) {
  testOnWebGpu(`binary() "${op}" agrees on all values`, async (gpu) => {
    await assertAgrees(
      gpu,
      {
        x: floats([1001], saved),
        dy: randomFloats([1001], 5),
        dx: floats([1001]),
      },
      (backend, { x, dy, dx }) =>
        backend.binary(op as BinaryOp, x, dy, dx, {
          shape: [1001],
          strides: [[1], [1]],
        }),
      { relative: 1e-5, absolute: 1e-6 },
    );
  });
}

testOnWebGpu("binary() works on integers and bool", async (gpu) => {
  const list = [0, 1, -1, 7, 65537, -65537, 2 ** 31 - 1, -(2 ** 31)];
  const a = integers([8, 8], (i) => list[i >> 3]);
  const b = integers([8, 8], (i) => list[i & 7]);
  for (const dtype of ["int32", "uint32"] as const) {
    for (const op of [...INTEGER_BINARY, ...COMPARISONS]) {
      const out = COMPARISONS.includes(op) ? "bool" : dtype;
      await assertAgrees(
        gpu,
        { a: { ...a, dtype }, b: { ...b, dtype }, out: { ...a, dtype: out } },
        (backend, { a, b, out }) =>
          backend.binary(op, a, b, out, { shape: [64], strides: [[1], [1]] }),
      );
    }
  }
  const p: TestTensor = { dtype: "bool", shape: [4], values: [0, 0, 1, 1] };
  const q: TestTensor = { dtype: "bool", shape: [4], values: [0, 1, 0, 1] };
  for (const op of ["and", "or", "xor", "equal", "notEqual"] as const) {
    await assertAgrees(
      gpu,
      { p, q, out: p },
      (backend, { p, q, out }) =>
        backend.binary(op, p, q, out, { shape: [4], strides: [[1], [1]] }),
    );
  }
});

/** Pairs of shapes: vector and scalar access, every way to stretch. */
const BROADCASTS: readonly (readonly [Shape | undefined, Shape | undefined])[] =
  [
    [[5, 7], undefined],
    [undefined, [5, 7]],
    [[5, 7], []],
    [[5, 8], [8]],
    [[5, 7], [7]],
    [[5, 1], [5, 8]],
    [[5, 1], [1, 7]],
    [[3, 1, 4], [1, 5, 1]],
    [[2, 3, 1, 5], [3, 4, 1]],
    [[2, 1, 2, 1, 2, 1, 2, 1], [1, 3, 1, 3, 1, 3, 1, 3]],
    [[2, 1, 2, 1, 2, 1, 2, 1], [1, 3, 1, 3, 1, 3, 1, 4]],
  ];

function layoutOf(
  ...shapes: (Shape | undefined)[]
): { shape: Shape; layout: BroadcastLayout } {
  const rank = Math.max(...shapes.map((shape) => shape?.length ?? 0));
  const shape = Array.from({ length: rank }, (_, axis) =>
    Math.max(
      ...shapes.map((shape) => shape?.[axis - rank + shape.length] ?? 1),
    ));
  return { shape, layout: broadcastLayout(shape, shapes) };
}

for (
  const [name, options] of [
    ["broadcasts", {}],
    ["broadcasts operands larger than one binding", { maxBindingBytes: 256 }],
  ] as const
) {
  testOnWebGpu(`binary() ${name}`, async (gpu) => {
    for (const [aShape, bShape] of BROADCASTS) {
      const { shape, layout } = layoutOf(aShape, bShape);
      await assertAgrees(
        gpu,
        {
          a: randomFloats(aShape ?? [], 1),
          b: randomFloats(bShape ?? [], 2),
          out: floats(shape),
        },
        (backend, { a, b, out }) =>
          backend.binary(
            "sub",
            aShape ? a : 0.1,
            bShape ? b : 0.1,
            out,
            layout,
          ),
      );
    }
  }, options);

  testOnWebGpu(`where() ${name}`, async (gpu) => {
    for (const [aShape, bShape] of BROADCASTS) {
      if ((aShape ?? bShape)!.length > 4) continue;
      const { shape, layout } = layoutOf(
        [4, 1, 1, 1, 1, 1],
        ...[aShape, bShape],
      );
      await assertAgrees(
        gpu,
        {
          condition: { dtype: "bool", shape: [4], values: [1, 0, 0, 1] },
          a: randomFloats(aShape ?? [], 1),
          b: integers(bShape ?? [], () => 7),
          out: floats(shape),
        },
        (backend, { condition, a, b, out }) =>
          backend.where(
            condition,
            aShape ? a : Infinity,
            bShape ? { ...b, dtype: "float32" } : NaN,
            out,
            layout,
          ),
      );
    }
  }, options);
}

testOnWebGpu(
  "binary() takes one tensor as both operands and as result",
  async (gpu) => {
    const x = randomFloats([77], 4);
    await assertAgrees(
      gpu,
      { x },
      (backend, { x }) =>
        backend.binary("mul", x, x, x, { shape: [77], strides: [[1], [1]] }),
    );
  },
);

testOnWebGpu(
  "binary() takes numbers that only uniforms can hold",
  async (gpu) => {
    const x = floats([5], [1, -1, NaN, Infinity, -Infinity]);
    for (const number of [Infinity, -Infinity, NaN]) {
      await assertAgrees(
        gpu,
        { x, out: x },
        (backend, { x, out }) =>
          backend.binary("maximum", x, number, out, {
            shape: [5],
            strides: [[1], [0]],
          }),
      );
    }
  },
);

testOnWebGpu("binary() runs more than 65,535 workgroups", async (gpu) => {
  const shape = [2, 65_536 * 32 + 3];
  const { layout } = layoutOf(shape, [2, 1]);
  await assertAgrees(
    gpu,
    {
      a: integers(shape, (i) => i),
      b: integers([2, 1], [1, 2]),
      out: integers(shape, [0]),
    },
    (backend, { a, b, out }) => backend.binary("add", a, b, out, layout),
  );
});

testOnWebGpu("clip() keeps NaN and takes any bounds", async (gpu) => {
  const out = floats([1021]);
  for (const [low, high] of [[-1, 1], [-Infinity, 0.3], [0.1, Infinity]]) {
    await assertAgrees(
      gpu,
      { x: spread, out },
      (backend, { x, out }) => backend.clip(x, out, low, high),
    );
  }
  const x = integers([7], [0, 1, -1, 5, -70000, 2 ** 31 - 1, -(2 ** 31)]);
  for (const [low, high] of [[-1.5, 2.5], [-Infinity, 0], [1, 1e20]]) {
    await assertAgrees(
      gpu,
      { x, out: x },
      (backend, { x, out }) => backend.clip(x, out, low, high),
    );
  }
});

/** Many elements, in whole workgroups and not, in whole vectors and not. */
const LARGE: readonly (readonly [Shape, Shape | undefined])[] = [
  [[2 ** 16], [2 ** 16]],
  [[2 ** 16 + 4], undefined],
  [[2 ** 16 + 3], [2 ** 16 + 3]],
  [[300, 260], [260]],
  [[300, 260], [300, 1]],
  [[5, 100, 132], [5, 1, 132]],
  [[300, 259], [259]],
];

for (const software of [true, false]) {
  testOnWebGpu(
    `kernels of ${software ? "an emulated" : "a"} GPU agree on many elements`,
    async (gpu) => {
      for (const [xShape, bShape] of LARGE) {
        const { shape, layout } = layoutOf(xShape, bShape);
        const x = randomFloats(xShape, 1);
        const b = { ...randomFloats(bShape ?? [], 2), byteOffset: 4 };
        const out = { ...floats(shape, () => 7), byteOffset: 16 };
        await assertAgrees(
          gpu,
          { x, out },
          (backend, { x, out }) => backend.unary("gelu", x, out),
          { relative: 1e-6 },
        );
        await assertAgrees(
          gpu,
          { x, out },
          (backend, { x, out }) => backend.clip(x, out, -0.5, 0.25),
        );
        await assertAgrees(
          gpu,
          { x, b, out },
          (backend, { x, b, out }) =>
            backend.binary("sub", x, bShape ? b : 0.1, out, layout),
        );
        await assertAgrees(
          gpu,
          { is: { dtype: "bool", shape: [], values: [1] }, x, b, out },
          (backend, { is, x, b, out }) =>
            backend.where(
              is,
              x,
              bShape ? b : 0.1,
              out,
              layoutOf([], xShape, bShape).layout,
            ),
        );
      }
    },
    {},
    { software },
  );
}
