/**
 * Tensors joined to one.
 *
 * @module
 */

import { ArgumentError, ShapeError } from "./errors.ts";
import { expandDims } from "./reshape.ts";
import { announceResult, checkSameDType, produce } from "./_run.ts";
import { normalizeAxis, sameShape, stridesOf } from "./shape.ts";
import { checkCopied, copyStrided } from "./_strided.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Options of {@linkcode concat} and {@linkcode stack}. */
export interface JoinOptions {
  /** The axis of the result along which the tensors lie; the first if it is not given. Negative ones count from the last. */
  readonly axis?: number;
}

/**
 * Joins tensors along an axis.
 *
 * @param tensors At least one; float, integer or `bool`, of one dtype, and of
 *   one shape but for the axis.
 * @param options Along which axis.
 * @returns A copy of all, one behind the other.
 * @throws {ShapeError} If the shapes differ in another axis.
 * @throws {ArgumentError} If there is no tensor or no such axis.
 * @throws {DTypeError} If the dtypes differ or are neither float, integer nor `bool`.
 *
 * @example Two columns
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { concat, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const [a, b] = [tensor(device, [[1], [2]]), tensor(device, [[3], [4]])];
 * assertEquals([...await concat([a, b], { axis: 1 }).data()], [1, 3, 2, 4]);
 * ```
 */
export function concat(
  tensors: readonly Tensor[],
  options: JoinOptions = {},
): Tensor {
  const first = checkJoined("concat", tensors);
  const axis = normalizeAxis(options.axis ?? 0, first.rank);
  for (const x of tensors) {
    if (
      x.rank !== first.rank ||
      !sameShape(x.shape.with(axis, 0), first.shape.with(axis, 0))
    ) {
      throw new ShapeError(
        `Cannot concat ${first} and ${x} along axis ${axis}: the other axes differ`,
      );
    }
  }
  const length = tensors.reduce((sum, x) => sum + x.shape[axis], 0);
  const shape = first.shape.with(axis, length);
  const { backend } = first.device;
  const out = produce(first.device, "concat", shape, first.dtype, (out) => {
    const targetStrides = stridesOf(shape);
    let start = 0;
    for (const x of tensors) {
      copyStrided(viewOf(x), out, {
        shape: x.shape,
        sourceOffset: 0,
        sourceStrides: stridesOf(x.shape),
        targetOffset: start * targetStrides[axis],
        targetStrides,
      }, backend);
      start += x.shape[axis];
    }
  });
  return announceResult("concat", tensors, [out], { axis });
}

/**
 * Joins tensors along a new axis.
 *
 * @param tensors At least one; float, integer or `bool`, of one dtype and shape.
 * @param options Where the new axis stands in the result.
 * @returns A copy of all, one behind the other.
 * @throws {ShapeError} If the shapes differ.
 * @throws {ArgumentError} If there is no tensor, or the result has no such axis.
 * @throws {DTypeError} If the dtypes differ or are neither float, integer nor `bool`.
 *
 * @example Two rows
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, stack, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const rows = stack([tensor(device, [1, 2]), tensor(device, [3, 4])]);
 * assertEquals(rows.shape, [2, 2]);
 * ```
 */
export function stack(
  tensors: readonly Tensor[],
  options: JoinOptions = {},
): Tensor {
  const first = checkJoined("stack", tensors);
  const axis = normalizeAxis(options.axis ?? 0, first.rank + 1);
  for (const x of tensors) {
    if (!sameShape(x.shape, first.shape)) {
      throw new ShapeError(`Cannot stack ${first} and ${x}: the shapes differ`);
    }
  }
  const expanded = tensors.map((x) => expandDims(x, axis));
  try {
    return concat(expanded, { axis });
  } finally {
    for (const x of expanded) x.dispose();
  }
}

/** Checks that there are tensors of one device and dtype, and gives the first. */
function checkJoined(op: string, tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 0) {
    throw new ArgumentError(`Cannot ${op} no tensors: expected at least one`);
  }
  checkCopied(op, ...tensors);
  checkSameDType(op, ...tensors);
  return tensors[0];
}
