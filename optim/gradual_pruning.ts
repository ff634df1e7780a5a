/**
 * Gradual magnitude pruning during training: the baseline that CrAM competes
 * with.
 *
 * @module
 */

import {
  type Masks,
  topK,
  type TopKOptions,
  type Weight,
} from "@cram/compress";
import { ArgumentError, type Tensor } from "@cram/tensor";
import { checkOptimizer, describe } from "./_check.ts";
import type { LossScale } from "./loss_scaling.ts";
import type {
  Evaluation,
  Optimizer,
  OptimizerRule,
  OptimizerState,
  Pass,
  StepOptions,
} from "./optimizer.ts";

/** Options of {@linkcode gradualPruning}. */
export interface GradualPruningOptions extends TopKOptions {
  /** What trains the weights. */
  readonly base: OptimizerRule;
  /** The sparsity after a number of steps, for instance by `cubicSparsity()`. */
  readonly sparsity: (steps: number) => number;
  /** After how many steps the smallest weights are found anew, at least 1. */
  readonly every: number;
}

/**
 * Trains with any optimizer, and sets more and more of the smallest weights to
 * 0 on the way (Zhu and Gupta, "To prune, or not to prune", 2017). Weights
 * that were pruned stay 0. If the sparsity after no steps is above 0, `start()` prunes
 * to it; with a constant one this is one-shot pruning followed by sparse
 * fine-tuning.
 *
 * @param options Base rule, sparsities, and how Top-K chooses.
 * @returns The rule.
 * @throws {ArgumentError} If `every` is not a whole number of at least 1.
 *
 * @example Three quarters of the weights in two steps
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cubicSparsity } from "@cram/compress";
 * import { mul, openDevice, square, sum, tensor } from "@cram/tensor";
 * import { gradualPruning, sgd } from "@cram/optim";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const theta = tensor(device, [[1, -2], [3, -4]]);
 * const rule = gradualPruning({
 *   base: sgd(),
 *   sparsity: cubicSparsity({ final: 0.75, end: 2 }),
 *   every: 1,
 *   exact: true,
 * });
 * using optimizer = rule.start([theta]);
 * for (let step = 0; step < 2; step++) {
 *   await optimizer.step(() => ({
 *     value: sum(square(theta)),
 *     gradients: [mul(theta, 2)],
 *   }), { learningRate: 0.25 });
 * }
 * assertEquals([...await theta.data()], [0, 0, 0, -1]);
 * ```
 */
export function gradualPruning(options: GradualPruningOptions): OptimizerRule {
  const { base, sparsity, every, scope = "global", exact = false } = options;
  if (!(Number.isInteger(every) && every >= 1)) {
    throw new ArgumentError(
      `Cannot prune every ${every} steps: expected a whole number of at least 1`,
    );
  }
  const name = describe("gradualPruning", {
    base: base.name,
    every,
    scope,
    exact,
  });
  const prune = (optimizer: Optimizer) => {
    const { device } = optimizer.weights[0].tensor;
    using _scope = device.scope();
    const compressor = topK(sparsity(optimizer.steps), { scope, exact });
    optimizer.freeze(compressor.compress(optimizer.weights));
  };
  const sparsityAfter = (steps: number): number =>
    sparsity(steps - steps % every);
  return {
    name,
    start(parameters, options) {
      const optimizer = base.start(parameters, options);
      if (optimizer.weights.length === 0) {
        optimizer[Symbol.dispose]();
        throw new ArgumentError(
          `Cannot prune parameters by ${name}: none is prunable`,
        );
      }
      if (sparsity(0) > 0) prune(optimizer);
      return new GradualPruning(name, base.name, optimizer, (steps) => {
        if (steps % every === 0) prune(optimizer);
      }, sparsityAfter);
    },
  };
}

/** An optimizer with something to do after each step that was taken. */
class GradualPruning implements Optimizer {
  readonly #name: string;
  readonly #baseName: string;
  readonly #optimizer: Optimizer;
  readonly #afterStep: (steps: number) => void;
  readonly #sparsityAfter: (steps: number) => number;

  constructor(
    name: string,
    baseName: string,
    optimizer: Optimizer,
    afterStep: (steps: number) => void,
    sparsityAfter: (steps: number) => number,
  ) {
    this.#name = name;
    this.#baseName = baseName;
    this.#optimizer = optimizer;
    this.#afterStep = afterStep;
    this.#sparsityAfter = sparsityAfter;
  }

  get steps(): number {
    return this.#optimizer.steps;
  }

  get skipped(): number {
    return this.#optimizer.skipped;
  }

  get lossScale(): LossScale | undefined {
    return this.#optimizer.lossScale;
  }

  get sparsity(): number {
    return this.#sparsityAfter(this.steps);
  }

  get weights(): readonly Weight[] {
    return this.#optimizer.weights;
  }

  async step(
    evaluate: (pass: Pass) => Evaluation | Promise<Evaluation>,
    options: StepOptions,
  ): Promise<Tensor> {
    const { steps } = this.#optimizer;
    const loss = await this.#optimizer.step(evaluate, options);
    if (this.steps > steps) this.#afterStep(this.steps);
    return loss;
  }

  freeze(masks: Masks | undefined): void {
    this.#optimizer.freeze(masks);
  }

  state(): OptimizerState {
    return { ...this.#optimizer.state(), optimizer: this.#name };
  }

  load(state: OptimizerState): void {
    checkOptimizer(state, this.#name);
    this.#optimizer.load({ ...state, optimizer: this.#baseName });
  }

  [Symbol.dispose](): void {
    this.#optimizer[Symbol.dispose]();
  }
}
