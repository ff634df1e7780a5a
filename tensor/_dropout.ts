/**
 * What is dropped, and the kernel of dropout, which is its own gradient.
 *
 * @module
 */

import type { RandomState } from "./backend.ts";
import { ArgumentError } from "./errors.ts";
import { type RandomSequence, randomState } from "./_random_state.ts";
import { produce } from "./_run.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Options of {@linkcode dropout}, and of the attention's. */
export interface DropoutOptions extends RandomSequence {
  /** How probable it is that an element is dropped, in [0, 1). */
  readonly rate: number;
  /** Whether elements are dropped at all; true if it is not given. */
  readonly training?: boolean;
}

/**
 * What options ask for, as kernels take it; `undefined` if nothing is dropped.
 *
 * @throws {ArgumentError} If the rate is not in [0, 1), or the seed or stream not a bigint of 64 bits.
 */
export function dropoutDraw(
  op: string,
  options: DropoutOptions,
): { readonly rate: number; readonly state: RandomState } | undefined {
  const { rate, training = true } = options;
  if (!(rate >= 0 && rate < 1)) {
    throw new ArgumentError(
      `Cannot run "${op}" with dropout rate ${rate}: expected a number of at least 0 and less than 1`,
    );
  }
  const state = randomState(op, options);
  return training && rate > 0 ? { rate, state } : undefined;
}

/** Drops elements of a tensor, without announcing it. */
export function computeDropout(
  op: string,
  x: Tensor,
  rate: number,
  state: RandomState,
): Tensor {
  const { backend } = x.device;
  return produce(
    x.device,
    op,
    x.shape,
    x.dtype,
    (out) => backend.dropout(viewOf(x), out, rate, state),
  );
}
