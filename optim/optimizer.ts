/**
 * What an optimizer is.
 *
 * @module
 */

import type { Tensor } from "@cram/tensor";
import type { ParameterSlot } from "./arena.ts";

/** Which evaluation of a step it is. */
export interface Pass {
  /** 1 at the parameters themselves, 2 at perturbed ones (SAM, CrAM). */
  readonly pass: 1 | 2;
}

/** A loss with one gradient for each parameter, as `valueAndGrad()` gives them. */
export interface Evaluation {
  /** The loss. */
  readonly value: Tensor;
  /** The gradients in the order of the parameters. */
  readonly gradients: readonly Tensor[];
}

/** Options of one step. */
export interface StepOptions {
  /** The learning rate of this step. */
  readonly learningRate: number;
}

/** An optimizer at work on the parameters of a model. */
export interface Optimizer extends Disposable {
  /**
   * Changes the parameters once.
   *
   * @param evaluate Computes loss and gradients at the parameters as they are; SGD calls it once, SAM and CrAM twice.
   * @param options The learning rate.
   * @returns The loss of the first pass, which belongs to the open scope.
   */
  step(evaluate: (pass: Pass) => Evaluation, options: StepOptions): Tensor;
}

/** A kind of optimizer with its settings: a value, which any number of models can be given to. */
export interface OptimizerRule {
  /** Its name, for instance `sgd`. */
  readonly name: string;
  /**
   * Puts the optimizer to work.
   *
   * @param parameters The parameters; they move to an arena, their slots hold views of it.
   * @returns The optimizer.
   */
  start(parameters: readonly ParameterSlot[]): Optimizer;
}
