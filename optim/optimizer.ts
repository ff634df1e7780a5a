/**
 * What an optimizer is.
 *
 * @module
 */

import type { Masks, Weight } from "@cram/compress";
import type { Tensor } from "@cram/tensor";
import type { Clipping } from "./clip.ts";
import type { LossScale, LossScaling } from "./loss_scaling.ts";
import type { ParameterGroup } from "./parameter_group.ts";

/** Which evaluation of a step it is. */
export interface Pass {
  /** 1 at the parameters themselves, 2 at perturbed ones (SAM, CrAM). */
  readonly pass: 1 | 2;
  /** Which part of the batch is wanted, from 0; the same parts in both passes. */
  readonly microBatch: number;
  /** Whether running statistics should move: in pass 1 only. */
  readonly updateStatistics: boolean;
  /**
   * A stream for the random draws of this evaluation, such as dropout masks:
   * another one in each step and part, the same in both passes unless
   * `independentPasses` is set. 2^16 streams from here on are free.
   */
  readonly stream: bigint;
  /**
   * What the gradients must be multiplied by, a scalar that `valueAndGrad()`
   * takes as `seed`; nothing without {@linkcode OptimizerOptions.lossScaling}.
   */
  readonly lossScale?: Tensor;
}

/** A loss with one gradient for each parameter, as `valueAndGrad()` gives them. */
export interface Evaluation {
  /** The loss, a scalar. */
  readonly value: Tensor;
  /** The gradients in the order of the parameters; the optimizer disposes of them. */
  readonly gradients: readonly Tensor[];
}

/** Options of one step. */
export interface StepOptions {
  /** The learning rate of this step. */
  readonly learningRate: number;
}

/** Options of an optimizer at work. */
export interface OptimizerOptions {
  /** Parameters with settings of their own; a parameter belongs to the first group that it matches. */
  readonly groups?: readonly ParameterGroup[];
  /** Clips the gradients' norm. By default they are not clipped. */
  readonly clip?: Clipping;
  /** In how many parts a batch is evaluated; gradients and losses are averaged. Default: 1. */
  readonly microBatches?: number;
  /**
   * What happens if the gradient of a step is not finite: nothing
   * (`ignore`), the step is left out and counted (`skip`), or
   * `NonFiniteGradientError` is thrown and nothing has changed (`stop`). The
   * latter two read a number back for each pass. Running statistics that
   * `evaluate` moves are not put back. Default: `ignore`.
   */
  readonly nonFinite?: "ignore" | "skip" | "stop";
  /**
   * Scales the loss, for gradients that are computed in float16; steps whose
   * gradient is not finite are left out without reading anything back. Instead
   * of `nonFinite`. By default the loss is not scaled.
   */
  readonly lossScaling?: LossScaling;
  /** Whether the second pass draws random numbers of its own. Default: false. */
  readonly independentPasses?: boolean;
}

/** Everything that an optimizer has to remember. Its tensors belong to the optimizer. */
export interface OptimizerState {
  /** The optimizer with its settings, by which a state is recognized. */
  readonly optimizer: string;
  /** Numbers by name. */
  readonly scalars: Readonly<Record<string, number>>;
  /** Tensors by name, such as `velocity.layer1.0.conv1.weight`, in the shapes of the parameters. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** An optimizer at work on the parameters of a model. */
export interface Optimizer extends Disposable {
  /** How many steps were taken; with loss scaling, those that were left out count too. */
  readonly steps: number;
  /** How many steps `nonFinite` left out because of a gradient that was not finite. */
  readonly skipped: number;
  /** Where loss scaling stands; `undefined` without it. */
  readonly lossScale: LossScale | undefined;
  /**
   * The part of the prunable parameters that the last step was asked to set
   * to 0: by CrAM for its second pass, by gradual pruning for good. 0 for
   * other optimizers, and before the first step.
   */
  readonly sparsity: number;
  /** The prunable parameters, which compressors are given: the tensors of the model. */
  readonly weights: readonly Weight[];

  /**
   * Changes the parameters once. Nothing is read back from the device, unless
   * `nonFinite` asks for it.
   *
   * @param evaluate Computes loss and gradients at the parameters as they are, for one part of the batch. Called for each part once, by SAM and CrAM twice.
   * @param options The learning rate.
   * @returns The loss of the first pass, which belongs to the open scope.
   * @throws {ArgumentError} If the learning rate is not a finite number of at least 0, there is another number of gradients than of parameters, or a parameter was given to another optimizer since.
   * @throws {ShapeError} If a gradient has another shape than its parameter.
   * @throws {NonFiniteGradientError} If the gradient is not finite and `nonFinite` is `stop`.
   */
  step(
    evaluate: (pass: Pass) => Evaluation | Promise<Evaluation>,
    options: StepOptions,
  ): Promise<Tensor>;

  /**
   * Keeps weights at 0 from now on, as sparse fine-tuning does: the weights
   * that masks do not keep become 0, and so do their gradients in each step.
   *
   * @param masks The masks, of which the optimizer makes a copy; `undefined` lets all weights move again.
   * @throws {ArgumentError} If there is a mask of something that is no parameter.
   * @throws {ShapeError} If a parameter and its mask differ in shape.
   */
  freeze(masks: Masks | undefined): void;

  /**
   * What a run needs to go on bit for bit on the same kind of device, besides
   * the parameters themselves.
   *
   * @returns Numbers, and tensors that stay the optimizer's; save them before the next step.
   */
  state(): OptimizerState;

  /**
   * Goes on from a state.
   *
   * @param state What {@linkcode Optimizer.state} returned, perhaps in another process.
   * @throws {StateError} If it is of another optimizer, of other parameters or on another device; nothing has changed then.
   */
  load(state: OptimizerState): void;
}

/** Parameters by name, as models list them; those of an array are called `0`, `1`, … */
export type Parameters =
  | ReadonlyMap<string, Tensor>
  | readonly Tensor[];

/** A kind of optimizer with its settings: a value, which any number of models can be given to. */
export interface OptimizerRule {
  /** Its name with its settings, for instance `sgd(momentum 0.9)`. */
  readonly name: string;
  /**
   * Puts the optimizer to work.
   *
   * @param parameters The parameters; their elements move to an arena, the handles stay.
   * @param options Groups, clipping, parts of batches.
   * @returns The optimizer.
   * @throws {ArgumentError} If there are no parameters, none is prunable where there is a compressor, or an option is out of its range.
   * @throws {DTypeError} If parameters are not float or of different dtypes.
   * @throws {DeviceError} If parameters live on different devices.
   */
  start(parameters: Parameters, options?: OptimizerOptions): Optimizer;
}
