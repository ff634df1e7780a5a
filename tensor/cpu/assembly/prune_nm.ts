// @ts-nocheck: AssemblyScript, compiled by ../build.ts

import { address, int, slice, threadScratch } from "./_kernel.ts";
import { Four, loadLanes, One, storeLanes } from "./_lanes.ts";
import { magnitudeKeys } from "./_magnitude.ts";

/** Columns that are worked on one after the other: a cache line. */
const BLOCK_COLUMNS = 16;

/*
 * The thread's room holds three tables with an entry of 16 bytes for each of
 * the m weights of a group: where it is, its keys (of four groups side by
 * side, or of one), and how many of its group are larger.
 */
const ENTRY_SHIFT: usize = 4;

function entries(m: i32): usize {
  return <usize> m << ENTRY_SHIFT;
}

/** Prunes the group, or the four neighbouring groups, that the first table tells. */
function pruneGroup<W>(
  x: usize,
  mask: usize,
  count: i32,
  n: i32,
  tables: usize,
  tableBytes: usize,
): void {
  const keys = tables + tableBytes;
  const larger = keys + tableBytes;
  const bytes = entries(count);
  for (let i: usize = 0; i < bytes; i += 16) {
    const w = loadLanes<W>(x + load<usize>(tables + i));
    v128.store(keys + i, magnitudeKeys(w));
    v128.store(larger + i, i32x4.splat(0));
  }
  // Comparisons are 0 or -1. Of equals the later one counts as larger.
  for (let i: usize = 0; i < bytes; i += 16) {
    const key = v128.load(keys + i);
    let ahead = v128.load(larger + i);
    for (let j = i + 16; j < bytes; j += 16) {
      const isLarger = i32x4.gt_s(key, v128.load(keys + j));
      ahead = i32x4.add(ahead, i32x4.add(isLarger, i32x4.splat(1)));
      v128.store(larger + j, i32x4.sub(v128.load(larger + j), isLarger));
    }
    v128.store(larger + i, ahead);
  }
  for (let i: usize = 0; i < bytes; i += 16) {
    const at = load<usize>(tables + i);
    const isKept = i32x4.lt_s(v128.load(larger + i), i32x4.splat(n));
    const w = loadLanes<W>(x + at);
    storeLanes<W>(x + at, v128.and(w, isKept));
    storeLanes<W>(mask + at, v128.and(isKept, i32x4.splat(1)));
  }
}

/**
 * (x, mask, rows, columns, n, m), where rows is a multiple of m: groups of
 * neighbouring columns are neighbours in memory.
 */
export function pruneNMWhole(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 2);
  const columns = int(params, 3);
  const n = int(params, 4);
  const m = int(params, 5);
  const rowBytes = <usize> columns << 2;
  const tables = threadScratch();
  const tableBytes = entries(m);
  for (let i = 0; i < m; i++) {
    store<usize>(tables + entries(i), <usize> i * rowBytes);
  }
  const blocks = (columns + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
  const units = rows / m * blocks;
  const end = slice(units, part + 1, parts);
  for (let unit = slice(units, part, parts); unit < end; unit++) {
    const row = unit / blocks * m;
    let column = unit % blocks * BLOCK_COLUMNS;
    const last = min(column + BLOCK_COLUMNS, columns);
    const offset = <usize> row * rowBytes + (<usize> column << 2);
    let x = address(params, 0) + offset;
    let mask = address(params, 1) + offset;
    for (; column + 4 <= last; column += 4) {
      pruneGroup<Four>(x, mask, m, n, tables, tableBytes);
      x += 16;
      mask += 16;
    }
    for (; column < last; column++) {
      pruneGroup<One>(x, mask, m, n, tables, tableBytes);
      x += 4;
      mask += 4;
    }
  }
}

/**
 * As `pruneNMWhole` for any number of rows: groups go on in the next column.
 * They are taken row by row all the same, each by the column it starts in.
 */
export function pruneNMStraddling(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const x = address(params, 0);
  const mask = address(params, 1);
  const rows = int(params, 2);
  const columns = int(params, 3);
  const n = int(params, 4);
  const m = int(params, 5);
  const tables = threadScratch();
  const tableBytes = entries(m);
  const blocks = (columns + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
  const units = ((rows - 1) / m + 1) * blocks;
  const end = slice(units, part + 1, parts);
  for (let unit = slice(units, part, parts); unit < end; unit++) {
    const first = unit % blocks * BLOCK_COLUMNS;
    const last = min(first + BLOCK_COLUMNS, columns);
    for (let start = first; start < last; start++) {
      // The column goes on with the group that the one before it began.
      const begun = start * rows % m;
      let row = (begun == 0 ? 0 : m - begun) + unit / blocks * m;
      if (row >= rows) continue;
      let column = start;
      const count = min(m, rows * columns - (column * rows + row));
      for (let i = 0; i < count; i++) {
        const at = row * columns + column;
        store<usize>(tables + entries(i), <usize> at << 2);
        if (++row == rows) {
          row = 0;
          column++;
        }
      }
      pruneGroup<One>(x, mask, count, n, tables, tableBytes);
    }
  }
}
