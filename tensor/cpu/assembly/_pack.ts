// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/* Bringing matrices into panels of 16 columns, `[k][16]`, filled up with zeros. */

import { copyWords } from "./_copy.ts";
import { PANEL_BYTES, TILE_COLUMNS } from "./_tile.ts";

/**
 * A matrix of rows that are `stride` bytes apart, into panels that are
 * `panelBytes` apart: row by row, so that memory is read as it lies.
 */
export function packMatrix(
  from: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  to: usize,
  panelBytes: usize,
): void {
  const whole = columns & -TILE_COLUMNS;
  const rest = columns - whole;
  for (let row = 0; row < rows; row++) {
    let x = from;
    let panel = to;
    for (let c = 0; c < whole; c += TILE_COLUMNS) {
      const x0 = v128.load(x);
      const x1 = v128.load(x, 16);
      const x2 = v128.load(x, 32);
      const x3 = v128.load(x, 48);
      v128.store(panel, x0);
      v128.store(panel, x1, 16);
      v128.store(panel, x2, 32);
      v128.store(panel, x3, 48);
      x += PANEL_BYTES;
      panel += panelBytes;
    }
    if (rest > 0) {
      memory.fill(panel, 0, PANEL_BYTES);
      copyWords(x, panel, rest);
    }
    from += stride;
    to += PANEL_BYTES;
  }
}

/** Rows of up to 16 numbers that are `stride` bytes apart. */
export function packColumns(
  from: usize,
  stride: usize,
  length: i32,
  width: i32,
  to: usize,
): void {
  if (width < TILE_COLUMNS) memory.fill(to, 0, <usize> length * PANEL_BYTES);
  transposeBlock(from, stride, width, length, to, PANEL_BYTES);
}

/** target[c][r] = source[r][c] for floats; strides are bytes from row to row. */
export function transposeBlock(
  source: usize,
  sourceStride: usize,
  rows: i32,
  columns: i32,
  target: usize,
  targetStride: usize,
): void {
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    let from = source + <usize> r * sourceStride;
    let to = target + (<usize> r << 2);
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const x0 = v128.load(from);
      const x1 = v128.load(from + sourceStride);
      const x2 = v128.load(from + 2 * sourceStride);
      const x3 = v128.load(from + 3 * sourceStride);
      const y0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
      const y1 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
      const y2 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
      const y3 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f32>(y0, y1, 0, 1, 4, 5));
      v128.store(to + targetStride, v128.shuffle<f32>(y0, y1, 2, 3, 6, 7));
      v128.store(to + 2 * targetStride, v128.shuffle<f32>(y2, y3, 0, 1, 4, 5));
      v128.store(to + 3 * targetStride, v128.shuffle<f32>(y2, y3, 2, 3, 6, 7));
      from += 16;
      to += 4 * targetStride;
    }
    for (; c < columns; c++) {
      for (let i = 0; i < 4; i++) {
        store<f32>(
          to + (<usize> i << 2),
          load<f32>(from + <usize> i * sourceStride),
        );
      }
      from += 4;
      to += targetStride;
    }
  }
  for (; r < rows; r++) {
    let from = source + <usize> r * sourceStride;
    let to = target + (<usize> r << 2);
    for (let c = 0; c < columns; c++) {
      store<f32>(to, load<f32>(from));
      from += 4;
      to += targetStride;
    }
  }
}
