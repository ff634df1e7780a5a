/**
 * Adam and AdamW.
 *
 * @module
 */

import { ArgumentError } from "@cram/tensor";
import { adamStep } from "@cram/tensor/flat";
import { startOptimizer } from "./_arena_optimizer.ts";
import { checkAtLeastZero, describe } from "./_check.ts";
import type { BaseRule } from "./base_rule.ts";

/** Options of {@linkcode adam} and {@linkcode adamW}. */
export interface AdamOptions {
  /** Decay of the mean of gradients, in [0, 1). Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients, in [0, 1). Default: 0.999. */
  readonly beta2?: number;
  /** ε, at least 0, added to the root behind its bias correction. Default: 1e-8. */
  readonly epsilon?: number;
  /** λ, at least 0. Default: 0 for `adam`, 0.01 for `adamW`. */
  readonly weightDecay?: number;
}

/**
 * Adam with the semantics of `torch.optim.Adam` (Kingma and Ba, "Adam: A
 * Method for Stochastic Optimization", ICLR 2015):
 *
 * ```text
 * g ← g + λθ
 * m ← β₁m + (1 - β₁)g
 * v ← β₂v + (1 - β₂)g²
 * θ ← θ - η · m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + ε)
 * ```
 *
 * @param options Decays, ε and λ.
 * @returns The rule.
 * @throws {ArgumentError} If an option is out of its range.
 *
 * @example The first step has the length of the learning rate
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { mul, openDevice, square, sum, tensor } from "@cram/tensor";
 * import { adam } from "@cram/optim";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const theta = tensor(device, [3]);
 * using optimizer = adam().start([theta]);
 * await optimizer.step(() => ({
 *   value: sum(square(theta)),
 *   gradients: [mul(theta, 2)],
 * }), { learningRate: 0.25 });
 * assertAlmostEquals(await theta.item(), 2.75, 1e-6);
 * ```
 */
export function adam(options: AdamOptions = {}): BaseRule {
  return adamRule("adam", options, 0, false);
}

/**
 * AdamW with the semantics of `torch.optim.AdamW` (Loshchilov and Hutter,
 * "Decoupled Weight Decay Regularization", ICLR 2019): θ ← θ(1 - ηλ) first,
 * then the step of {@linkcode adam} without λ.
 *
 * @param options Decays, ε and λ.
 * @returns The rule.
 * @throws {ArgumentError} If an option is out of its range.
 *
 * @example Weights decay without a gradient
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { openDevice, tensor, zerosLike } from "@cram/tensor";
 * import { adamW } from "@cram/optim";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const theta = tensor(device, [3]);
 * using optimizer = adamW({ weightDecay: 0.5 }).start([theta]);
 * await optimizer.step(() => ({
 *   value: tensor(device, 0),
 *   gradients: [zerosLike(theta)],
 * }), { learningRate: 0.1 });
 * assertAlmostEquals(await theta.item(), 3 * 0.95, 1e-6);
 * ```
 */
export function adamW(options: AdamOptions = {}): BaseRule {
  return adamRule("adamW", options, 0.01, true);
}

function adamRule(
  name: string,
  options: AdamOptions,
  defaultDecay: number,
  decoupled: boolean,
): BaseRule {
  const {
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    weightDecay = defaultDecay,
  } = options;
  for (const [key, beta] of Object.entries({ beta1, beta2 })) {
    if (!(beta >= 0 && beta < 1)) {
      throw new ArgumentError(
        `Cannot use ${name} with ${key} ${beta}: expected a number from 0 to below 1`,
      );
    }
  }
  checkAtLeastZero(`use ${name}`, { epsilon, weightDecay });
  const rule: BaseRule = {
    name: describe(name, { beta1, beta2, epsilon, weightDecay }),
    memory: ["mean", "square"],
    weightDecay,
    update: (
      { memory: [mean, square], learningRate, weightDecay, step, ...tensors },
    ) =>
      adamStep({ ...tensors, mean, square }, {
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        decoupled,
        step,
      }),
    start: (parameters, options) =>
      startOptimizer({ base: rule }, parameters, options),
  };
  return rule;
}
