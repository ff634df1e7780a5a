/**
 * What the elementwise operations share: the kinds of dtype that each takes,
 * and the calls of their kernels.
 *
 * @module
 */

import type { BinaryOp, UnaryOp } from "./backend.ts";
import { broadcastLayout } from "./_broadcast.ts";
import {
  announceResult,
  checkKind,
  checkNumbers,
  checkSameDType,
  commonDevice,
  type Kind,
  produce,
} from "./_run.ts";
import type { NoAttributes, OpAttributes } from "./op_record.ts";
import type { DType } from "./dtype.ts";
import { DTypeError } from "./errors.ts";
import { broadcastShapes, type Shape } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** The announced operations that have no attributes. */
type PlainOp = {
  [K in keyof OpAttributes]: NoAttributes extends OpAttributes[K] ? K : never;
}[keyof OpAttributes];

const FLOAT: readonly Kind[] = ["float"];
const NUMERIC: readonly Kind[] = ["float", "int"];
const LOGICAL: readonly Kind[] = ["bool"];

const UNARY_KINDS: Readonly<Record<UnaryOp, readonly Kind[]>> = {
  neg: NUMERIC,
  abs: NUMERIC,
  sign: NUMERIC,
  exp: FLOAT,
  log: FLOAT,
  sqrt: FLOAT,
  rsqrt: FLOAT,
  square: NUMERIC,
  reciprocal: FLOAT,
  sin: FLOAT,
  cos: FLOAT,
  tanh: FLOAT,
  erf: FLOAT,
  sigmoid: FLOAT,
  relu: NUMERIC,
  gelu: FLOAT,
  geluTanh: FLOAT,
  floor: FLOAT,
  ceil: FLOAT,
  round: FLOAT,
  not: LOGICAL,
  isNaN: FLOAT,
};

const BINARY_KINDS: Readonly<Record<BinaryOp, readonly Kind[]>> = {
  add: NUMERIC,
  sub: NUMERIC,
  mul: NUMERIC,
  div: FLOAT,
  pow: FLOAT,
  maximum: NUMERIC,
  minimum: NUMERIC,
  equal: NUMERIC,
  notEqual: NUMERIC,
  less: NUMERIC,
  lessEqual: NUMERIC,
  greater: NUMERIC,
  greaterEqual: NUMERIC,
  and: LOGICAL,
  or: LOGICAL,
  xor: LOGICAL,
  reluGradient: NUMERIC,
  tanhGradient: FLOAT,
  sigmoidGradient: FLOAT,
  geluGradient: FLOAT,
  geluTanhGradient: FLOAT,
};

const COMPARISONS: ReadonlySet<string> = new Set<BinaryOp>([
  "equal",
  "notEqual",
  "less",
  "lessEqual",
  "greater",
  "greaterEqual",
]);

/** Computes an elementwise function of two operands, without announcing it. */
export function computeBinary(
  op: BinaryOp,
  a: Tensor | number,
  b: Tensor | number,
  name: string = op,
): Tensor {
  const device = commonDevice(name, a, b);
  for (const x of [a, b]) {
    if (typeof x !== "number") checkKind(name, x, ...BINARY_KINDS[op]);
  }
  const dtype = checkSameDType(name, a, b);
  checkNumbers(name, dtype, [a, b]);
  const [aShape, bShape] = [shapeOf(a), shapeOf(b)];
  const shape = broadcastShapes(aShape ?? [], bShape ?? []);
  return produce(
    device,
    name,
    shape,
    COMPARISONS.has(op) ? "bool" : dtype,
    (out) =>
      device.backend.binary(
        op,
        typeof a === "number" ? a : viewOf(a),
        typeof b === "number" ? b : viewOf(b),
        out,
        broadcastLayout(shape, [aShape, bShape]),
      ),
  );
}

/** Computes and announces an elementwise function of two operands. */
export function differentiableBinary(
  op: BinaryOp & PlainOp,
  a: Tensor | number,
  b: Tensor | number,
): Tensor {
  return announceResult(op, [a, b], [computeBinary(op, a, b)], {});
}

/** Computes an elementwise function of one tensor, without announcing it. */
export function computeUnary(
  op: UnaryOp,
  x: Tensor,
  name: string = op,
): Tensor {
  const device = commonDevice(name, x);
  checkKind(name, x, ...UNARY_KINDS[op]);
  if (op === "neg" && x.dtype === "uint32") {
    throw new DTypeError(`Cannot run "neg" on ${x}: uint32 has no signs`);
  }
  return produce(
    device,
    name,
    x.shape,
    op === "isNaN" ? "bool" : x.dtype,
    (out) => device.backend.unary(op, viewOf(x), out),
  );
}

/** Computes and announces an elementwise function of one tensor. */
export function differentiableUnary(op: UnaryOp & PlainOp, x: Tensor): Tensor {
  return announceResult(op, [x], [computeUnary(op, x)], {});
}

/** Chooses elementwise between two operands of a dtype, without announcing it. */
export function computeWhere(
  condition: Tensor,
  a: Tensor | number,
  b: Tensor | number,
  dtype: DType,
): Tensor {
  const { backend } = condition.device;
  const shapes = [condition.shape, shapeOf(a), shapeOf(b)];
  const shape = broadcastShapes(
    ...shapes.filter((operand) => operand !== undefined),
  );
  return produce(
    condition.device,
    "where",
    shape,
    dtype,
    (out) =>
      backend.where(
        viewOf(condition),
        typeof a === "number" ? a : viewOf(a),
        typeof b === "number" ? b : viewOf(b),
        out,
        broadcastLayout(shape, shapes),
      ),
  );
}

function shapeOf(operand: Tensor | number): Shape | undefined {
  return typeof operand === "number" ? undefined : operand.shape;
}
