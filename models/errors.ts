/**
 * The named errors of models.
 *
 * @module
 */

/** Weights that do not fit a model: names that are missing or unexpected, or other shapes. */
export class StateDictError extends Error {
  /** The name of this error. */
  override readonly name: string = "StateDictError";
}

/** A description of a model that cannot be built: sizes that do not fit, or a kind that is not there. */
export class ConfigError extends Error {
  /** The name of this error. */
  override readonly name: string = "ConfigError";
}
