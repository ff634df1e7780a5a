/**
 * Loss scaling, for gradients that are computed in float16.
 *
 * P. Micikevicius et al., "Mixed Precision Training", ICLR 2018.
 *
 * @module
 */

import { ArgumentError, type Tensor } from "@cram/tensor";

/**
 * Multiplies the loss by a scale before the way back, so that small gradients
 * do not become 0 in float16, and divides the gradients by it before anything
 * else is done with them. The scale is found as by `torch.amp.GradScaler`: it
 * is halved when a gradient is not finite, and the step is left out; it is
 * doubled after a number of steps in a row that were taken. It stays between 1
 * and 2^24, the bounds of NVIDIA's Apex.
 */
export interface LossScaling {
  /** The scale before the first step, from 1 to 2^24. Default: 2^16. */
  readonly initial?: number;
  /** After how many steps in a row that were taken the scale is doubled, at least 1. Default: 2000. */
  readonly growthInterval?: number;
}

/** Where loss scaling stands. Both are scalars that the optimizer goes on writing. */
export interface LossScale {
  /** What the loss of the next step is multiplied by. */
  readonly scale: Tensor;
  /** How many steps were left out because of a gradient that was not finite. */
  readonly skipped: Tensor;
}

/** The smallest and the largest scale. */
export const SCALE_RANGE = { low: 1, high: 2 ** 24 } as const;

/** Fills in what is not given. */
export function checkLossScaling(
  { initial = 2 ** 16, growthInterval = 2000 }: LossScaling,
): Required<LossScaling> {
  const { low, high } = SCALE_RANGE;
  if (!(initial >= low && initial <= high)) {
    throw new ArgumentError(
      `Cannot scale the loss by ${initial} at first: expected a number from ${low} to ${high}`,
    );
  }
  if (!(Number.isSafeInteger(growthInterval) && growthInterval >= 1)) {
    throw new ArgumentError(
      `Cannot double the loss scale after ${growthInterval} steps: expected a whole number of at least 1`,
    );
  }
  return { initial, growthInterval };
}
