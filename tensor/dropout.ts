/**
 * Dropout.
 *
 * @module
 */

import {
  computeDropout,
  dropoutDraw,
  type DropoutOptions,
} from "./_dropout.ts";
import { reshape } from "./reshape.ts";
import { announceResult, checkKind, commonDevice } from "./_run.ts";
import type { Tensor } from "./tensor.ts";

export type { DropoutOptions } from "./_dropout.ts";

/**
 * Drops elements at random, and divides the others by `1 - rate` (Srivastava
 * et al., "Dropout", JMLR 2014). The same seed and stream drop the same
 * elements on every device.
 *
 * @param x Float, any shape.
 * @param options Rate, seed and stream.
 * @returns A tensor of x's shape; the same memory if nothing is to be dropped.
 * @throws {ArgumentError} If the rate is not in [0, 1), or the seed or stream not a bigint of 64 bits.
 * @throws {DTypeError} If x is not float.
 *
 * @example Dropped or doubled
 * ```ts
 * import { assert } from "@std/assert";
 * import { dropout, ones, openDevice } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const y = dropout(ones(device, [8]), { rate: 0.5, seed: 1n });
 * assert([...await y.data()].every((value) => value === 0 || value === 2));
 * ```
 */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  commonDevice("dropout", x);
  checkKind("dropout", x, "float");
  const draw = dropoutDraw("dropout", options);
  if (draw === undefined) return reshape(x, x.shape);
  const out = computeDropout("dropout", x, draw.rate, draw.state);
  return announceResult("dropout", [x], [out], draw);
}
