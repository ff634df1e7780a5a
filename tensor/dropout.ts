/**
 * Dropout.
 *
 * @module
 */

import { computeDropout } from "./_dropout.ts";
import { ArgumentError } from "./errors.ts";
import { type RandomSequence, randomState } from "./_random_state.ts";
import { reshape } from "./reshape.ts";
import { announceResult, checkKind, commonDevice } from "./_run.ts";
import type { Tensor } from "./tensor.ts";

/** Options of {@linkcode dropout}. */
export interface DropoutOptions extends RandomSequence {
  /** How probable it is that an element is dropped, in [0, 1). */
  readonly rate: number;
  /** Whether elements are dropped at all; true if it is not given. */
  readonly training?: boolean;
}

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
  const { rate, training = true } = options;
  commonDevice("dropout", x);
  checkKind("dropout", x, "float");
  if (!(rate >= 0 && rate < 1)) {
    throw new ArgumentError(
      `Cannot run "dropout" with rate ${rate}: expected a number of at least 0 and less than 1`,
    );
  }
  const state = randomState("dropout", options);
  if (!training || rate === 0) return reshape(x, x.shape);
  const out = computeDropout("dropout", x, rate, state);
  return announceResult("dropout", [x], [out], { rate, state });
}
