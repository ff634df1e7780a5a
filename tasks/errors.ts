/**
 * The named errors of the experiments.
 *
 * @module
 */

/** A data set that is not there, is empty, or is not what it should be. */
export class DataError extends Error {
  /** The name of this error. */
  override readonly name: string = "DataError";
}

/** A tar archive that is cut off or otherwise broken. */
export class TarError extends DataError {
  /** The name of this error. */
  override readonly name: string = "TarError";
}

/** A vocabulary that cannot be used. */
export class VocabularyError extends DataError {
  /** The name of this error. */
  override readonly name: string = "VocabularyError";
}

/** A file that cannot be downloaded. */
export class NetworkError extends Error {
  /** The name of this error. */
  override readonly name: string = "NetworkError";
}

/** A loss that is no finite number any more. */
export class DivergenceError extends Error {
  /** The name of this error. */
  override readonly name: string = "DivergenceError";
}

/** A folder or file that cannot be written. */
export class OutputError extends Error {
  /** The name of this error. */
  override readonly name: string = "OutputError";
}

/** A run that cannot be gone on with: it is not there, or had other settings. */
export class CheckpointError extends Error {
  /** The name of this error. */
  override readonly name: string = "CheckpointError";
}

/** Command-line options that cannot be used. */
export class UsageError extends Error {
  /** The name of this error. */
  override readonly name: string = "UsageError";
}
