/**
 * Rows of the operation table: elementwise operations.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { Shape, Tensor } from "@cram/tensor";
import { type HostTensor, Samples } from "../host_tensor.ts";
import {
  DIVISION,
  EXACT,
  type Op,
  type OpCase,
  SHAPES,
  specialFloats,
  specialPairs,
  type Tolerance,
} from "./op.ts";

/** A function of one operand. */
interface Unary {
  readonly run: (x: Tensor) => Tensor;
  readonly tolerance: Tolerance;
  /** Where its inputs are drawn from. */
  readonly domain?: readonly [low: number, high: number];
  /** Its kinks lie at multiples of this. */
  readonly kinks?: number;
  /** Integer types that it takes. */
  readonly ints?: readonly ("int32" | "uint32")[];
  readonly differentiable?: false;
}

/** Approximations: the cpu's polynomials are within 2 units in the last place, a GPU's own functions within what WGSL allows for arguments of this size. */
function approximate(webgpu: number, scale = 2 ** -126): Tolerance {
  return {
    cpu: 3e-7,
    webgpu,
    scale,
    reason: "polynomials and table look-ups, in float32",
  };
}

/** Within this of a power: ε times the exponent's size in a float32. */
const POWER: Tolerance = {
  cpu: 2e-5,
  webgpu: 2e-5,
  scale: 2 ** -126,
  reason: "e ^ (b · log a) multiplies the relative error by |b · log a| ≤ 88",
};

const INTS = ["int32", "uint32"] as const;

const UNARY: Readonly<Record<string, Unary>> = {
  neg: { run: t.neg, tolerance: EXACT, ints: ["int32"] },
  abs: { run: t.abs, tolerance: EXACT, kinks: 1, ints: INTS },
  sign: { run: t.sign, tolerance: EXACT, kinks: 1, ints: INTS },
  exp: { run: t.exp, tolerance: approximate(1e-6) },
  log: { run: t.log, tolerance: approximate(1e-6, 1), domain: [0.1, 10] },
  sqrt: { run: t.sqrt, tolerance: DIVISION, domain: [0.1, 10] },
  rsqrt: { run: t.rsqrt, tolerance: approximate(1e-6), domain: [0.1, 10] },
  square: { run: t.square, tolerance: EXACT, ints: INTS },
  reciprocal: { run: t.reciprocal, tolerance: DIVISION, domain: [0.5, 3] },
  sin: { run: t.sin, tolerance: approximate(1e-6, 1), domain: [-4, 4] },
  cos: { run: t.cos, tolerance: approximate(1e-6, 1), domain: [-4, 4] },
  tanh: { run: t.tanh, tolerance: approximate(1e-6), domain: [-3, 3] },
  erf: { run: t.erf, tolerance: approximate(1e-6), domain: [-3, 3] },
  sigmoid: { run: t.sigmoid, tolerance: approximate(1e-6), domain: [-5, 5] },
  relu: { run: t.relu, tolerance: EXACT, kinks: 1, ints: INTS },
  gelu: { run: t.gelu, tolerance: approximate(1e-6, 1), domain: [-3, 3] },
  "gelu (tanh)": {
    run: (x) => t.gelu(x, { approximate: "tanh" }),
    tolerance: approximate(1e-6, 1),
    domain: [-3, 3],
  },
  floor: { run: t.floor, tolerance: EXACT, kinks: 1 },
  ceil: { run: t.ceil, tolerance: EXACT, kinks: 1 },
  round: { run: t.round, tolerance: EXACT, kinks: 0.5 },
  isNaN: { run: t.isNaN, tolerance: EXACT, differentiable: false },
};

function unaryOp(name: string, unary: Unary, seed: number): Op {
  const { run, tolerance, domain, kinks, ints = [] } = unary;
  const samples = new Samples(seed);
  const draw = (shape: Shape): HostTensor =>
    kinks !== undefined
      ? samples.awayFrom(kinks, shape)
      : samples.floats(shape, ...(domain ?? [-1, 1]));
  const gradients = unary.differentiable !== false;
  return {
    name,
    tolerance,
    cases: [
      ...SHAPES.map((shape) => ({
        name: `[${shape}]`,
        inputs: [draw(shape)],
        run,
        gradients,
      })),
      { name: "special values", inputs: [specialFloats()], run },
      ...ints.map((dtype) => ({
        name: dtype,
        inputs: [samples.ints([13], dtype === "int32" ? -9 : 0, 9, dtype)],
        run,
      })),
    ],
    gradchecks: gradients
      ? [{ name: "[2, 3]", inputs: [draw([2, 3])], run }]
      : [],
  };
}

/** A function of two operands. */
interface Binary {
  readonly run: (a: Tensor | number, b: Tensor | number) => Tensor;
  readonly tolerance: Tolerance;
  /** Where its operands are drawn from. */
  readonly domain?: readonly [low: number, high: number];
  /** Whether its kinks lie where operands are equal. */
  readonly kinks?: true;
  readonly ints?: true;
  readonly differentiable?: false;
}

const BINARY: Readonly<Record<string, Binary>> = {
  add: { run: t.add, tolerance: EXACT, ints: true },
  sub: { run: t.sub, tolerance: EXACT, ints: true },
  mul: { run: t.mul, tolerance: EXACT, ints: true },
  div: { run: t.div, tolerance: DIVISION, domain: [0.5, 2] },
  pow: { run: t.pow, tolerance: POWER, domain: [0.2, 2] },
  maximum: { run: t.maximum, tolerance: EXACT, kinks: true, ints: true },
  minimum: { run: t.minimum, tolerance: EXACT, kinks: true, ints: true },
  equal: comparison(t.equal),
  notEqual: comparison(t.notEqual),
  less: comparison(t.less),
  lessEqual: comparison(t.lessEqual),
  greater: comparison(t.greater),
  greaterEqual: comparison(t.greaterEqual),
};

function comparison(run: Binary["run"]): Binary {
  return { run, tolerance: EXACT, ints: true, differentiable: false };
}

/** Shapes of operands that broadcast in each way. */
const BROADCASTS: readonly (readonly [Shape, Shape])[] = [
  [[0], [0]],
  [[0, 3], [1, 3]],
  [[], []],
  [[1], [1]],
  [[7], [7]],
  [[3, 5], [3, 5]],
  [[3, 5], [5]],
  [[5], [3, 5]],
  [[4, 8], [4, 1]],
  [[4, 8], []],
  [[3, 1], [1, 5]],
  [[2, 1, 3, 2], [5, 1, 2]],
  [[1, 2, 1, 2, 1, 2, 1, 2], [2, 1, 2, 1, 2, 1, 2, 1]],
  [[1030], [1030]],
  [[33, 130], [130]],
];

function binaryOp(name: string, binary: Binary, seed: number): Op {
  const { run, tolerance, domain = [-1, 1], ints, kinks } = binary;
  const samples = new Samples(seed);
  const gradients = binary.differentiable !== false;
  const pair = (a: Shape, b: Shape): HostTensor[] =>
    kinks
      // No element of the one is equal to, or near to, one of the other.
      ? [samples.awayFrom(1, a, 0.3), samples.awayFrom(1, b, 0.1)]
      : [samples.floats(a, ...domain), samples.floats(b, ...domain)];
  const withNumbers: OpCase[] = [
    {
      name: "a number on the right",
      inputs: [samples.floats([3, 5], ...domain)],
      run: (x) => run(x, 0.75),
      gradients,
    },
    {
      name: "a number on the left",
      inputs: [samples.floats([3, 5], ...domain)],
      run: (x) => run(0.75, x),
      gradients,
    },
    {
      name: "one tensor twice",
      inputs: [samples.floats([3, 5], ...domain)],
      run: (x) => run(x, x),
      gradients,
    },
  ];
  return {
    name,
    tolerance,
    cases: [
      ...BROADCASTS.map(([a, b]) => ({
        name: `[${a}] and [${b}]`,
        inputs: pair(a, b),
        run,
        gradients,
      })),
      ...withNumbers,
      { name: "special values", inputs: specialPairs(), run },
      ...(ints ? INTS : []).map((dtype) => ({
        name: dtype,
        inputs: [
          samples.ints([5, 1], dtype === "int32" ? -9 : 0, 9, dtype),
          samples.ints([7], dtype === "int32" ? -9 : 0, 9, dtype),
        ],
        run,
      })),
    ],
    gradchecks: !gradients ? [] : [
      { name: "[2, 3] and [3]", inputs: pair([2, 3], [3]), run },
      { name: "[2, 1] and [2]", inputs: pair([2, 1], [2]), run },
      ...withNumbers.slice(0, kinks ? 2 : 3),
    ],
  };
}

/** Functions of booleans. */
function logicalOp(
  name: string,
  run: (...inputs: Tensor[]) => Tensor,
  operands: number,
  seed: number,
): Op {
  const samples = new Samples(seed);
  const shapes: Shape[][] = operands === 1
    ? SHAPES.map((shape) => [shape])
    : BROADCASTS.map((pair) => [...pair]);
  return {
    name,
    tolerance: EXACT,
    cases: shapes.map((list) => ({
      name: list.map((shape) => `[${shape}]`).join(" and "),
      inputs: list.map((shape) => samples.bools(shape)),
      run,
    })),
    gradchecks: [],
  };
}

function whereOp(): Op {
  const samples = new Samples(61);
  const run = t.where as OpCase["run"];
  const triple = (c: Shape, a: Shape, b: Shape): HostTensor[] => [
    samples.bools(c),
    samples.floats(a),
    samples.floats(b),
  ];
  const shapes: [Shape, Shape, Shape][] = [
    [[0], [0], [0]],
    [[], [], []],
    [[7], [7], [7]],
    [[3, 5], [3, 5], [3, 5]],
    [[3, 1], [5], [1, 5]],
    [[2, 1, 3], [4, 1], [2, 1, 1]],
    [[1030], [1030], [1]],
  ];
  const numbers: OpCase[] = [
    {
      name: "a number where true",
      inputs: [samples.bools([3, 5]), samples.floats([5])],
      run: (condition, x) => t.where(condition, 2, x),
      gradients: true,
    },
    {
      name: "a number where false",
      inputs: [samples.bools([3, 5]), samples.floats([5])],
      run: (condition, x) => t.where(condition, x, -Infinity),
    },
  ];
  return {
    name: "where",
    tolerance: EXACT,
    cases: [
      ...shapes.map((list) => ({
        name: list.map((shape) => `[${shape}]`).join(", "),
        inputs: triple(...list),
        run,
        gradients: true,
      })),
      ...numbers,
      {
        name: "special values",
        inputs: [samples.bools([23]), specialFloats(), samples.floats([23])],
        run,
      },
      {
        name: "int32",
        inputs: [
          samples.bools([9]),
          samples.ints([9], -5, 5),
          samples.ints([9], -5, 5),
        ],
        run,
      },
    ],
    gradchecks: [
      { name: "broadcast", inputs: triple([3, 1], [2], [3, 2]), run },
      numbers[0],
    ],
  };
}

function clipOp(): Op {
  const samples = new Samples(62);
  const both: OpCase["run"] = (x) => t.clip(x, { low: -1, high: 1 });
  const low: OpCase["run"] = (x) => t.clip(x, { low: 1 });
  const high: OpCase["run"] = (x) => t.clip(x, { high: -1 });
  return {
    name: "clip",
    tolerance: EXACT,
    cases: [
      ...SHAPES.map((shape) => ({
        name: `[${shape}]`,
        inputs: [samples.awayFrom(1, shape)],
        run: both,
        gradients: true,
      })),
      { name: "special values", inputs: [specialFloats()], run: both },
      { name: "no upper limit", inputs: [specialFloats()], run: low },
      { name: "int32", inputs: [samples.ints([9], -5, 5)], run: both },
      {
        name: "at the limits",
        inputs: [samples.from([3], (i) => i - 1)],
        run: both,
        gradients: true,
      },
    ],
    gradchecks: [both, low, high].map((run, i) => ({
      name: ["both limits", "a lower limit", "an upper limit"][i],
      inputs: [samples.awayFrom(1, [2, 3])],
      run,
    })),
  };
}

function widestFloat({ device: { info } }: Tensor): "float64" | "float32" {
  return info.dtypes.includes("float64") ? "float64" : "float32";
}

function castOp(): Op {
  const samples = new Samples(63);
  const targets = [
    "float32",
    "int32",
    "uint32",
    "bool",
    "uint8",
    "float16",
    "bfloat16",
  ] as const;
  const sources: HostTensor[] = [
    specialFloats(),
    samples.floats([1030], -300, 300),
    samples.ints([9], -9, 9),
    samples.ints([9], 0, 300, "uint32"),
    samples.bools([5]),
    samples.from([7], (i) => i * 40, "uint8"),
    // Bit patterns: zeros, subnormals, normals, infinities, NaN.
    samples.from([1024], (i) => i * 64 + (i % 64), "float16"),
    samples.from([1024], (i) => i * 64 + (i % 64), "bfloat16"),
  ];
  return {
    name: "cast",
    tolerance: EXACT,
    cases: [
      ...sources.flatMap((source, i) =>
        targets.map((dtype) => ({
          name: `${source.dtype} ${i} to ${dtype}`,
          inputs: [source],
          run: (x: Tensor) => t.cast(x, dtype),
        }))
      ),
      {
        name: "there and back",
        inputs: [samples.floats([3, 5])],
        run: (x) => {
          using wide = t.cast(x, widestFloat(x));
          return t.cast(wide, x.dtype);
        },
        gradients: true,
      },
    ],
    gradchecks: [{
      name: "to the widest float",
      inputs: [samples.floats([2, 3])],
      run: (x) => t.cast(x, widestFloat(x)),
    }],
  };
}

/** Elementwise operations. */
export const elementwiseOps: readonly Op[] = [
  ...Object.entries(UNARY).map(([name, op], i) => unaryOp(name, op, 1 + i)),
  ...Object.entries(BINARY).map(([name, op], i) => binaryOp(name, op, 31 + i)),
  logicalOp("logicalAnd", t.logicalAnd as OpCase["run"], 2, 51),
  logicalOp("logicalOr", t.logicalOr as OpCase["run"], 2, 52),
  logicalOp("logicalXor", t.logicalXor as OpCase["run"], 2, 53),
  logicalOp("logicalNot", t.logicalNot, 1, 54),
  whereOp(),
  clipOp(),
  castOp(),
];
