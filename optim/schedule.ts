/**
 * Learning rates over the course of a training.
 *
 * @module
 */

import { ArgumentError } from "@cram/tensor";

/** The learning rate of each step, counted from 0. */
export type Schedule = (step: number) => number;

/** Options of {@linkcode warmupCosine}. */
export interface WarmupCosineOptions {
  /** The highest learning rate. */
  readonly peak: number;
  /** How many steps the whole training has. */
  readonly steps: number;
  /** In how many of them the rate rises evenly. Default: 0. */
  readonly warmupSteps?: number;
}

/**
 * Rises evenly to the peak, then falls along half a cosine towards 0, step by
 * step. The first step is at peak / warmupSteps, the last one just above 0.
 *
 * Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm
 * Restarts", ICLR 2017; the warm-up is that of Goyal et al., "Accurate, Large
 * Minibatch SGD", 2017.
 *
 * @param options Peak and lengths.
 * @returns The schedule.
 * @throws {ArgumentError} If an option is out of its range.
 *
 * @example Two steps up, four down
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { warmupCosine } from "@cram/optim";
 *
 * const schedule = warmupCosine({ peak: 1, steps: 6, warmupSteps: 2 });
 * assertEquals([0, 1, 2, 4].map(schedule), [0.5, 1, 1, 0.5]);
 * ```
 */
export function warmupCosine(options: WarmupCosineOptions): Schedule {
  const { peak, steps, warmupSteps = 0 } = options;
  if (!(peak >= 0 && peak < Infinity)) {
    throw new ArgumentError(
      `Cannot schedule learning rates up to ${peak}: expected a number of at least 0`,
    );
  }
  if (!(steps >= 1 && warmupSteps >= 0 && warmupSteps <= steps)) {
    throw new ArgumentError(
      `Cannot schedule ${steps} steps with a warm-up of ${warmupSteps}: expected at least 1 step, and no longer a warm-up than that`,
    );
  }
  return (step) => {
    if (step < warmupSteps) return peak * (step + 1) / warmupSteps;
    const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
    return peak * (1 + Math.cos(Math.PI * Math.min(1, progress))) / 2;
  };
}
