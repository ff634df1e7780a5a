/**
 * The kernel of dropout, which is its own gradient.
 *
 * @module
 */

import type { RandomState } from "./backend.ts";
import { produce } from "./_run.ts";
import { type Tensor, viewOf } from "./tensor.ts";

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
