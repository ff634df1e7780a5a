/**
 * The named errors of optimizers.
 *
 * @module
 */

/** A saved state that does not belong to the optimizer it is loaded into. */
export class StateError extends Error {
  /** The name of this error. */
  override readonly name: string = "StateError";
}

/** A gradient with NaN or infinite elements, where the optimizer was told to stop at one. */
export class NonFiniteGradientError extends Error {
  /** The name of this error. */
  override readonly name: string = "NonFiniteGradientError";
}
