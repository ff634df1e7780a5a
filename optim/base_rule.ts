/**
 * Rules that turn a gradient into an update: what SAM and CrAM are put around.
 *
 * @module
 */

import type { Tensor } from "@cram/tensor";
import type { OptimizerRule } from "./optimizer.ts";

/** A flat range of parameters with the same settings, and what belongs to it. */
export interface UpdateRange {
  /** θ. */
  readonly parameter: Tensor;
  /** Where θ after the step goes; may be `parameter`. */
  readonly out: Tensor;
  /** The gradient. */
  readonly gradient: Tensor;
  /** What the gradient is multiplied by first. */
  readonly gradientScale: Tensor | number;
  /** The rule's memory, one tensor for each name of {@linkcode BaseRule.memory}; zeros before the first step. */
  readonly memory: readonly Tensor[];
  /** η. */
  readonly learningRate: number;
  /** λ. */
  readonly weightDecay: number;
  /** The number of this step, from 1. */
  readonly step: number;
}

/** An optimizer with one pass, which other optimizers can be put around. */
export interface BaseRule extends OptimizerRule {
  /** What it remembers of each parameter, by name. */
  readonly memory: readonly string[];
  /** λ of parameters that have none of their own. */
  readonly weightDecay: number;
  /**
   * Takes one step over a range.
   *
   * @param range Parameters and what belongs to them.
   */
  update(range: UpdateRange): void;
}
