// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Products of matrices in a thread's own room, with a right operand in panels
 * of 16 columns (_pack.ts). They use the first 8 KiB of the thread's scratch.
 */

import { threadScratch, threadSlab } from "./_kernel.ts";
import {
  isNative,
  MOST_SUMMED,
  multiplyColumns,
  multiplyRows,
} from "./_native.ts";
import {
  columns as columnsStrip,
  rows1x16,
  rows1x32,
  rows1x64,
  SLAB_BYTES,
  SLAB_POINTERS,
  SLAB_ROWS,
} from "./_strips.ts";
import {
  columnsTile,
  PANEL_BYTES,
  rowsTile,
  TILE_COLUMNS,
  TILE_ROWS,
} from "./_tile.ts";

/** The rows of B that the next strip takes when so many are left; 0 if none does. */
function stripLength(left: i32): i32 {
  if (left >= 64) return 64;
  if (left >= 32) return 32;
  return left >= 16 ? 16 : 0;
}

/** How many rows a product has at most. */
export const MOST_ROWS: i32 = 512;

/** Where a thread keeps the addresses of the target's rows, 4 bytes each. */
export function productTargets(): usize {
  return threadScratch();
}

/** Where a thread keeps the addresses of A's rows. */
export function productPointers(): usize {
  return threadScratch() + (<usize> MOST_ROWS << 2);
}

/**
 * target = A·B for A [rows, k] in memory rows and packed B. The target has
 * whole tiles: rows a multiple of 4, at most 512, columns a multiple of 16.
 * `zeros` are PANEL_BYTES of them.
 */
export function multiply(
  a: usize,
  aStride: usize,
  rows: i32,
  k: i32,
  b: usize,
  columns: i32,
  target: usize,
  targetStride: usize,
  zeros: usize,
): void {
  const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  for (let row = 0; row < tiles * TILE_ROWS; row++) {
    const at = <usize> row << 2;
    const to = target + <usize> row * targetStride;
    store<u32>(productTargets() + at, <u32> to);
    // A tile that juts out computes the last row again.
    const from = a + <usize> min(row, rows - 1) * aStride;
    store<u32>(productPointers() + at, <u32> from);
  }
  multiplyLocated(tiles, k, b, columns, 0, zeros);
}

/**
 * The same for tiles of rows whose addresses stand where `productPointers` and
 * `productTargets` say; `targetOffset` is added to the targets. If k is a multiple
 * of 16, the pointers end behind what was multiplied.
 */
export function multiplyLocated(
  tiles: i32,
  k: i32,
  b: usize,
  columns: i32,
  targetOffset: usize,
  zeros: usize,
): void {
  const targets = productTargets();
  const pointers = productPointers();
  const rest = pointers + (<usize> MOST_ROWS << 2);
  const panels = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const panelBytes = <usize> k * PANEL_BYTES;
  if (isNative != 0) {
    for (let done = 0; done < k; done += MOST_SUMMED) {
      const length = min(MOST_SUMMED, k - done);
      store<i32>(rest, length);
      multiplyRows(
        pointers,
        0,
        1,
        rest,
        0,
        targets,
        targetOffset,
        tiles * TILE_ROWS,
        b + <usize> done * PANEL_BYTES,
        panelBytes,
        panels * TILE_COLUMNS,
        done == 0 ? zeros : 0,
        0,
      );
      movePointers(tiles, <usize> length << 2);
    }
    return;
  }
  let done = 0;
  while (true) {
    const length = stripLength(k - done);
    if (length == 0) break;
    for (let panel = 0; panel < panels; panel++) {
      const from = b + <usize> panel * panelBytes + <usize> done * PANEL_BYTES;
      memory.copy(threadSlab(), from, <usize> length * PANEL_BYTES);
      const base = done == 0 ? zeros : 0;
      const offset = targetOffset + <usize> panel * PANEL_BYTES;
      if (length == 64) rows1x64(pointers, 16, targets, offset, base, tiles);
      else if (length == 32) {
        rows1x32(pointers, 16, targets, offset, base, tiles);
      } else rows1x16(pointers, 16, targets, offset, base, tiles);
    }
    done += length;
    movePointers(tiles, <usize> length << 2);
  }
  if (done == k) return;
  store<i32>(rest, k - done);
  for (let tile: usize = 0; tile < <usize> tiles; tile++) {
    const t = targets + (tile << 4);
    let panel = b + <usize> done * PANEL_BYTES;
    let at = targetOffset;
    for (let c = 0; c < panels; c++) {
      const t0 = <usize> load<u32>(t) + at;
      const t1 = <usize> load<u32>(t, 4) + at;
      const t2 = <usize> load<u32>(t, 8) + at;
      const t3 = <usize> load<u32>(t, 12) + at;
      rowsTile(
        pointers + (tile << 4),
        rest,
        0,
        1,
        panel,
        done == 0 ? zeros : t0,
        done == 0 ? zeros : t1,
        done == 0 ? zeros : t2,
        done == 0 ? zeros : t3,
        t0,
        t1,
        t2,
        t3,
      );
      panel += panelBytes;
      at += PANEL_BYTES;
    }
  }
}

/** Adds bytes to the addresses of A's rows. */
export function movePointers(tiles: i32, bytes: usize): void {
  const more = i32x4.splat(<u32> bytes);
  let at = productPointers();
  for (let tile = 0; tile < tiles; tile++) {
    v128.store(at, i32x4.add(v128.load(at), more));
    at += 16;
  }
}

/** target += Aᵀ·B for A [k, rows] in memory rows and packed B. */
export function addTransposedProduct(
  a: usize,
  aStride: usize,
  k: i32,
  rows: i32,
  b: usize,
  columns: i32,
  target: usize,
  targetStride: usize,
): void {
  const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const stripped = k / SLAB_ROWS * SLAB_ROWS;
  const pointers = threadScratch();
  for (let i = 0; i < k; i++) {
    store<u32>(pointers + (<usize> i << 2), <u32> (a + <usize> i * aStride));
  }
  if (isNative != 0) {
    multiplyColumns(
      pointers,
      k,
      0,
      target,
      targetStride,
      0,
      0,
      tiles * TILE_ROWS,
      b,
      <usize> k * PANEL_BYTES,
      (columns + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS,
      0,
      0,
    );
    return;
  }
  for (let c = 0; c < columns; c += TILE_COLUMNS) {
    const to = target + (<usize> c << 2);
    for (let done = 0; done < stripped; done += SLAB_ROWS) {
      const slab = threadSlab();
      memory.copy(slab, b + <usize> done * PANEL_BYTES, SLAB_BYTES);
      memory.copy(
        slab + SLAB_POINTERS,
        pointers + (<usize> done << 2),
        <usize> SLAB_ROWS << 2,
      );
      columnsStrip(0, to, targetStride, 1, tiles);
    }
    if (stripped < k) {
      for (let r = 0; r < rows; r += TILE_ROWS) {
        const t0 = to + <usize> r * targetStride;
        const t1 = t0 + targetStride;
        const t2 = t1 + targetStride;
        const t3 = t2 + targetStride;
        columnsTile(
          pointers + (<usize> stripped << 2),
          <usize> r << 2,
          k - stripped,
          b + <usize> stripped * PANEL_BYTES,
          t0,
          t1,
          t2,
          t3,
          t0,
          t1,
          t2,
          t3,
        );
      }
    }
    b += <usize> k * PANEL_BYTES;
  }
}
