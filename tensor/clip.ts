/**
 * Limits on elements.
 *
 * @module
 */

import { ArgumentError } from "./errors.ts";
import {
  announceResult,
  checkKind,
  checkNumbers,
  commonDevice,
  produce,
  WHOLE_RANGES,
} from "./_run.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Options of {@linkcode clip}. */
export interface ClipOptions {
  /** The smallest value; no limit if it is not given. */
  readonly low?: number;
  /** The largest value; no limit if it is not given. */
  readonly high?: number;
}

/**
 * Brings elements into an interval. NaN stays; the gradient passes where
 * low ≤ x ≤ high.
 *
 * @param x Float or integer, any shape.
 * @param options The limits.
 * @returns `min(max(x, low), high)` in the same shape.
 * @throws {ArgumentError} If low is greater than high, a limit is NaN, or an integer dtype cannot hold it.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example Within one
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { clip, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = clip(tensor(device, [-3, 0.5, 2]), { low: -1, high: 1 });
 * assertEquals([...await result.data()], [-1, 0.5, 1]);
 * ```
 */
export function clip(x: Tensor, options: ClipOptions): Tensor {
  const device = commonDevice("clip", x);
  checkKind("clip", x, "float", "int");
  const [lowest, highest] = WHOLE_RANGES[x.dtype] ?? [-Infinity, Infinity];
  const { low = lowest, high = highest } = options;
  if (!(low <= high)) {
    throw new ArgumentError(
      `Cannot clip ${x} to [${low}, ${high}]: expected low to be at most high`,
    );
  }
  checkNumbers("clip", x.dtype, [low, high]);
  const out = produce(
    device,
    "clip",
    x.shape,
    x.dtype,
    (out) => device.backend.clip(viewOf(x), out, low, high),
  );
  return announceResult("clip", [x], [out], { low, high });
}
