/**
 * Learning rates over the course of a training.
 *
 * @module
 */

import { ArgumentError } from "@cram/tensor";

/** The learning rate of each step, counted from 0. */
export type Schedule = (step: number) => number;

/** Options that schedules share. */
export interface ScheduleOptions {
  /** The highest learning rate. */
  readonly peak: number;
  /** How many steps the whole training has. */
  readonly steps: number;
  /** In how many of them the rate rises evenly. Default: 0. */
  readonly warmupSteps?: number;
  /**
   * How many steps have the same rate: the number of steps of an epoch for
   * schedules that move once in an epoch, as most published ones do. Default: 1.
   */
  readonly interval?: number;
}

/** Options of {@linkcode stepDecay}. */
export interface StepDecayOptions extends ScheduleOptions {
  /** After how many steps the rate falls. */
  readonly every: number;
  /** What it is multiplied by then. Default: 0.1. */
  readonly factor?: number;
}

/** Checks options, and puts a warm-up before a decay, which is a function of progress from 0 to 1. */
function schedule(
  options: ScheduleOptions,
  decay: (progress: number, step: number) => number,
): Schedule {
  const { peak, steps, warmupSteps = 0, interval = 1 } = options;
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
  if (!(Number.isInteger(interval) && interval >= 1)) {
    throw new ArgumentError(
      `Cannot change the learning rate every ${interval} steps: expected a whole number of at least 1`,
    );
  }
  return (now) => {
    const step = Math.floor(now / interval) * interval;
    if (step < warmupSteps) {
      return peak * Math.min(1, (step + interval) / warmupSteps);
    }
    const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
    return peak * decay(Math.min(1, progress), step - warmupSteps);
  };
}

/**
 * Stays at the peak, behind the warm-up.
 *
 * @param options Peak and lengths.
 * @returns The schedule.
 * @throws {ArgumentError} If an option is out of its range.
 *
 * @example Two steps of warm-up
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { constant } from "@cram/optim";
 *
 * const schedule = constant({ peak: 1, steps: 4, warmupSteps: 2 });
 * assertEquals([0, 1, 2, 3].map(schedule), [0.5, 1, 1, 1]);
 * ```
 */
export function constant(options: ScheduleOptions): Schedule {
  return schedule(options, () => 1);
}

/**
 * Rises evenly to the peak, then falls evenly towards 0, as is usual where
 * BERT is fine-tuned.
 *
 * @param options Peak and lengths.
 * @returns The schedule.
 * @throws {ArgumentError} If an option is out of its range.
 *
 * @example Down in four steps
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { warmupLinear } from "@cram/optim";
 *
 * const rates = [0, 1, 2, 3].map(warmupLinear({ peak: 1, steps: 4 }));
 * assertEquals(rates, [1, 0.75, 0.5, 0.25]);
 * ```
 */
export function warmupLinear(options: ScheduleOptions): Schedule {
  return schedule(options, (progress) => 1 - progress);
}

/**
 * Is multiplied by a factor every so many steps, behind the warm-up.
 *
 * @param options Peak, lengths and decay.
 * @returns The schedule.
 * @throws {ArgumentError} If an option is out of its range.
 *
 * @example Half as much every two steps
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { stepDecay } from "@cram/optim";
 *
 * const schedule = stepDecay({ peak: 1, steps: 5, every: 2, factor: 0.5 });
 * assertEquals([0, 1, 2, 3, 4].map(schedule), [1, 1, 0.5, 0.5, 0.25]);
 * ```
 */
export function stepDecay(options: StepDecayOptions): Schedule {
  const { every, factor = 0.1 } = options;
  if (!(every >= 1 && factor >= 0 && factor < Infinity)) {
    throw new ArgumentError(
      `Cannot multiply learning rates by ${factor} every ${every} steps: expected a factor of at least 0 and at least 1 step`,
    );
  }
  return schedule(options, (_, step) => factor ** Math.floor(step / every));
}

/**
 * Rises evenly to the peak, then falls along half a cosine towards 0. The
 * first step is at peak / warmupSteps, the last one just above 0. With an
 * epoch's steps as `interval` these are the rates of the CrAM experiments.
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
export function warmupCosine(options: ScheduleOptions): Schedule {
  return schedule(
    options,
    (progress) => (1 + Math.cos(Math.PI * progress)) / 2,
  );
}
