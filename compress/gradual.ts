/**
 * Gradual magnitude pruning, the baseline that CrAM competes with.
 *
 * @module
 */

import { ArgumentError } from "@cram/tensor";

/** Options of {@linkcode cubicSparsity}. */
export interface CubicSparsityOptions {
  /** The sparsity before the first step of pruning, in [0, 1). Default: 0. */
  readonly initial?: number;
  /** The sparsity at the end, in [0, 1). */
  readonly final: number;
  /** The step at which pruning begins. Default: 0. */
  readonly begin?: number;
  /** The step from which on the sparsity is final. */
  readonly end: number;
}

/**
 * The sparsity at each step of gradual pruning (Zhu and Gupta, "To prune, or
 * not to prune", 2017, equation 1): fast at first, slower as less is left,
 *
 * ```text
 * s(t) = final + (initial - final) · (1 - (t - begin) / (end - begin))³
 * ```
 *
 * @param options Sparsities and steps.
 * @returns The sparsity that weights are pruned to at a step, counted from 0.
 * @throws {ArgumentError} If a sparsity is outside of [0, 1) or the steps are not in order.
 *
 * @example Half way, seven eighths of the pruning are done
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cubicSparsity } from "@cram/compress";
 *
 * const sparsity = cubicSparsity({ final: 0.8, end: 100 });
 * assertEquals([0, 50, 100].map(sparsity), [0, 0.7000000000000001, 0.8]);
 * ```
 */
export function cubicSparsity(
  options: CubicSparsityOptions,
): (step: number) => number {
  const { initial = 0, final, begin = 0, end } = options;
  for (const sparsity of [initial, final]) {
    if (!(sparsity >= 0 && sparsity < 1)) {
      throw new ArgumentError(
        `Cannot prune from sparsity ${initial} to ${final}: expected numbers from 0 to below 1`,
      );
    }
  }
  if (!(begin >= 0 && begin < end && end < Infinity)) {
    throw new ArgumentError(
      `Cannot prune from step ${begin} to step ${end}: expected 0 ≤ begin < end`,
    );
  }
  return (step) => {
    const progress = Math.min(1, Math.max(0, (step - begin) / (end - begin)));
    return final + (initial - final) * (1 - progress) ** 3;
  };
}
