/**
 * Sharpness-aware minimization.
 *
 * @module
 */

import { mul } from "@cram/tensor";
import { startOptimizer } from "./_arena_optimizer.ts";
import { checkAtLeastZero, describe } from "./_check.ts";
import type { Ascent } from "./_ascent.ts";
import type { BaseRule } from "./base_rule.ts";
import { ascentScale } from "./clip.ts";
import type { OptimizerRule } from "./optimizer.ts";

/** Options of {@linkcode sam}. */
export interface SamOptions {
  /** What takes the step with the gradient of the second pass. */
  readonly base: BaseRule;
  /** ρ, at least 0. Default: 0.05. */
  readonly rho?: number;
  /** Whether the ascent is in proportion to θ² (ASAM, Kwon et al., ICML 2021). Default: false. */
  readonly adaptive?: boolean;
}

/**
 * Sharpness-aware minimization (Foret et al., ICLR 2021): the gradient of the
 * step is taken at θ + ρ · g / (‖g‖ + 1e-12), with one norm over all
 * parameters; adaptive, at θ + ρ · θ²g / (‖θg‖ + 1e-12).
 *
 * @param options Base rule and ρ.
 * @returns The rule.
 * @throws {ArgumentError} If ρ is out of its range.
 *
 * @example One step
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { mul, openDevice, square, sum, tensor } from "@cram/tensor";
 * import { sam, sgd } from "@cram/optim";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const theta = tensor(device, [3]);
 * using optimizer = sam({ base: sgd(), rho: 0.5 }).start([theta]);
 * await optimizer.step(() => ({
 *   value: sum(square(theta)),
 *   gradients: [mul(theta, 2)],
 * }), { learningRate: 0.25 });
 * assertAlmostEquals(await theta.item(), 3 - 0.25 * 2 * 3.5, 1e-6);
 * ```
 */
export function sam(options: SamOptions): OptimizerRule {
  const { base, rho = 0.05, adaptive = false } = options;
  checkAtLeastZero("use SAM", { rho });
  const name = describe("sam", { base: base.name, rho, adaptive });
  const ascent: Ascent = {
    plus: false,
    sparseGradient: false,
    adaptive,
    scale: (theta, gradients) =>
      ascentScale(
        rho,
        adaptive ? theta.map((x, i) => mul(x, gradients[i])) : gradients,
      ),
  };
  return {
    name,
    start: (parameters, options) =>
      startOptimizer({ base, ascent, name }, parameters, options),
  };
}
