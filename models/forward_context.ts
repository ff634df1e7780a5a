/**
 * What a forward pass is for.
 *
 * @module
 */

/**
 * What a forward pass is for. It is handed through all layers, so that no
 * layer has a mode that somebody could forget to set back.
 */
export interface ForwardContext {
  /** Whether batch normalization uses the statistics of the batch, or the running ones. */
  readonly training: boolean;
  /**
   * Whether running statistics move, when `training`. The second pass of SAM
   * and CrAM, at perturbed parameters, leaves them still.
   */
  readonly updateStatistics: boolean;
}

/** A pass of training at the parameters themselves. */
export const TRAINING: ForwardContext = {
  training: true,
  updateStatistics: true,
};

/** A pass of training at perturbed parameters. */
export const PERTURBED: ForwardContext = {
  training: true,
  updateStatistics: false,
};

/** A pass of evaluation. */
export const EVALUATION: ForwardContext = {
  training: false,
  updateStatistics: false,
};
