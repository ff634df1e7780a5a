/**
 * What a forward pass is for.
 *
 * @module
 */

import { RandomSource } from "@cram/tensor";

/** What forward passes compute with, by name. */
export const PRECISIONS = ["float32", "float16"] as const;

/** What a forward pass computes with. */
export type Precision = (typeof PRECISIONS)[number];

/**
 * What a forward pass is for. It is handed through all layers, so that no
 * layer has a mode that somebody could forget to set back.
 */
export interface ForwardContext {
  /** Whether batch normalization uses the statistics of the batch, or the running ones, and whether dropout drops anything. */
  readonly training: boolean;
  /**
   * Whether running statistics move, when `training`. The second pass of SAM
   * and CrAM, at perturbed parameters, leaves them still.
   */
  readonly updateStatistics: boolean;
  /**
   * What is computed with. `float16`: mixed precision (Micikevicius et al.,
   * ICLR 2018). Convolutions, products and attention take their weights and
   * inputs in float16, and sum in float32; parameters, their gradients,
   * statistics and outputs of a network stay float32. Needs a device that
   * lists float16 among its `floatDTypes`. Default: `float32`, or what else
   * the parameters are made of.
   */
  readonly precision?: Precision;
  /** Where layers that drop elements, when `training`, take their random streams from, one after the other. */
  readonly random?: RandomSource;
}

/** A pass of training at the parameters themselves, of networks without dropout. */
export const TRAINING: ForwardContext = {
  training: true,
  updateStatistics: true,
};

/** A pass of training at perturbed parameters, of networks without dropout. */
export const PERTURBED: ForwardContext = {
  training: true,
  updateStatistics: false,
};

/** A pass of evaluation. */
export const EVALUATION: ForwardContext = {
  training: false,
  updateStatistics: false,
};

/** What an optimizer says of a pass; `Pass` of `@cram/optim` has it. */
export interface TrainingPass {
  /** Whether running statistics should move. */
  readonly updateStatistics: boolean;
  /** The first of the random streams that the pass may use. */
  readonly stream: bigint;
}

/**
 * The context of one pass of an optimizer, with random streams for dropout:
 * the same ones in both passes of SAM and CrAM, which so see the same network.
 *
 * @param pass What the optimizer says.
 * @param seed What all masks come from.
 * @returns The context, for one forward pass.
 * @throws {ArgumentError} If seed or stream is no bigint of 64 bits.
 *
 * @example The same masks twice
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { trainingContext } from "@cram/models";
 *
 * const first = trainingContext({ updateStatistics: true, stream: 65_536n }, 1n);
 * const second = trainingContext({ updateStatistics: false, stream: 65_536n }, 1n);
 * assertEquals(first.random?.next(), second.random?.next());
 * ```
 */
export function trainingContext(
  { updateStatistics, stream }: TrainingPass,
  seed: bigint,
): ForwardContext {
  return {
    training: true,
    updateStatistics,
    random: new RandomSource(seed, stream),
  };
}
