// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Strips of tiles: what ../_strips.ts writes for each thread. Functions that
 * are only declared are imported, from a module of this file's name.
 */

/** Rows of B, 64 bytes each, that most strips are multiplied with. */
export const SLAB_ROWS: i32 = 64;

/** Bytes of such a slab. */
export const SLAB_BYTES: usize = 4096;

/** Where this thread's pointers are, from where its slab is: behind the longest one and a tile. */
export const SLAB_POINTERS: usize = 9664;

/** A in rows, one run of 64 numbers each; see ../_strips.ts for the arguments. */
export declare function rows1x64(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** One run of 32 numbers: 32 rows of B. */
export declare function rows1x32(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** One run of 16 numbers: 16 rows of B. */
export declare function rows1x16(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** Two runs of 32. */
export declare function rows2x32(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** Four runs of 16. */
export declare function rows4x16(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** Three runs of 32: 96 rows of B. */
export declare function rows3x32(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** Nine runs of 16: 144 rows of B. */
export declare function rows9x16(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** Seven runs of 21: 147 rows of B. */
export declare function rows7x21(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** Three runs of 9: 27 rows of B. */
export declare function rows3x9(
  pointers: usize,
  tileStride: usize,
  targets: usize,
  targetOffset: usize,
  base: usize,
  tiles: i32,
): void;

/** A in columns. */
export declare function columns(
  offset: usize,
  target: usize,
  rowStride: usize,
  accumulate: i32,
  tiles: i32,
): void;
