/** Elementwise kernels of the cpu device. */

import type {
  Backend,
  BinaryOp,
  BroadcastLayout,
  Operand,
  UnaryOp,
  View,
} from "../backend.ts";
import type { DType } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import {
  addressOf,
  type CpuBuffer,
  type KernelName,
  type Runtime,
} from "./_runtime.ts";
import { wordOf } from "./_structure.ts";

type Dtyped = Partial<Record<DType, KernelName>>;

/** Kernels of integers that are not the kernels of float32. */
const INTEGER_UNARY: Partial<Record<UnaryOp, Dtyped>> = {
  neg: { int32: "negInt", uint32: "negInt" },
  abs: { int32: "absInt", uint32: "identity" },
  sign: { int32: "signInt32", uint32: "signUint32" },
  square: { int32: "squareInt", uint32: "squareInt" },
  relu: { int32: "reluInt32", uint32: "identity" },
};

const INTEGER_BINARY: Partial<Record<BinaryOp, Dtyped>> = {
  add: { int32: "addInt", uint32: "addInt" },
  sub: { int32: "subInt", uint32: "subInt" },
  mul: { int32: "mulInt", uint32: "mulInt" },
  maximum: { int32: "maximumInt32", uint32: "maximumUint32" },
  minimum: { int32: "minimumInt32", uint32: "minimumUint32" },
  equal: { int32: "equalInt", uint32: "equalInt", bool: "equalInt" },
  notEqual: {
    int32: "notEqualInt",
    uint32: "notEqualInt",
    bool: "notEqualInt",
  },
  less: { int32: "lessInt32", uint32: "lessUint32" },
  lessEqual: { int32: "lessEqualInt32", uint32: "lessEqualUint32" },
};

const CLIP: Dtyped = { int32: "clipInt32", uint32: "clipUint32" };

/** Comparisons that are others with their operands swapped. */
const SWAPPED = { greater: "less", greaterEqual: "lessEqual" } as const;

/** Roughly how many additions one element of a function costs. */
const COST = 4;

/** The arguments of the kernels in assembly/broadcast.ts. */
function broadcastArguments(
  operands: readonly Operand<CpuBuffer>[],
  dtype: DType,
  out: number,
  { shape, strides }: BroadcastLayout,
): number[] {
  const args = [out, shape.length];
  for (let i = 0; i < 3; i++) {
    const operand = operands[i] ?? 0;
    if (typeof operand === "number") args.push(0, wordOf(operand, dtype));
    else args.push(addressOf(operand), 0);
  }
  args.push(...shape);
  for (let i = 0; i < 3; i++) {
    args.push(...strides[i] ?? shape.map(() => 0));
  }
  return args;
}

/** The number of a dtype that bounds what a number bounds. */
function boundOf(value: number, dtype: DType): number {
  if (dtype === "int32") {
    return Math.min(Math.max(Math.trunc(value), -(2 ** 31)), 2 ** 31 - 1);
  }
  if (dtype === "uint32") {
    return Math.min(Math.max(Math.trunc(value), 0), 2 ** 32 - 1);
  }
  return value;
}

/** Functions of each element. */
export function elementwise(
  runtime: Runtime,
): Pick<Backend<CpuBuffer>, "unary" | "binary" | "where" | "clip"> {
  function broadcast(
    kernel: KernelName,
    operands: readonly Operand<CpuBuffer>[],
    dtype: DType,
    out: number,
    layout: BroadcastLayout,
  ): void {
    runtime.run(
      kernel,
      broadcastArguments(operands, dtype, out, layout),
      runtime.parts(sizeOf(layout.shape) * COST),
    );
  }

  function binary(
    op: BinaryOp,
    a: Operand<CpuBuffer>,
    b: Operand<CpuBuffer>,
    out: View<CpuBuffer>,
    layout: BroadcastLayout,
  ): void {
    if (op === "greater" || op === "greaterEqual") {
      const [first, second] = layout.strides;
      const swapped = { shape: layout.shape, strides: [second, first] };
      return binary(SWAPPED[op], b, a, out, swapped);
    }
    const tensor = typeof a === "object" ? a : b as View<CpuBuffer>;
    const kernel = INTEGER_BINARY[op]?.[tensor.dtype] ?? op;
    broadcast(kernel, [a, b], tensor.dtype, addressOf(out), layout);
  }

  return {
    unary(op, x, out) {
      const count = sizeOf(out.shape);
      runtime.run(
        INTEGER_UNARY[op]?.[x.dtype] ?? op,
        [addressOf(x), addressOf(out), count],
        runtime.parts(count * COST),
      );
    },

    binary,

    where(condition, a, b, out, layout) {
      broadcast("where", [condition, a, b], out.dtype, addressOf(out), layout);
    },

    clip(x, out, low, high) {
      broadcast(
        CLIP[x.dtype] ?? "clip",
        [x, boundOf(low, x.dtype), boundOf(high, x.dtype)],
        x.dtype,
        addressOf(out),
        { shape: [sizeOf(out.shape)], strides: [[1], [0], [0]] },
      );
    },
  };
}
