/**
 * The named error of models.
 *
 * @module
 */

/** Weights that do not fit a model: names that are missing or unexpected, or other shapes. */
export class StateDictError extends Error {
  /** The name of this error. */
  override readonly name: string = "StateDictError";
}
