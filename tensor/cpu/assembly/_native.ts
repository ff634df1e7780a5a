// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * What is done by machine code where there is any: ../_avx512.ts writes it.
 * Functions that are only declared are imported, from a module of this file's
 * name.
 */

import { threadSlab } from "./_kernel.ts";
import { sumOfLanes } from "./_math.ts";
import { PANEL_BYTES, TILE_COLUMNS } from "./_tile.ts";

/** 1 if there is machine code for this processor, else 0. */
export declare const isNative: i32;

declare function rows(words: usize): void;

declare function columns(words: usize): void;

declare function locate(words: usize): void;

declare function scores(words: usize): void;

declare function decay(words: usize): void;

declare function gelu(words: usize): void;

declare function statistics(words: usize): void;

declare function normalize(words: usize): void;

declare function gradientSums(words: usize): void;

declare function gradient(words: usize): void;

/** Where the words are that they are called with, from where the thread's slab is; see ../_strips.ts. */
const WORDS: usize = 9984;

/** Where `decay` leaves sums, from the first word. */
const SUMS: usize = 64;

/** Numbers whose sums are float32. */
const SUMMED: i32 = 1024;

/**
 * How many products should be summed up at once. A register adds them one after
 * the other, and each time rounds a sum that has become so large.
 */
export const MOST_SUMMED: i32 = 1024;

/** Rows of the largest tile, and columns. */
const MOST_TILE_ROWS: i32 = 12;
const MOST_TILE_COLUMNS: i32 = 32;

/** What both products are called with. */
function storeShared(
  words: usize,
  mostRows: i32,
  rowCount: i32,
  b: usize,
  panelBytes: usize,
  columnCount: i32,
  start: usize,
  startStep: usize,
): void {
  const tiles = (rowCount + mostRows - 1) / mostRows;
  const rest = columnCount % MOST_TILE_COLUMNS;
  store<i32>(words, rowCount);
  // Tiles of about the same height: a low one reads as much of B as a high one.
  store<i32>(words, (rowCount + tiles - 1) / max(1, tiles), 4);
  store<u32>(words, <u32> b, 8);
  store<u32>(words, <u32> panelBytes, 12);
  store<i32>(words, columnCount, 16);
  store<u32>(words, rest == 0 ? <u32> -1 : (<u32> 1 << rest) - 1, 20);
  store<u32>(words, <u32> start, 24);
  store<u32>(words, <u32> startStep, 28);
}

/**
 * target_r = start + Σ_s Σ_k row_{r,s}[k] · b[k] for at least one row and
 * column.
 *
 * `pointers[s][r]` are addresses, `segmentStride` bytes from one s to the next;
 * `lengths[s]` numbers of k, `lengthStride` bytes apart. `targets[r]` are
 * addresses, `targetOffset` is added to them. B lies in panels `[k][16]`,
 * `panelBytes` apart. `start` holds a number for each column, `startStep` bytes
 * from 16 to the next 16 (0 if all are zeros), or is 0 to add to the targets.
 * Meanwhile 32 columns of `nextRows` rows of another matrix are brought near:
 * from `nextB` on, `nextStride` bytes apart.
 */
export function multiplyRows(
  pointers: usize,
  segmentStride: usize,
  segments: i32,
  lengths: usize,
  lengthStride: usize,
  targets: usize,
  targetOffset: usize,
  rowCount: i32,
  b: usize,
  panelBytes: usize,
  columnCount: i32,
  start: usize,
  startStep: usize,
  nextB: usize = 0,
  nextStride: usize = 0,
  nextRows: i32 = 0,
): void {
  const words = threadSlab() + WORDS;
  const tiles = (rowCount + MOST_TILE_ROWS - 1) / MOST_TILE_ROWS;
  store<u32>(words, <u32> pointers);
  store<u32>(words, <u32> segmentStride, 4);
  store<i32>(words, segments, 8);
  store<u32>(words, <u32> lengths, 12);
  store<u32>(words, <u32> lengthStride, 16);
  store<u32>(words, <u32> targets, 20);
  store<u32>(words, <u32> targetOffset, 24);
  store<u32>(words, <u32> nextB, 28);
  store<u32>(words, <u32> nextStride, 32);
  store<i32>(words, (nextRows + tiles - 1) / tiles, 36);
  storeShared(
    words + 40,
    MOST_TILE_ROWS,
    rowCount,
    b,
    panelBytes,
    columnCount,
    start,
    startStep,
  );
  rows(words);
}

/**
 * target_r = start + Σ_k column_k[r] · b[k] for at least one row and column,
 * where column_k starts at `pointers[k] + offset` and rows of the target are
 * `rowStride` bytes apart; all else as above. `nextA` and `nextB` are where a
 * later product reads, or 0.
 */
export function multiplyColumns(
  pointers: usize,
  length: i32,
  offset: usize,
  target: usize,
  rowStride: usize,
  nextA: usize,
  nextB: usize,
  rowCount: i32,
  b: usize,
  panelBytes: usize,
  columnCount: i32,
  start: usize,
  startStep: usize,
): void {
  const words = threadSlab() + WORDS;
  store<u32>(words, <u32> pointers);
  store<i32>(words, length, 4);
  store<u32>(words, <u32> offset, 8);
  store<u32>(words, <u32> target, 12);
  store<u32>(words, <u32> rowStride, 16);
  store<u32>(words, <u32> (nextA == 0 ? b : nextA), 20);
  store<u32>(words, <u32> (nextB == 0 ? b : nextB), 24);
  storeShared(
    words + 28,
    columnCount <= TILE_COLUMNS ? 2 * MOST_TILE_ROWS : MOST_TILE_ROWS,
    rowCount,
    b,
    panelBytes,
    columnCount,
    start,
    startStep,
  );
  columns(words);
}

/**
 * Writes where the pixels are that segments multiply, `[segment][pixel]`,
 * `segmentStride` bytes from one segment to the next; the last 16 pixels of a
 * segment are filled up with anything. `starts` are the lists that `startPixels`
 * writes; `origin` is the first image, `width` pixels wide.
 */
export function locatePixels(
  starts: usize,
  listBytes: usize,
  count: i32,
  segments: usize,
  segmentCount: i32,
  origin: usize,
  height: i32,
  width: i32,
  pixel: i32,
  zeros: usize,
  pointers: usize,
  segmentStride: usize,
): void {
  const words = threadSlab() + WORDS;
  store<u32>(words, <u32> starts);
  store<u32>(words, <u32> listBytes, 4);
  store<i32>(words, count, 8);
  store<u32>(words, <u32> segments, 12);
  store<i32>(words, segmentCount, 16);
  store<i32>(words, height, 20);
  store<i32>(words, width, 24);
  store<i32>(words, width * pixel << 2, 28);
  store<i32>(words, pixel << 2, 32);
  store<u32>(words, <u32> origin, 36);
  store<u32>(words, <u32> zeros, 40);
  store<u32>(words, <u32> pointers, 44);
  store<u32>(words, <u32> segmentStride, 48);
  locate(words);
}

/**
 * s = scores·scale + mask, where rows of the mask are `maskStride` bytes apart
 * and 0 stands for none; scores = e^(s - shift), where `shifts` has a number for
 * each row, or is 0 for the row's largest s (a finite number if all are -∞).
 * Leaves the shifts in `maxima` and the rows' sums in `sums`.
 */
export function exponentiateRows(
  first: usize,
  stride: usize,
  rowCount: i32,
  keys: i32,
  scale: f32,
  mask: usize,
  maskStride: usize,
  shifts: usize,
  maxima: usize,
  sums: usize,
): void {
  const words = threadSlab() + WORDS;
  store<u32>(words, <u32> first);
  store<u32>(words, <u32> stride, 4);
  store<i32>(words, rowCount, 8);
  store<i32>(words, keys, 12);
  store<f32>(words, scale, 16);
  store<u32>(words, <u32> mask, 20);
  store<u32>(words, <u32> maskStride, 24);
  store<u32>(words, <u32> shifts, 28);
  store<u32>(words, <u32> maxima, 32);
  store<u32>(words, <u32> sums, 36);
  scores(words);
}

/** to = e^(from - shift) for numbers that are not above `shift`; returns their sum. */
export function decays(from: usize, to: usize, count: i32, shift: f32): f64 {
  const words = threadSlab() + WORDS;
  store<f32>(words, shift, 12);
  store<i32>(words, 1, 16);
  let total: f64 = 0;
  for (; count > 0; count -= SUMMED) {
    store<u32>(words, <u32> from);
    store<u32>(words, <u32> to, 4);
    store<i32>(words, min(count, SUMMED), 8);
    decay(words);
    const low = f32x4.add(
      v128.load(words, SUMS),
      v128.load(words, SUMS + 16),
    );
    const high = f32x4.add(
      v128.load(words, SUMS + 32),
      v128.load(words, SUMS + 48),
    );
    total += sumOfLanes(f32x4.add(low, high));
    from += <usize> SUMMED << 2;
    to += <usize> SUMMED << 2;
  }
  return total;
}

/** x·Φ(x) of rows of numbers that are `stride` bytes apart, in place. */
export function gelus(
  x: usize,
  rowCount: i32,
  count: i32,
  stride: usize,
): void {
  const words = threadSlab() + WORDS;
  store<u32>(words, <u32> x);
  store<u32>(words, <u32> x, 4);
  store<i32>(words, count, 8);
  store<i32>(words, rowCount, 16);
  store<u32>(words, <u32> stride, 20);
  gelu(words);
}

/** What the functions of batch normalization are called with; see ../_avx512_batch_norm.ts. */
function storeRows(
  rows: i32,
  columnCount: i32,
  rowBytes: usize,
  variant: i32,
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  p4: usize,
  p5: usize,
): usize {
  const words = threadSlab() + WORDS;
  store<i32>(words, rows);
  store<i32>(words, columnCount, 4);
  store<u32>(words, <u32> rowBytes, 8);
  store<i32>(words, variant, 12);
  store<u32>(words, <u32> p0, 16);
  store<u32>(words, <u32> p1, 20);
  store<u32>(words, <u32> p2, 24);
  store<u32>(words, <u32> p3, 28);
  store<u32>(words, <u32> p4, 32);
  store<u32>(words, <u32> p5, 36);
  return words;
}

/** sums += x - shift of some rows, and 4096 bytes behind them += its square. */
export function addStatistics(
  rows: i32,
  columnCount: i32,
  rowBytes: usize,
  x: usize,
  shift: usize,
  sums: usize,
): void {
  statistics(
    storeRows(rows, columnCount, rowBytes, 0, x, shift, sums, 0, 0, 0),
  );
}

/** out = (x - c0)·c1 + c2, plus residual if it is not 0, then ReLU if `relu`. */
export function normalizeNative(
  rows: i32,
  columnCount: i32,
  x: usize,
  out: usize,
  residual: usize,
  constants: usize,
  relu: bool,
): void {
  normalize(
    storeRows(
      rows,
      columnCount,
      <usize> columnCount << 2,
      (residual != 0 ? 1 : 0) | (relu ? 2 : 0),
      x,
      out,
      residual,
      constants,
      0,
      0,
    ),
  );
}

/** sums += g, and 4096 bytes behind them += g·(x - mean), where g is dy, only where y > 0 if y is not 0; dResidual = g if it is not 0. */
export function addGradientSums(
  rows: i32,
  columnCount: i32,
  rowBytes: usize,
  x: usize,
  dy: usize,
  y: usize,
  dResidual: usize,
  mean: usize,
  sums: usize,
): void {
  gradientSums(
    storeRows(
      rows,
      columnCount,
      rowBytes,
      (y != 0 ? 1 : 0) | (dResidual != 0 ? 2 : 0),
      x,
      dy,
      y,
      dResidual,
      mean,
      sums,
    ),
  );
}

/** dx = c0·g + c1·(x - mean) + c2, where g is dy, only where y > 0 if y is not 0. */
export function gradientNative(
  rows: i32,
  columnCount: i32,
  x: usize,
  dy: usize,
  y: usize,
  dx: usize,
  mean: usize,
  constants: usize,
): void {
  gradient(
    storeRows(
      rows,
      columnCount,
      <usize> columnCount << 2,
      y != 0 ? 1 : 0,
      x,
      dy,
      y,
      dx,
      mean,
      constants,
    ),
  );
}
