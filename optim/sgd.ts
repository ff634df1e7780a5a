/**
 * Stochastic gradient descent with momentum.
 *
 * @module
 */

import {
  add,
  ArgumentError,
  assign,
  mul,
  sub,
  type Tensor,
} from "@cram/tensor";
import { ParameterArena, type ParameterSlot } from "./arena.ts";
import type {
  Evaluation,
  Optimizer,
  OptimizerRule,
  Pass,
  StepOptions,
} from "./optimizer.ts";

/** Options of {@linkcode sgd}. */
export interface SgdOptions {
  /** μ, in [0, 1). Default: 0. */
  readonly momentum?: number;
  /** λ, at least 0: λθ is added to the gradient. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent with the semantics of `torch.optim.SGD`:
 *
 * ```text
 * g ← g + λθ
 * v ← g in the first step, then μv + g
 * θ ← θ - ηv
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
 * const theta = { value: tensor(device, [3, -1]) };
 * using optimizer = sgd({ momentum: 0.9 }).start([theta]);
 * optimizer.step(() => ({
 *   value: sum(square(theta.value)),
 *   gradients: [mul(theta.value, 2)],
 * }), { learningRate: 0.25 });
 * assertEquals([...await theta.value.data()], [1.5, -0.5]);
 * ```
 */
export function sgd(options: SgdOptions = {}): OptimizerRule {
  const { momentum = 0, weightDecay = 0 } = options;
  if (!(momentum >= 0 && momentum < 1)) {
    throw new ArgumentError(
      `Cannot use SGD with momentum ${momentum}: expected a number from 0 to below 1`,
    );
  }
  if (!(weightDecay >= 0 && weightDecay < Infinity)) {
    throw new ArgumentError(
      `Cannot use SGD with weight decay ${weightDecay}: expected a number of at least 0`,
    );
  }
  return {
    name: "sgd",
    start: (parameters) => new Sgd(parameters, momentum, weightDecay),
  };
}

class Sgd implements Optimizer {
  readonly #arena: ParameterArena;
  readonly #momentum: number;
  readonly #weightDecay: number;
  readonly #gradients: readonly Tensor[];
  readonly #velocity: readonly Tensor[];
  #steps = 0;

  constructor(
    parameters: readonly ParameterSlot[],
    momentum: number,
    weightDecay: number,
  ) {
    this.#arena = new ParameterArena(parameters);
    this.#momentum = momentum;
    this.#weightDecay = weightDecay;
    this.#gradients = this.#arena.zeros();
    this.#velocity = momentum > 0 ? this.#arena.zeros() : [];
  }

  step(
    evaluate: (pass: Pass) => Evaluation,
    { learningRate }: StepOptions,
  ): Tensor {
    const { device, chunks } = this.#arena;
    const { value, gradients } = evaluate({ pass: 1 });
    this.#arena.gather(this.#gradients, gradients);
    for (const gradient of gradients) gradient.dispose();
    for (const [i, parameter] of chunks.entries()) {
      using _scope = device.scope();
      let direction = this.#gradients[i];
      if (this.#weightDecay > 0) {
        direction = add(direction, mul(parameter, this.#weightDecay));
      }
      if (this.#momentum > 0) {
        const velocity = this.#velocity[i];
        if (this.#steps > 0) {
          direction = add(mul(velocity, this.#momentum), direction);
        }
        assign(velocity, direction);
      }
      assign(parameter, sub(parameter, mul(direction, learningRate)));
    }
    this.#steps++;
    return value;
  }

  [Symbol.dispose](): void {
    this.#arena[Symbol.dispose]();
    for (const chunk of [...this.#gradients, ...this.#velocity]) {
      chunk.dispose();
    }
  }
}
