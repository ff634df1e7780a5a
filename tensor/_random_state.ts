/**
 * Seeds and streams as kernels take them.
 *
 * @module
 */

import type { RandomState } from "./backend.ts";
import { ArgumentError } from "./errors.ts";

/** Which random sequence to draw from. */
export interface RandomSequence {
  /** What all of a program's randomness comes from; 0 to 2^64 - 1. */
  readonly seed: bigint;
  /** Which of the independent sequences of the seed; 0 to 2^64 - 1. Default: 0. */
  readonly stream?: bigint;
}

const LIMIT = 1n << 64n;

/**
 * The words that kernels take for a sequence.
 *
 * @throws {ArgumentError} If seed or stream is no bigint of 64 bits.
 */
export function randomState(
  op: string,
  { seed, stream = 0n }: RandomSequence,
): RandomState {
  for (const [name, value] of Object.entries({ seed, stream })) {
    if (typeof value !== "bigint" || value < 0n || value >= LIMIT) {
      throw new ArgumentError(
        `Cannot run "${op}" with ${name} ${value}: expected a bigint of 0n to 2n ** 64n - 1n`,
      );
    }
  }
  return {
    seedLow: Number(seed & 0xffffffffn),
    seedHigh: Number(seed >> 32n),
    streamLow: Number(stream & 0xffffffffn),
    streamHigh: Number(stream >> 32n),
  };
}
