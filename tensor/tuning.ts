/**
 * What devices found out about themselves by trials, as plain JSON that can be
 * kept.
 *
 * @module
 */

import { ArgumentError } from "./errors.ts";

/**
 * Which way of computing products of matrices is fastest on which adapter, as
 * {@linkcode Device.tune} finds it and {@linkcode openDevice} takes it. Plain
 * JSON. With the same tuning the same device computes the same bits; without
 * one it chooses by sizes alone.
 */
export interface Tuning {
  /** The version of this format. */
  readonly version: 1;
  /** For each adapter, by all that is known of it, the ways of products by their names and sizes. */
  readonly adapters: Readonly<
    Record<string, Readonly<Record<string, string>>>
  >;
}

/** What {@linkcode Device.tune} found of one product. */
export interface TunedProduct {
  /** Its kind and sizes, such as `matmul kn 1x1536x768 1x3072`: axes along which operands lie (and `float16` if they are), problems × rows × columns, the inner dimension in segments. */
  readonly name: string;
  /** The fastest way, such as `tiles 8x8 16x16 1x1`: rows × columns of an invocation, invocations of a workgroup, partial results. */
  readonly way: string;
  /** What it takes in the fastest way. */
  readonly milliseconds: number;
  /** What it takes in the way that is chosen without trials; the same if the device cannot compute it in that way. */
  readonly plainMilliseconds: number;
  /** How many products were tried, with this one and those that the device could not compute in any way. */
  readonly done: number;
  /** How many there are. */
  readonly total: number;
}

/** Options of {@linkcode Device.tune}. */
export interface TuneOptions {
  /** Told of each product that was tried. */
  readonly onProduct?: (product: TunedProduct) => void;
}

/**
 * Checks that something is a tuning, before it is used.
 *
 * @param value What was read.
 * @returns The same.
 * @throws {ArgumentError} If it is none.
 *
 * @example From JSON
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { ArgumentError, checkTuning } from "@cram/tensor";
 *
 * const kept = '{ "version": 1, "adapters": {} }';
 * checkTuning(JSON.parse(kept));
 * assertThrows(() => checkTuning([]), ArgumentError);
 * ```
 */
export function checkTuning(value: unknown): Tuning {
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isRecord(value) || !isRecord(value.adapters)) {
    throw new ArgumentError(
      `Cannot use the tuning: expected an object with version and adapters, found ${
        excerpt(value)
      }`,
    );
  }
  if (value.version !== 1) {
    throw new ArgumentError(
      `Cannot use the tuning: expected version 1, found ${
        excerpt(value.version)
      }`,
    );
  }
  for (const [adapter, ways] of Object.entries(value.adapters)) {
    const areWays = isRecord(ways) &&
      Object.values(ways).every((way) => typeof way === "string");
    if (!areWays) {
      throw new ArgumentError(
        `Cannot use the tuning: expected ways of products as text for adapter "${adapter}", found ${
          excerpt(ways)
        }`,
      );
    }
  }
  return value as unknown as Tuning;
}

/** A value for a message, not all of a large one. */
function excerpt(value: unknown): string {
  return `${JSON.stringify(value)}`.slice(0, 80);
}
