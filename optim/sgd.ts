/**
 * Stochastic gradient descent.
 *
 * @module
 */

import { ArgumentError } from "@cram/tensor";
import { sgdStep } from "@cram/tensor/flat";
import { startOptimizer } from "./_arena_optimizer.ts";
import { checkAtLeastZero, describe } from "./_check.ts";
import type { BaseRule } from "./base_rule.ts";

/** Options of {@linkcode sgd}. */
export interface SgdOptions {
  /** μ, in [0, 1). Default: 0. */
  readonly momentum?: number;
  /** The part of the gradient that does not enter the momentum, in [0, 1]. Default: 0. */
  readonly dampening?: number;
  /** Whether to look ahead along the momentum; needs momentum and no dampening. Default: false. */
  readonly nesterov?: boolean;
  /** λ, at least 0: λθ is added to the gradient. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent with the semantics of `torch.optim.SGD`:
 *
 * ```text
 * g ← g + λθ
 * v ← g in the first step, then μv + (1 - dampening)·g
 * θ ← θ - ηv, with Nesterov θ - η(g + μv)
 * ```
 *
 * @param options Momentum and weight decay.
 * @returns The rule.
 * @throws {ArgumentError} If an option is out of its range.
 *
 * @example One step down a parabola
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mul, openDevice, square, sum, tensor } from "@cram/tensor";
 * import { sgd } from "@cram/optim";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const theta = tensor(device, [3, -1]);
 * using optimizer = sgd({ momentum: 0.9 }).start([theta]);
 * await optimizer.step(() => ({
 *   value: sum(square(theta)),
 *   gradients: [mul(theta, 2)],
 * }), { learningRate: 0.25 });
 * assertEquals([...await theta.data()], [1.5, -0.5]);
 * ```
 */
export function sgd(options: SgdOptions = {}): BaseRule {
  const {
    momentum = 0,
    dampening = 0,
    nesterov = false,
    weightDecay = 0,
  } = options;
  if (!(momentum >= 0 && momentum < 1)) {
    throw new ArgumentError(
      `Cannot use SGD with momentum ${momentum}: expected a number from 0 to below 1`,
    );
  }
  if (!(dampening >= 0 && dampening <= 1)) {
    throw new ArgumentError(
      `Cannot use SGD with dampening ${dampening}: expected a number from 0 to 1`,
    );
  }
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new ArgumentError(
      `Cannot use SGD with Nesterov's momentum, momentum ${momentum} and dampening ${dampening}: expected momentum above 0 and no dampening`,
    );
  }
  checkAtLeastZero("use SGD", { weightDecay });
  const rule: BaseRule = {
    name: describe("sgd", { momentum, dampening, nesterov, weightDecay }),
    memory: momentum > 0 ? ["velocity"] : [],
    weightDecay,
    update: (
      { memory: [velocity], learningRate, weightDecay, step, ...tensors },
    ) =>
      sgdStep({ ...tensors, velocity }, {
        learningRate,
        momentum,
        dampening,
        nesterov,
        weightDecay,
        first: step === 1,
      }),
    start: (parameters, options) =>
      startOptimizer({ base: rule }, parameters, options),
  };
  return rule;
}
