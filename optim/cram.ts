/**
 * CrAM: a compression-aware minimizer.
 *
 * @module
 */

import type { Compressor, Masks, Weight } from "@cram/compress";
import {
  add,
  ArgumentError,
  div,
  RandomSource,
  type Tensor,
} from "@cram/tensor";
import { perturb } from "@cram/tensor/flat";
import { startOptimizer } from "./_arena_optimizer.ts";
import { checkAtLeastZero, describe } from "./_check.ts";
import type { Ascent, AscentContext } from "./ascent.ts";
import type { BaseRule } from "./base_rule.ts";
import { globalNorm } from "./clip.ts";
import type { OptimizerRule } from "./optimizer.ts";
import { NORM_EPSILON } from "./sam.ts";

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
    start: (parameters, options) =>
      startOptimizer(
        {
          base,
          name,
          ascent: new CramAscent({
            compressors,
            rho,
            plus,
            sparseGradient,
            normalize,
            maskEvery,
            seed,
          }),
        },
        parameters,
        options,
      ),
  };
}

/**
 * {@linkcode cram} with `plus`: the variant that the paper recommends.
 *
 * @param options As for {@linkcode cram}.
 * @returns The rule.
 * @throws {ArgumentError} If there are no compressors or an option is out of its range.
 */
export function cramPlus(options: Omit<CramOptions, "plus">): OptimizerRule {
  return cram({ ...options, plus: true });
}

class CramAscent implements Ascent {
  readonly #options: Required<Omit<CramOptions, "base">>;
  /** Masks in use by the compressor's number, with the number of their draws. */
  readonly #masks = new Map<
    number,
    { masks?: Masks | undefined; draws: number }
  >();

  constructor(options: Required<Omit<CramOptions, "base">>) {
    this.#options = options;
  }

  get plus(): boolean {
    return this.#options.plus;
  }

  get sparseGradient(): boolean {
    return this.#options.sparseGradient;
  }

  ascend(context: AscentContext): Masks | undefined {
    const { chunks, gradients, saved, weights, step } = context;
    const scale = this.#scale(gradients);
    for (const [i, theta] of chunks.entries()) {
      perturb(theta, gradients[i], saved[i], scale);
    }
    return this.#compress(weights, step);
  }

  #scale(gradients: readonly Tensor[]): Tensor | number {
    const { rho, normalize } = this.#options;
    return normalize ? div(rho, add(globalNorm(gradients), NORM_EPSILON)) : rho;
  }

  #compress(weights: readonly Weight[], step: number): Masks | undefined {
    const { compressors, maskEvery, seed } = this.#options;
    // The draw depends on seed and step alone, so that there is no generator to save.
    const drawn = new RandomSource(seed, BigInt(step))
      .integer(compressors.length);
    const entry = this.#masks.get(drawn) ?? { draws: 0 };
    this.#masks.set(drawn, entry);
    if (entry.draws++ % maskEvery !== 0 && entry.masks !== undefined) {
      entry.masks.apply(weights);
      return entry.masks;
    }
    // Masks that are never used again make room before new ones are found.
    const stale = maskEvery === 1 ? [...this.#masks.values()] : [entry];
    for (const one of stale) {
      one.masks?.[Symbol.dispose]();
      one.masks = undefined;
    }
    entry.masks = compressors[drawn].compress(weights);
    entry.masks?.detach();
    return entry.masks;
  }

  state(): ReturnType<Ascent["state"]> {
    const scalars: Record<string, number> = {};
    const masks = new Map<string, Masks>();
    for (const [index, entry] of this.#masks) {
      scalars[`draws.${index}`] = entry.draws;
      if (entry.masks !== undefined && this.#options.maskEvery > 1) {
        masks.set(`mask.${index}`, entry.masks);
      }
    }
    return { scalars, masks };
  }

  load(
    scalars: Readonly<Record<string, number>>,
    masks: (name: string) => Masks | undefined,
  ): void {
    this[Symbol.dispose]();
    for (const index of this.#options.compressors.keys()) {
      const draws = scalars[`draws.${index}`];
      if (draws === undefined) continue;
      this.#masks.set(index, { draws, masks: masks(`mask.${index}`) });
    }
  }

  [Symbol.dispose](): void {
    for (const { masks } of this.#masks.values()) masks?.[Symbol.dispose]();
    this.#masks.clear();
  }
}
