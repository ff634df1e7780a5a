/**
 * Elementwise functions of one and two tensors.
 *
 * @module
 */

import type { BinaryOp, UnaryOp } from "./backend.ts";
import { broadcastLayout } from "./_broadcast.ts";
import {
  checkKind,
  checkSameDType,
  commonDevice,
  produce,
} from "./_run.ts";
import { announce, type NoAttributes, type OpAttributes } from "./op_record.ts";
import { broadcastShapes } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** The announced operations that have no attributes. */
type PlainOp = {
  [K in keyof OpAttributes]: NoAttributes extends OpAttributes[K] ? K : never;
}[keyof OpAttributes];

/** Computes an elementwise function of two operands, without announcing it. */
export function computeBinary(
  op: BinaryOp,
  a: Tensor | number,
  b: Tensor | number,
  result: "same" | "bool" = "same",
): Tensor {
  const device = commonDevice(op, a, b);
  const dtype = checkSameDType(op, a, b);
  const aShape = typeof a === "number" ? undefined : a.shape;
  const bShape = typeof b === "number" ? undefined : b.shape;
  const shape = broadcastShapes(aShape ?? [], bShape ?? []);
  return produce(
    device,
    op,
    shape,
    result === "bool" ? "bool" : dtype,
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

function differentiableBinary(
  op: BinaryOp & PlainOp,
  a: Tensor | number,
  b: Tensor | number,
  ...kinds: ("float" | "int")[]
): Tensor {
  for (const x of [a, b]) if (typeof x !== "number") checkKind(op, x, ...kinds);
  const out = computeBinary(op, a, b);
  announce(op, [a, b], [out], {});
  return out;
}

/** Computes an elementwise function of one tensor, without announcing it. */
export function computeUnary(op: UnaryOp, x: Tensor): Tensor {
  const device = commonDevice(op, x);
  return produce(
    device,
    op,
    x.shape,
    op === "isNaN" ? "bool" : x.dtype,
    (out) => device.backend.unary(op, viewOf(x), out),
  );
}

/**
 * Adds two tensors, or a tensor and a number.
 *
 * @param a Float or integer, any shape.
 * @param b The same dtype, of a shape that broadcasts with a's.
 * @returns `a + b` in the broadcast shape.
 * @throws {ShapeError} If the shapes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are neither float nor integer.
 *
 * @example A row added to each row
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { add, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const sum = add(tensor(device, [[1, 2], [3, 4]]), tensor(device, [10, 20]));
 * assertEquals([...await sum.data()], [11, 22, 13, 24]);
 * ```
 */
export function add(a: Tensor | number, b: Tensor | number): Tensor {
  return differentiableBinary("add", a, b, "float", "int");
}
