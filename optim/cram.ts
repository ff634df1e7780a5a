/**
 * CrAM: a compression-aware minimizer.
 *
 * @module
 */

import type { Compressor } from "@cram/compress";
import { ArgumentError, RandomSource, type Tensor } from "@cram/tensor";
import { startOptimizer } from "./_arena_optimizer.ts";
import { checkAtLeastZero, describe } from "./_check.ts";
import { CompressorDraws } from "./_compressor_draws.ts";
import type { BaseRule } from "./base_rule.ts";
import { ascentScale } from "./clip.ts";
import type { OptimizerRule } from "./optimizer.ts";

/** Options of {@linkcode cram}. */
export interface CramOptions {
  /** What takes the step with the combined gradient. */
  readonly base: BaseRule;
  /** C: one is drawn in each step, all with the same probability. CrAM-k has one, CrAM-Multi several. */
  readonly compressors: readonly Compressor[];
  /** ρ, at least 0. Default: 0.05. */
  readonly rho?: number;
  /** CrAM⁺: whether the gradient at θ is added. Default: false. */
  readonly plus?: boolean;
  /** Whether the gradient at the compressed point counts only where weights were kept. Default: true. */
  readonly sparseGradient?: boolean;
  /** Whether the ascent is ρ · g / (‖g‖ + 1e-12) instead of ρ · g. Default: false. */
  readonly normalize?: boolean;
  /** After how many draws of a compressor its masks are found anew; between them the old ones are applied. Default: 1. */
  readonly maskEvery?: number;
  /** What the draws come from. Default: 0n. */
  readonly seed?: bigint;
}

/**
 * CrAM (Peste et al., ICLR 2023, algorithm 1; the released code where the two
 * differ). In each step, with g = ∇L(θ) and a compressor C drawn at random:
 *
 * ```text
 * θ̃  = C(θ + ρg)
 * CrAM:   step of the base rule at θ with      m ⊙ ∇L(θ̃)
 * CrAM⁺:  step of the base rule at θ with  g + m ⊙ ∇L(θ̃)
 * ```
 *
 * m is the mask of C; without `sparseGradient`, for parameters that are not
 * compressed and for compressors without masks it is 1. All parameters
 * ascend; the prunable ones are compressed. Weight decay and momentum belong
 * to the base rule and see the combined gradient once.
 *
 * @param options Base rule, compressors, ρ and variant.
 * @returns The rule.
 * @throws {ArgumentError} If there are no compressors or an option is out of its range.
 *
 * @example One step of CrAM⁺ with half of the weights
 * ```ts
 * import { assert } from "@std/assert";
 * import { topK } from "@cram/compress";
 * import { mul, openDevice, square, sum, tensor } from "@cram/tensor";
 * import { cram, sgd } from "@cram/optim";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const theta = tensor(device, [[3, -1], [2, 0.5]]);
 * const rule = cram({
 *   base: sgd({ momentum: 0.9 }),
 *   compressors: [topK(0.5)],
 *   rho: 0.05,
 *   plus: true,
 * });
 * using optimizer = rule.start([theta]);
 * const loss = () => ({
 *   value: sum(square(theta)),
 *   gradients: [mul(theta, 2)],
 * });
 * const before = await optimizer.step(loss, { learningRate: 0.1 });
 * const after = await optimizer.step(loss, { learningRate: 0.1 });
 * assert(await after.item() < await before.item());
 * ```
 */
export function cram(options: CramOptions): OptimizerRule {
  const {
    base,
    compressors,
    rho = 0.05,
    plus = false,
    sparseGradient = true,
    normalize = false,
    maskEvery = 1,
    seed = 0n,
  } = options;
  if (compressors.length === 0) {
    throw new ArgumentError("Cannot use CrAM without a compressor");
  }
  checkAtLeastZero("use CrAM", { rho });
  if (!(Number.isInteger(maskEvery) && maskEvery >= 1)) {
    throw new ArgumentError(
      `Cannot find masks every ${maskEvery} draws: expected a whole number of at least 1`,
    );
  }
  new RandomSource(seed);
  const name = describe(plus ? "cram+" : "cram", {
    base: base.name,
    compressors: compressors.map((compressor) => compressor.name),
    rho,
    sparseGradient,
    normalize,
    maskEvery,
    seed,
  });
  return {
    name,
    start(parameters, options) {
      const draws = new CompressorDraws(compressors, maskEvery, seed);
      const ascent = {
        plus,
        sparseGradient,
        adaptive: false,
        draws,
        scale: (_theta: unknown, gradients: readonly Tensor[]) =>
          normalize ? ascentScale(rho, gradients) : rho,
      };
      return startOptimizer({ base, ascent, name }, parameters, options);
    },
  };
}

/**
 * {@linkcode cram} with `plus`: the variant that the paper recommends.
 *
 * @param options As for {@linkcode cram}.
 * @returns The rule.
 * @throws {ArgumentError} If there are no compressors or an option is out of its range.
 *
 * @example One model for several sparsities
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { topK } from "@cram/compress";
 * import { cramPlus, sgd } from "@cram/optim";
 *
 * const rule = cramPlus({
 *   base: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
 *   compressors: [topK(0.5), topK(0.7), topK(0.9)],
 * });
 * assertEquals(rule.name.startsWith("cram+("), true);
 * ```
 */
export function cramPlus(options: Omit<CramOptions, "plus">): OptimizerRule {
  return cram({ ...options, plus: true });
}
