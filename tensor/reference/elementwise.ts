/** Elementwise kernels. */

import type {
  BinaryOp,
  BroadcastLayout,
  Operand,
  UnaryOp,
} from "../backend.ts";
import { type DType, dtypeInfo } from "../dtype.ts";
import {
  elementsOf,
  type ReferenceArray,
  type ReferenceBuffer,
  type ReferenceView,
} from "./buffer.ts";
import { erf, erfc } from "../_erf.ts";
import { walk } from "./walk.ts";

type Unary = (x: number) => number;
type Binary = (a: number, b: number) => number;

export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** Rounds to the nearest whole number, halves to even. */
export function roundToEven(x: number): number {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

/** Φ, the distribution function of the standard normal. */
function normalCdf(x: number): number {
  return erfc(-x * Math.SQRT1_2) / 2;
}

function normalDensity(x: number): number {
  return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

// GELU, D. Hendrycks and K. Gimpel, arXiv:1606.08415. Its tanh approximation
// x/2·(1 + tanh u) is x·sigmoid(2u), which does not cancel for negative x.
const GELU_CUBIC = 0.044715;
const GELU_SCALE = Math.sqrt(2 / Math.PI);

export function gelu(x: number): number {
  return x * normalCdf(x);
}

export function geluTanh(x: number): number {
  return x * sigmoid(2 * GELU_SCALE * (x + GELU_CUBIC * x ** 3));
}

function geluTanhDerivative(x: number): number {
  const twoU = 2 * GELU_SCALE * (x + GELU_CUBIC * x ** 3);
  const derivativeOfTwoU = 2 * GELU_SCALE * (1 + 3 * GELU_CUBIC * x ** 2);
  return sigmoid(twoU) + x * sigmoid(twoU) * sigmoid(-twoU) * derivativeOfTwoU;
}

/** IEEE 754 pow, which differs from JavaScript's: 1 to the power of anything is 1, and so is -1 to ±∞. */
function pow(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return Math.pow(a, b);
}

const UNARY: Readonly<Record<UnaryOp, Unary>> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  square: (x) => x * x,
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  sigmoid,
  relu: (x) => Math.max(x, 0),
  gelu,
  geluTanh,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundToEven,
  not: (x) => 1 - x,
  isNaN: (x) => Number(Number.isNaN(x)),
};

const BINARY: Readonly<Record<BinaryOp, Binary>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  maximum: Math.max,
  minimum: Math.min,
  equal: (a, b) => Number(a === b),
  notEqual: (a, b) => Number(a !== b),
  less: (a, b) => Number(a < b),
  lessEqual: (a, b) => Number(a <= b),
  greater: (a, b) => Number(a > b),
  greaterEqual: (a, b) => Number(a >= b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  reluGradient: (y, dy) => y > 0 ? dy : 0,
  tanhGradient: (y, dy) => dy * (1 - y * y),
  sigmoidGradient: (y, dy) => dy * y * (1 - y),
  geluGradient: (x, dy) => dy * (normalCdf(x) + x * normalDensity(x)),
  geluTanhGradient: (x, dy) => dy * geluTanhDerivative(x),
};

// Products of integers need more bits than a double has. Everything else
// wraps when it is stored.
const INTEGER_UNARY: Readonly<Partial<Record<UnaryOp, Unary>>> = {
  square: (x) => Math.imul(x, x),
};
const INTEGER_BINARY: Readonly<Partial<Record<BinaryOp, Binary>>> = {
  mul: Math.imul,
};

export function unary(op: UnaryOp, x: ReferenceView, out: ReferenceView): void {
  const f = dtypeInfo(x.dtype).kind === "int"
    ? INTEGER_UNARY[op] ?? UNARY[op]
    : UNARY[op];
  const source = elementsOf(x);
  const target = elementsOf(out);
  for (let i = 0; i < target.length; i++) target[i] = f(source[i]);
}

export function binary(
  op: BinaryOp,
  a: Operand<ReferenceBuffer>,
  b: Operand<ReferenceBuffer>,
  out: ReferenceView,
  layout: BroadcastLayout,
): void {
  const dtype = dtypeOf(a) ?? dtypeOf(b) ?? out.dtype;
  const f = dtypeInfo(dtype).kind === "int"
    ? INTEGER_BINARY[op] ?? BINARY[op]
    : BINARY[op];
  const left = operandElements(a, dtype);
  const right = operandElements(b, dtype);
  const target = elementsOf(out);
  walk(layout.shape, layout.strides, (i, [l, r]) => {
    target[i] = f(left[l], right[r]);
  });
}

export function where(
  condition: ReferenceView,
  a: Operand<ReferenceBuffer>,
  b: Operand<ReferenceBuffer>,
  out: ReferenceView,
  layout: BroadcastLayout,
): void {
  const test = elementsOf(condition);
  const left = operandElements(a, out.dtype);
  const right = operandElements(b, out.dtype);
  const target = elementsOf(out);
  walk(layout.shape, layout.strides, (i, [t, l, r]) => {
    target[i] = test[t] ? left[l] : right[r];
  });
}

export function clip(
  x: ReferenceView,
  out: ReferenceView,
  low: number,
  high: number,
): void {
  const source = elementsOf(x);
  const target = elementsOf(out);
  for (let i = 0; i < target.length; i++) {
    target[i] = Math.min(Math.max(source[i], low), high);
  }
}

function dtypeOf(operand: Operand): DType | undefined {
  return typeof operand === "number" ? undefined : operand.dtype;
}

/** The elements of an operand; of a number, the one element which stands for all, of that dtype or, beside float16, of float32. */
function operandElements(
  operand: Operand<ReferenceBuffer>,
  dtype: DType,
): ReferenceArray {
  if (typeof operand !== "number") return elementsOf(operand);
  switch (dtype) {
    case "float32":
    case "float16":
      return Float32Array.of(operand);
    case "int32":
      return Int32Array.of(operand);
    case "uint32":
      return Uint32Array.of(operand);
    default:
      return Float64Array.of(operand);
  }
}
