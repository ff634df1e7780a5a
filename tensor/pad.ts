/**
 * Borders around tensors.
 *
 * @module
 */

import { ArgumentError } from "./errors.ts";
import { announceResult, checkNumbers, produce } from "./_run.ts";
import { stridesOf } from "./shape.ts";
import { checkCopied, copyStrided } from "./_strided.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Options of {@linkcode pad}. */
export interface PadOptions {
  /** The value of the border; 0 if it is not given. */
  readonly value?: number;
}

/**
 * Puts a border of a constant value around a tensor.
 *
 * @param x Float, integer or `bool`, any shape.
 * @param widths For each axis how many elements come before and after.
 * @param options The value of the border.
 * @returns A copy of x with the border.
 * @throws {ArgumentError} If there is not one pair for each axis, a width is none, or an integer dtype cannot hold the value.
 * @throws {DTypeError} If x is neither float, integer nor `bool`.
 *
 * @example One before, two after
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, pad, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = pad(tensor(device, [7]), [[1, 2]]);
 * assertEquals([...await result.data()], [0, 7, 0, 0]);
 * ```
 */
export function pad(
  x: Tensor,
  widths: readonly (readonly [before: number, after: number])[],
  options: PadOptions = {},
): Tensor {
  const { value = 0 } = options;
  const device = checkCopied("pad", x);
  if (
    widths.length !== x.rank ||
    !widths.flat().every((width) => Number.isSafeInteger(width) && width >= 0)
  ) {
    throw new ArgumentError(
      `Cannot pad ${x} by ${
        JSON.stringify(widths)
      }: expected ${x.rank} pairs of whole numbers of at least 0`,
    );
  }
  checkNumbers("pad", x.dtype, [value]);
  const before = widths.map((pair) => pair[0]);
  const after = widths.map((pair) => pair[1]);
  const shape = x.shape.map((length, a) => before[a] + length + after[a]);
  const out = produce(device, "pad", shape, x.dtype, (out) => {
    const targetStrides = stridesOf(shape);
    device.backend.fill(out, value);
    copyStrided(viewOf(x), out, {
      shape: x.shape,
      sourceOffset: 0,
      sourceStrides: stridesOf(x.shape),
      targetOffset: before.reduce((sum, n, a) => sum + n * targetStrides[a], 0),
      targetStrides,
    }, device.backend);
  });
  return announceResult("pad", [x], [out], { before, after });
}
