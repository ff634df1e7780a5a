/**
 * Means and deviations of a few numbers.
 *
 * @module
 */

/** What is told of repeated measurements. */
export interface MeanAndDeviation {
  /** The mean; NaN of no numbers. */
  readonly mean: number;
  /** The sample standard deviation, with n - 1 in the denominator; 0 of a single number. */
  readonly deviation: number;
}

/**
 * Summarizes repeated measurements.
 *
 * @param values The numbers.
 * @returns Their mean and sample standard deviation.
 *
 * @example Three draws
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { meanAndDeviation } from "@cram/tasks";
 *
 * assertEquals(meanAndDeviation([4, 6, 8]), { mean: 6, deviation: 2 });
 * ```
 */
export function meanAndDeviation(values: readonly number[]): MeanAndDeviation {
  const { length } = values;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  if (length === 1) return { mean, deviation: 0 };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (length - 1)) };
}
