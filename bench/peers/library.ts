/**
 * What a library of the comparison is.
 *
 * @module
 */

import type { Work } from "../works.ts";

/** A library at one work. */
export interface Prepared {
  /** What was chosen for it, such as a memory layout, where there is a choice. */
  readonly variant?: string;
  /**
   * Runs the work for its results, and warms up: of operations their outputs in
   * the order of axes of this project, thinned out by {@linkcode thinOut}; of
   * training steps the losses of the first {@linkcode CHECKED_STEPS}.
   */
  outputs(): Promise<number[][]>;
  /** Runs the work some times, waits until all is done, and returns the milliseconds of one. */
  time(calls: number): Promise<number>;
  /** The most bytes that the library's process has taken so far, where it is told. */
  peakBytes?(): Promise<number>;
  /** Frees what the work took. */
  dispose(): void | Promise<void>;
}

/** What is told about a library. */
export interface LibraryInfo {
  readonly name: string;
  readonly version: string;
  /** How many threads it computes with; 0 where it computes on a GPU. */
  readonly threads: number;
  /** The GPU, where it computes on one. */
  readonly adapter?: string;
}

/** A library that can be timed. */
export interface Library {
  readonly info: LibraryInfo;
  /** Makes a work's inputs. Throws if the library cannot do the work. */
  prepare(work: Work): Promise<Prepared>;
  close(): Promise<void>;
}

/** Where a library computes. */
export interface LibraryOptions {
  readonly device: "cpu" | "webgpu";
  readonly threads: number;
}

/** How many losses of a training step are compared. */
export const CHECKED_STEPS = 2;

const MOST_VALUES = 2048;

/** At most 2,048 of some values, evenly from the first on. */
export function thinOut(values: ArrayLike<number>): number[] {
  const count = Math.min(MOST_VALUES, values.length);
  return Array.from(
    { length: count },
    (_, i) => values[Math.floor(i * values.length / count)],
  );
}
