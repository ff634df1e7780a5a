/** Dynamic loss scaling. Everything that it decides stays on the device. */

import {
  add,
  assign,
  clip,
  type Device,
  type DType,
  greaterEqual,
  isNaN,
  mul,
  type Tensor,
  tensor,
  where,
} from "@cram/tensor";
import {
  type LossScale,
  type LossScaling,
  SCALE_RANGE,
} from "./loss_scaling.ts";

/** The scale of one optimizer. */
export class LossScaler implements LossScale {
  readonly scale: Tensor;
  readonly skipped: Tensor;
  /** How many steps in a row were taken at this scale. */
  readonly #taken: Tensor;
  readonly #growthInterval: number;

  /** Begins with the initial scale; the tensors belong to the open scope. */
  constructor(
    device: Device,
    dtype: DType,
    { initial, growthInterval }: Required<LossScaling>,
  ) {
    this.scale = tensor(device, initial, { dtype });
    this.skipped = tensor(device, 0, { dtype });
    this.#taken = tensor(device, 0, { dtype });
    this.#growthInterval = growthInterval;
  }

  /** All that it remembers, by the names of a state. */
  get memory(): ReadonlyMap<string, Tensor> {
    return new Map([
      ["lossScale.scale", this.scale],
      ["lossScale.taken", this.#taken],
      ["lossScale.skipped", this.skipped],
    ]);
  }

  /**
   * Moves the scale behind a step; leaves tensors to the open scope.
   *
   * @param leftOut Whether the step was left out, a `bool` scalar.
   */
  update(leftOut: Tensor): void {
    const { scale, skipped } = this;
    const taken = add(this.#taken, 1);
    const isDue = greaterEqual(taken, this.#growthInterval);
    const grown = where(isDue, mul(scale, 2), scale);
    assign(scale, clip(where(leftOut, mul(scale, 0.5), grown), SCALE_RANGE));
    assign(this.#taken, where(leftOut, 0, where(isDue, 0, taken)));
    assign(skipped, where(leftOut, add(skipped, 1), skipped));
  }
}

/** Whether one of some norms is not finite, a `bool` scalar. */
export function isAnyNonFinite(norms: readonly Tensor[]): Tensor {
  // ∞ · 0 is NaN, which devices test by its bits; they need not compare with ∞.
  return isNaN(mul(norms.reduce((a, b) => add(a, b)), 0));
}
