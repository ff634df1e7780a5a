/**
 * The named errors of the autograd library.
 *
 * @module
 */

/** A tape that was used after it was closed or used up, or closed out of order. */
export class TapeError extends Error {
  /** The name of this error. */
  override readonly name: string = "TapeError";
}

/** A gradient that cannot be computed: no path to it, a saved value that is gone, a rule that failed. */
export class GradientError extends Error {
  /** The name of this error. */
  override readonly name: string = "GradientError";
}

/** A gradient that differs from its finite differences. */
export class GradcheckError extends Error {
  /** The name of this error. */
  override readonly name: string = "GradcheckError";
}
