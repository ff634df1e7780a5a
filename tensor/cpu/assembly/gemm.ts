// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Products whose left operand lies in rows: matrix products, convolutions,
 * and gradients of convolutions' inputs.
 *
 * Row r of A is not copied anywhere. It is a list of segments, runs of
 * consecutive numbers: one for a matrix, one for each weight position of a
 * convolution, where a position outside of the image points to zeros. B is
 * packed into panels of 16 columns first (`packPanels`).
 *
 * The segments are a table of 5 int32 each:
 *   row, column  of the input pixel, relative to the output pixel's
 *   source       the first number, counted from the pixel's first
 *   length       how many numbers
 *   weights      where the first row of B is, in elements
 */

import { activate, GELU } from "./_activate.ts";
import { address, int, slice, threadScratch, threadSlab } from "./_kernel.ts";
import {
  gelus,
  isNative,
  locatePixels,
  MOST_SUMMED,
  multiplyRows,
} from "./_native.ts";
import {
  rows1x64,
  rows2x32,
  rows3x32,
  rows3x9,
  rows4x16,
  rows7x21,
  rows9x16,
  SLAB_BYTES,
  SLAB_ROWS,
} from "./_strips.ts";
import { PANEL_BYTES, rowsTile, TILE_COLUMNS, TILE_ROWS } from "./_tile.ts";
import { copyWords } from "./_copy.ts";
import { packColumns, packMatrix } from "./_pack.ts";
import { startPixels } from "./_pixels.ts";

const SEGMENT_BYTES: usize = 20;

/**
 * (source, packed, segments, segment count, k, columns, row stride, column
 * stride, groups, source group stride, packed group stride): copies B into
 * panels `[columns / 16][k][16]`, filled up with zeros. Strides in elements;
 * one of row stride and column stride is 1.
 */
export function packPanels(params: usize, part: i32, parts: i32): void {
  const source = address(params, 0);
  const packed = address(params, 1);
  const segments = address(params, 2);
  const segmentCount = int(params, 3);
  const k = int(params, 4);
  const columns = int(params, 5);
  const rowStride = int(params, 6);
  const columnStride = int(params, 7);
  const groups = int(params, 8);
  const sourceGroupStride = int(params, 9);
  const packedGroupStride = int(params, 10);
  const panels = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  // Segment by segment where rows of B are rows in memory: then they are read
  // as they lie there, while the panels in the cache are filled.
  const items = columnStride == 1 ? segmentCount : panels;
  const end = slice(groups * items, part + 1, parts);
  for (let item = slice(groups * items, part, parts); item < end; item++) {
    const group = item / items;
    const from = source + (<usize> (group * sourceGroupStride) << 2);
    const to = packed + (<usize> (group * packedGroupStride) << 2);
    const at = item % items;
    if (columnStride == 1) {
      packSegment(from, to, segments, at, k, columns, <usize> rowStride << 2);
    } else {
      packPanel(
        from,
        to,
        segments,
        segmentCount,
        at,
        k,
        columns,
        <usize> columnStride << 2,
      );
    }
  }
}

/** The rows of one segment, for all panels. */
function packSegment(
  from: usize,
  to: usize,
  segments: usize,
  index: i32,
  k: i32,
  columns: i32,
  stride: usize,
): void {
  let depth = 0;
  for (let s = 0; s < index; s++) {
    depth += load<i32>(segments + <usize> s * SEGMENT_BYTES, 12);
  }
  const segment = segments + <usize> index * SEGMENT_BYTES;
  const length = load<i32>(segment, 12);
  from += <usize> load<i32>(segment, 16) << 2;
  to += <usize> depth * PANEL_BYTES;
  packMatrix(from, stride, length, columns, to, <usize> k * PANEL_BYTES);
}

/** One panel of a transposed B. */
function packPanel(
  from: usize,
  to: usize,
  segments: usize,
  segmentCount: i32,
  panel: i32,
  k: i32,
  columns: i32,
  stride: usize,
): void {
  const width = min(TILE_COLUMNS, columns - panel * TILE_COLUMNS);
  from += <usize> (panel * TILE_COLUMNS) * stride;
  to += <usize> panel * <usize> k * PANEL_BYTES;
  for (let s = 0; s < segmentCount; s++) {
    const segment = segments + <usize> s * SEGMENT_BYTES;
    const length = load<i32>(segment, 12);
    const first = from + (<usize> load<i32>(segment, 16) << 2);
    packColumns(first, stride, length, width, to);
    to += <usize> length * PANEL_BYTES;
  }
}

/**
 * The arguments, in order:
 *
 *  0 a              1 packed B        2 bias            3 out
 *  4 segments       5 zeros (as many as the longest segment)
 *  6 preActivation  7 activation, see _activate.ts
 *  8 segment count  9 k              10 columns
 * 11 images        12 grid height    13 grid width, of output pixels
 * 14 input height  15 input width    16 elements of an input pixel
 * 17 input rows and 18 columns from one output pixel to the next
 * 19, 20, 21 elements of `out` from one image, row, column to the next
 * 22 groups        23 a, 24 packed, 25 out, 26 bias: elements from group to group
 * 27 block rows: a part takes so many rows of the result at once
 * 28 column blocks: into how many the panels are split
 * 29 64, 32, 16, 21 or 9 if strips are made of segments of that length, else 0
 * 30 how many segments have it, before the first that has not
 *
 * `preActivation` is laid out like `out`.
 */
export function gemm(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 11) * int(params, 12) * int(params, 13);
  const blockRows = int(params, 27);
  const rowBlocks = (rows + blockRows - 1) / blockRows;
  const columnBlocks = int(params, 28);
  const blocks = int(params, 22) * columnBlocks * rowBlocks;
  const end = slice(blocks, part + 1, parts);
  for (let block = slice(blocks, part, parts); block < end; block++) {
    const firstRow = block % rowBlocks * blockRows;
    multiplyBlock(
      params,
      block / (rowBlocks * columnBlocks),
      block / rowBlocks % columnBlocks,
      firstRow,
      min(rows, firstRow + blockRows),
    );
  }
}

/** The product of some rows and some panels. */
function multiplyBlock(
  params: usize,
  group: i32,
  columnBlock: i32,
  firstRow: i32,
  blockEnd: i32,
): void {
  const k = int(params, 9);
  const columns = int(params, 10);
  const columnBlocks = int(params, 28);
  const panels = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const unit = int(params, 29);
  const wholeTiles = (blockEnd - firstRow) / TILE_ROWS;
  const firstPanel = slice(panels, columnBlock, columnBlocks);
  const panelsEnd = slice(panels, columnBlock + 1, columnBlocks);

  const packed = address(params, 1) +
    (<usize> (group * int(params, 24)) << 2);
  const segments = address(params, 4);
  const segmentCount = int(params, 8);
  const outOffset = group * int(params, 25);

  // This thread's room: where rows of the result are, then addresses of
  // segments, lists of pixels, and a tile that juts out of the result.
  const targets = threadScratch();
  const pointers = targets + POINTERS_OFFSET;
  const edge = targets + TILE_OFFSET;
  locateRows(params, firstRow, blockEnd, outOffset, targets);

  const bias = address(params, 2);
  const biasOffset = <usize> (group * int(params, 26)) << 2;
  const longest = isNative != 0 ? MOST_SUMMED : 2048;
  let depth = 0; // rows of B that earlier segments took
  let first = 0;
  do {
    // A slice of segments that is short enough for a panel to stay in L2, and
    // for sums in one register.
    let next = first;
    let length = 0;
    while (next < segmentCount) {
      const more = load<i32>(segments + <usize> next * SEGMENT_BYTES, 12);
      if (next > first && length + more > longest) break;
      length += more;
      next++;
    }
    const table = segments + <usize> first * SEGMENT_BYTES;
    const count = next - first;
    const accumulate = first > 0;
    if (isNative != 0) {
      const column = firstPanel * TILE_COLUMNS;
      const initial = bias == 0
        ? address(params, 5)
        : bias + biasOffset + (<usize> column << 2);
      multiplyNative(
        params,
        group,
        firstRow,
        blockEnd,
        table,
        count,
        column,
        min(columns, panelsEnd * TILE_COLUMNS) - column,
        packed + (<usize> firstPanel * <usize> k + depth) * PANEL_BYTES,
        <usize> k * PANEL_BYTES,
        accumulate ? 0 : initial,
      );
      depth += length;
      first = next;
      continue;
    }
    locateSegments(
      params,
      firstRow,
      blockEnd,
      group,
      table,
      count,
      pointers,
    );
    for (let panel = firstPanel; panel < panelsEnd; panel++) {
      const column = panel * TILE_COLUMNS;
      const width = min(TILE_COLUMNS, columns - column);
      const columnBytes = <usize> column << 2;
      const b = packed + (<usize> panel * <usize> k + depth) * PANEL_BYTES;
      const start = bias == 0
        ? address(params, 5)
        : bias + biasOffset + columnBytes;
      // Strips take what is whole: tiles, panels and slabs.
      const stripped = unit > 0 && width == TILE_COLUMNS && wholeTiles > 0
        ? multiplyStrips(
          b,
          pointers,
          count,
          min(count, int(params, 30) - first),
          unit,
          targets,
          columnBytes,
          accumulate ? 0 : start,
          wholeTiles,
        )
        : 0;
      let tilePointers = pointers;
      let tileTargets = targets;
      for (let row = firstRow; row < blockEnd; row += TILE_ROWS) {
        const height = min(TILE_ROWS, blockEnd - row);
        let t0 = <usize> load<u32>(tileTargets) + columnBytes;
        let t1 = <usize> load<u32>(tileTargets, 4) + columnBytes;
        let t2 = <usize> load<u32>(tileTargets, 8) + columnBytes;
        let t3 = <usize> load<u32>(tileTargets, 12) + columnBytes;
        const whole = height == TILE_ROWS && width == TILE_COLUMNS;
        const behind = whole ? stripped : 0;
        if (behind > 0 && behind == count) {
          tilePointers += <usize> count << 4;
          tileTargets += 16;
          continue;
        }
        if (!whole) {
          t0 = edge;
          t1 = edge + PANEL_BYTES;
          t2 = edge + 2 * PANEL_BYTES;
          t3 = edge + 3 * PANEL_BYTES;
          for (let i = 0; i < height; i++) {
            copyWords(
              accumulate
                ? <usize> load<u32>(tileTargets + (<usize> i << 2)) +
                  columnBytes
                : start,
              edge + <usize> i * PANEL_BYTES,
              width,
            );
          }
        }
        const inPlace = accumulate || !whole || behind > 0;
        rowsTile(
          tilePointers + (<usize> behind << 4),
          table + <usize> behind * SEGMENT_BYTES + 12,
          SEGMENT_BYTES,
          count - behind,
          b + <usize> (behind * unit) * PANEL_BYTES,
          inPlace ? t0 : start,
          inPlace ? t1 : start,
          inPlace ? t2 : start,
          inPlace ? t3 : start,
          t0,
          t1,
          t2,
          t3,
        );
        if (!whole) {
          for (let i = 0; i < height; i++) {
            copyWords(
              edge + <usize> i * PANEL_BYTES,
              <usize> load<u32>(tileTargets + (<usize> i << 2)) + columnBytes,
              width,
            );
          }
        }
        tilePointers += <usize> count << 4;
        tileTargets += 16;
      }
    }
    depth += length;
    first = next;
  } while (first < segmentCount);

  finishRows(params, blockEnd - firstRow, firstPanel, panelsEnd);
}

/** The product of some rows with some segments and columns, whose panels are `panelBytes` apart; what is next is brought near. */
function multiplyNative(
  params: usize,
  group: i32,
  firstRow: i32,
  end: i32,
  table: usize,
  count: i32,
  column: i32,
  columnCount: i32,
  b: usize,
  panelBytes: usize,
  start: usize,
  nextB: usize = 0,
  nextStride: usize = 0,
  nextRows: i32 = 0,
): void {
  const targets = threadScratch();
  const pointers = targets + POINTERS_OFFSET;
  const starts = targets + STARTS_OFFSET;
  const rows = end - firstRow;
  const stride = <usize> (rows + 15 & -16) << 2;
  startPixels(
    firstRow,
    rows,
    int(params, 12),
    int(params, 13),
    int(params, 14),
    int(params, 15),
    int(params, 16),
    int(params, 17),
    int(params, 18),
    starts,
    LIST_BYTES,
  );
  locatePixels(
    starts,
    LIST_BYTES,
    rows,
    table,
    count,
    address(params, 0) + (<usize> (group * int(params, 23)) << 2),
    int(params, 14),
    int(params, 15),
    int(params, 16),
    address(params, 5),
    pointers,
    stride,
  );
  multiplyRows(
    pointers,
    stride,
    count,
    table + 12,
    SEGMENT_BYTES,
    targets,
    <usize> column << 2,
    rows,
    b,
    panelBytes,
    columnCount,
    start,
    address(params, 2) == 0 ? 0 : PANEL_BYTES,
    nextB,
    nextStride,
    nextRows,
  );
}

/** Keeps the sums of some panels of located rows, and applies the activation. */
function finishRows(
  params: usize,
  rows: i32,
  firstPanel: i32,
  panelsEnd: i32,
): void {
  const activation = int(params, 7);
  const preActivation = address(params, 6);
  if (activation == 0 && preActivation == 0) return;
  const targets = threadScratch();
  const column = firstPanel * TILE_COLUMNS;
  const count = min(int(params, 10), panelsEnd * TILE_COLUMNS) - column;
  const shift = preActivation - address(params, 3);
  if (isNative != 0 && activation == GELU && isDense(params)) {
    const first = <usize> load<u32>(targets) + (<usize> column << 2);
    const stride = <usize> int(params, 21) << 2;
    if (preActivation != 0) {
      for (let row: usize = 0; row < <usize> rows; row++) {
        const sums = first + row * stride;
        memory.copy(sums + shift, sums, <usize> count << 2);
      }
    }
    gelus(first, rows, count, stride);
    return;
  }
  for (let row: usize = 0; row < <usize> rows; row++) {
    const sums = <usize> load<u32>(targets + (row << 2)) +
      (<usize> column << 2);
    const copy = preActivation == 0 ? <usize> 0 : sums + shift;
    activate(activation, sums, copy, count, targets + TILE_OFFSET);
  }
}

/** Segments that are multiplied at once: A stays in L2 for several panels. */
const MOST_SEGMENTS: i32 = MOST_SUMMED / SLAB_ROWS;

/** Where a thread has room for two panels of so many segments. */
const PACKED_OFFSET: usize = 524288;

/** Where a thread has room for a row that nobody reads. */
const UNREAD_ROW: usize = 786432;

/**
 * The same product for at most 512 rows and one group, where B is read so
 * rarely that packing it takes longer than it saves: argument 1 is B itself,
 * and 28 the elements of its rows. Segments have 64 numbers, columns fill
 * panels; parts take panels.
 */
export function gemmUnpacked(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 11) * int(params, 12) * int(params, 13);
  const panels = int(params, 10) / TILE_COLUMNS;
  const firstPanel = slice(panels, part, parts);
  const panelsEnd = slice(panels, part + 1, parts);
  const segments = address(params, 4);
  const segmentCount = int(params, 8);
  const stride = <usize> int(params, 28) << 2;
  const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const targets = threadScratch();
  const pointers = targets + POINTERS_OFFSET;
  locateRows(params, 0, rows, 0, targets);
  for (let row = rows; row < tiles * TILE_ROWS; row++) {
    const unread = <u32> (threadScratch() + UNREAD_ROW);
    store<u32>(targets + (<usize> row << 2), unread);
  }
  for (let first = 0; first < segmentCount; first += MOST_SEGMENTS) {
    const count = min(MOST_SEGMENTS, segmentCount - first);
    const table = segments + <usize> first * SEGMENT_BYTES;
    if (isNative != 0) {
      multiplyUnpacked(
        params,
        rows,
        table,
        count,
        first,
        firstPanel,
        panelsEnd,
      );
      continue;
    }
    locateSegments(
      params,
      0,
      rows,
      0,
      table,
      count,
      pointers,
    );
    for (let s = 0; s < count; s++) {
      const weights = load<i32>(table + <usize> s * SEGMENT_BYTES, 16);
      for (let panel = firstPanel; panel < panelsEnd; panel++) {
        const column = panel * TILE_COLUMNS;
        const columnBytes = <usize> column << 2;
        packMatrix(
          address(params, 1) + (<usize> (weights + column) << 2),
          stride,
          SLAB_ROWS,
          TILE_COLUMNS,
          threadSlab(),
          0,
        );
        let base: usize = 0;
        if (first + s == 0) {
          base = address(params, 2) == 0
            ? address(params, 5)
            : address(params, 2) + columnBytes;
        }
        rows1x64(
          pointers + (<usize> s << 4),
          <usize> count << 4,
          targets,
          columnBytes,
          base,
          tiles,
        );
      }
    }
  }
  finishRows(params, rows, firstPanel, panelsEnd);
}

/** The same for some segments: packs two panels of their rows of B at a time. */
function multiplyUnpacked(
  params: usize,
  rows: i32,
  table: usize,
  count: i32,
  first: i32,
  firstPanel: i32,
  panelsEnd: i32,
): void {
  const packed = threadScratch() + PACKED_OFFSET;
  const panelBytes = <usize> (count * SLAB_ROWS) * PANEL_BYTES;
  const stride = <usize> int(params, 28) << 2;
  for (let panel = firstPanel; panel < panelsEnd; panel += 2) {
    const end = min(panelsEnd, panel + 2);
    const column = panel * TILE_COLUMNS;
    for (let s = 0; s < count; s++) {
      const weights = load<i32>(table + <usize> s * SEGMENT_BYTES, 16);
      packMatrix(
        address(params, 1) + (<usize> (weights + column) << 2),
        stride,
        SLAB_ROWS,
        (end - panel) * TILE_COLUMNS,
        packed + <usize> s * SLAB_BYTES,
        panelBytes,
      );
    }
    const bias = address(params, 2);
    let start: usize = 0;
    if (first == 0) {
      start = bias == 0 ? address(params, 5) : bias + (<usize> column << 2);
    }
    multiplyNative(
      params,
      0,
      0,
      rows,
      table,
      count,
      column,
      (end - panel) * TILE_COLUMNS,
      packed,
      panelBytes,
      start,
      address(params, 1) + (<usize> (load<i32>(table, 16) + column) << 2) +
        2 * PANEL_BYTES,
      stride,
      count * SLAB_ROWS,
    );
  }
}

/** How many segments of a length the next strip takes when so many are left; 0 if none does. */
function runsOfStrip(unit: i32, left: i32): i32 {
  if (unit == 64) return left >= 1 ? 1 : 0;
  if (unit == 32) return left >= 3 ? 3 : left >= 2 ? 2 : 0;
  if (unit == 16) return left >= 9 ? 9 : left >= 4 ? 4 : 0;
  if (unit == 21) return left >= 7 ? 7 : 0;
  return left >= 3 ? 3 : 0;
}

/**
 * Multiplies whole tiles with the slabs of one panel that segments of equal
 * length fill; returns how many segments that were. The longer the slab, the
 * less often sums go to memory and back.
 */
function multiplyStrips(
  b: usize,
  pointers: usize,
  count: i32,
  usable: i32,
  unit: i32,
  targets: usize,
  columnBytes: usize,
  start: usize,
  tiles: i32,
): i32 {
  const tileStride = <usize> count << 4;
  let s = 0;
  while (true) {
    const together = runsOfStrip(unit, usable - s);
    if (together == 0) return s;
    const bytes = <usize> (together * unit) * PANEL_BYTES;
    memory.copy(threadSlab(), b, bytes);
    if (unit == 64) {
      rows1x64(pointers, tileStride, targets, columnBytes, start, tiles);
    } else if (unit == 21) {
      rows7x21(pointers, tileStride, targets, columnBytes, start, tiles);
    } else if (unit == 9) {
      rows3x9(pointers, tileStride, targets, columnBytes, start, tiles);
    } else if (together == 2) {
      rows2x32(pointers, tileStride, targets, columnBytes, start, tiles);
    } else if (together == 3) {
      rows3x32(pointers, tileStride, targets, columnBytes, start, tiles);
    } else if (together == 4) {
      rows4x16(pointers, tileStride, targets, columnBytes, start, tiles);
    } else {
      rows9x16(pointers, tileStride, targets, columnBytes, start, tiles);
    }
    b += bytes;
    pointers += <usize> together << 4;
    start = 0;
    s += together;
  }
}

/** Where a thread's room has addresses of segments: behind those of 512 rows. */
const POINTERS_OFFSET: usize = 2048;

/** Where it has lists of pixels, and how long each is, with what `startPixels` writes behind it. */
const STARTS_OFFSET: usize = 1048576 - 8192;
const LIST_BYTES: usize = 2048 + 64;

const TILE_OFFSET: usize = 1048576 - 256;

/** Whether rows of the result are as far apart everywhere as columns of an image. */
function isDense(params: usize): bool {
  const gridHeight = int(params, 12);
  const gridWidth = int(params, 13);
  const columnStride = int(params, 21);
  return (gridHeight == 1 || int(params, 20) == gridWidth * columnStride) &&
    (int(params, 11) == 1 ||
      int(params, 19) == gridHeight * gridWidth * columnStride);
}

/** Writes where the rows of the result start; what fills up the last tile may become anything. */
function locateRows(
  params: usize,
  firstRow: i32,
  end: i32,
  offset: i32,
  targets: usize,
): void {
  const out = address(params, 3);
  const gridHeight = int(params, 12);
  const gridWidth = int(params, 13);
  const imageStride = int(params, 19);
  const rowStride = int(params, 20);
  const columnStride = int(params, 21);
  if (isDense(params)) {
    const step = columnStride << 2;
    let at = <i32> out + (offset << 2) + firstRow * step;
    const steps = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(step));
    for (let row = firstRow; row < end; row += 4) {
      v128.store(targets, i32x4.add(i32x4.splat(at), steps));
      targets += 16;
      at += 4 * step;
    }
    return;
  }
  let x = firstRow % gridWidth;
  let y = firstRow / gridWidth % gridHeight;
  let image = firstRow / gridWidth / gridHeight;
  for (let row = firstRow; row < end; row++) {
    const element = offset + image * imageStride + y * rowStride +
      x * columnStride;
    store<u32>(targets, <u32> (out + (<usize> element << 2)));
    targets += 4;
    if (++x == gridWidth) {
      x = 0;
      if (++y == gridHeight) {
        y = 0;
        image++;
      }
    }
  }
}

/**
 * Writes where the segments of A's rows start: `[tile][segment][row of the
 * tile]`. Rows that fill up the last tile repeat others.
 */
function locateSegments(
  params: usize,
  firstRow: i32,
  end: i32,
  group: i32,
  table: usize,
  count: i32,
  pointers: usize,
): void {
  const a = address(params, 0) + (<usize> (group * int(params, 23)) << 2);
  const zeros = i32x4.splat(<u32> address(params, 5));
  const gridHeight = int(params, 12);
  const gridWidth = int(params, 13);
  const height = int(params, 14);
  const width = int(params, 15);
  const pixel = int(params, 16);
  const heights = i32x4.splat(height);
  const widths = i32x4.splat(width);
  const steps = i32x4.splat(int(params, 17));
  const columnSteps = i32x4.splat(int(params, 18));
  const rowElements = width * pixel;
  const imageElements = i32x4.splat(height * rowElements);
  let x = firstRow % gridWidth;
  let y = firstRow / gridWidth % gridHeight;
  let image = firstRow / gridWidth / gridHeight;
  for (let row = firstRow; row < end; row += TILE_ROWS) {
    // The four rows' pixels: of the output, then of the input.
    let tileX = i32x4.splat(0);
    let tileY = i32x4.splat(0);
    let tileImage = i32x4.splat(0);
    for (let i = 0; i < TILE_ROWS; i++) {
      tileX = shiftIn(tileX, x);
      tileY = shiftIn(tileY, y);
      tileImage = shiftIn(tileImage, image);
      if (row + i + 1 < end && ++x == gridWidth) {
        x = 0;
        if (++y == gridHeight) {
          y = 0;
          image++;
        }
      }
    }
    tileX = i32x4.mul(tileX, columnSteps);
    tileY = i32x4.mul(tileY, steps);
    const starts = i32x4.add(
      i32x4.mul(tileImage, imageElements),
      i32x4.add(
        i32x4.mul(tileY, i32x4.splat(rowElements)),
        i32x4.mul(tileX, i32x4.splat(pixel)),
      ),
    );
    let segment = table;
    for (let s = 0; s < count; s++) {
      const down = load<i32>(segment);
      const right = load<i32>(segment, 4);
      const offset = down * rowElements + right * pixel +
        load<i32>(segment, 8);
      const inside = v128.and(
        i32x4.lt_u(i32x4.add(tileY, i32x4.splat(down)), heights),
        i32x4.lt_u(i32x4.add(tileX, i32x4.splat(right)), widths),
      );
      const elements = i32x4.add(starts, i32x4.splat(offset));
      const addresses = i32x4.add(
        i32x4.splat(<u32> a),
        i32x4.shl(elements, 2),
      );
      v128.store(pointers, v128.bitselect(addresses, zeros, inside));
      pointers += 16;
      segment += SEGMENT_BYTES;
    }
  }
}

/** Lanes 1, 2, 3 and another number. */
function shiftIn(lanes: v128, next: i32): v128 {
  const numbers = i32x4.splat(next);
  return v128.shuffle<i32>(lanes, numbers, 1, 2, 3, 4);
}
