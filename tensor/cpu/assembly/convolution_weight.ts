// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * The gradient of a convolution's weight: for each weight position a product
 * of the input, transposed, with the output's gradient, where k runs over
 * pixels. Numbers of a pixel are neighbours, so that both operands are read
 * where they lie; the gradient is packed into panels because all weight
 * positions read it.
 *
 * Weight positions are the segments that assembly/gemm.ts describes; `weights`
 * is the row of the result here.
 */

import { address, int, slice, threadScratch, threadSlab } from "./_kernel.ts";
import {
  isNative,
  locatePixels as locateNative,
  multiplyColumns,
} from "./_native.ts";
import {
  columns as columnsStrip,
  SLAB_BYTES,
  SLAB_POINTERS,
  SLAB_ROWS,
} from "./_strips.ts";
import { copyWords } from "./_copy.ts";
import { packMatrix } from "./_pack.ts";
import { startPixels } from "./_pixels.ts";
import { columnsTile, PANEL_BYTES, TILE_COLUMNS, TILE_ROWS } from "./_tile.ts";

const SEGMENT_BYTES: usize = 20;

/** Pixels that are packed at once: a panel of them fits into L1. */
const BLOCK_PIXELS: i32 = 128;

/** Panels that are packed at once; see the caller. */
const BLOCK_PANELS: i32 = 16;

/** Bytes of a number for each of these pixels, and of what `startPixels` writes behind them. */
const LIST_BYTES: usize = (<usize> BLOCK_PIXELS << 2) + 64;

const PACKED_BYTES: usize = <usize> (BLOCK_PIXELS * BLOCK_PANELS) *
  PANEL_BYTES;

/**
 * The arguments, in order:
 *
 *  0 x              1 dy              2 target
 *  3 segments       4 segment count   5 zeros (as many as the longest segment, and a tile's row)
 *  6 columns        7 images          8 grid height, 9 grid width, of output pixels
 * 10 input height  11 input width    12 elements of an input pixel
 * 13 input rows and 14 columns from one output pixel to the next
 * 15 elements of a pixel of dy
 * 16 groups        17 x, 18 dy, 19 target: elements from group to group
 * 20 elements of a row of the target
 * 21 splits: into how many ranges the pixels are split, 22 elements from the target of one to the next
 * 23 row blocks    24 column blocks (of at most 16 panels)
 */
export function convolutionWeight(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const splits = int(params, 21);
  const rowBlocks = int(params, 23);
  const columnBlocks = int(params, 24);
  const blocks = int(params, 16) * splits * rowBlocks * columnBlocks;
  const end = slice(blocks, part + 1, parts);
  for (let block = slice(blocks, part, parts); block < end; block++) {
    weightBlock(
      params,
      block / (splits * rowBlocks * columnBlocks),
      block / (rowBlocks * columnBlocks) % splits,
      block / columnBlocks % rowBlocks,
      block % columnBlocks,
    );
  }
}

function weightBlock(
  params: usize,
  group: i32,
  split: i32,
  rowBlock: i32,
  columnBlock: i32,
): void {
  const segments = address(params, 3);
  const segmentCount = int(params, 4);
  const columns = int(params, 6);
  const gridHeight = int(params, 8);
  const gridWidth = int(params, 9);
  const pixels = int(params, 7) * gridHeight * gridWidth;
  const dyStride = <usize> int(params, 15) << 2;
  const rowStride = <usize> int(params, 20) << 2;
  const splits = int(params, 21);
  const rowBlocks = int(params, 23);
  const panels = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const firstPanel = slice(panels, columnBlock, int(params, 24));
  const panelsEnd = slice(panels, columnBlock + 1, int(params, 24));
  const dy = address(params, 1) + (<usize> (group * int(params, 18)) << 2);
  const target = address(params, 2) +
    (<usize> (group * int(params, 19) + split * int(params, 22)) << 2);
  const zeros = address(params, 5);

  const packed = threadScratch();
  const pointers = packed + PACKED_BYTES;
  const starts = pointers + LIST_BYTES;
  const edge = starts + 3 * LIST_BYTES;

  let tiles = 0;
  for (let s = 0; s < segmentCount; s++) tiles += segmentTiles(segments, s);
  const firstTile = slice(tiles, rowBlock, rowBlocks);
  const tilesEnd = slice(tiles, rowBlock + 1, rowBlocks);
  const pixelsEnd = slice(pixels, split + 1, splits);
  const firstPixel = slice(pixels, split, splits);
  let pixel = firstPixel;
  do { // once even if there are no pixels: then the gradient is 0
    const length = min(BLOCK_PIXELS, pixelsEnd - pixel);
    const column = firstPanel * TILE_COLUMNS;
    packMatrix(
      dy + <usize> pixel * dyStride + (<usize> column << 2),
      dyStride,
      length,
      min(columns, panelsEnd * TILE_COLUMNS) - column,
      packed,
      <usize> length * PANEL_BYTES,
    );
    startPixels(
      pixel,
      length,
      gridHeight,
      gridWidth,
      int(params, 10),
      int(params, 11),
      int(params, 12),
      int(params, 13),
      int(params, 14),
      starts,
      LIST_BYTES,
    );
    const accumulate = pixel > firstPixel;
    if (isNative != 0) {
      multiplyNative(
        params,
        group,
        firstTile,
        tilesEnd,
        firstPanel,
        panelsEnd,
        starts,
        length,
        packed,
        target,
        accumulate,
        address(params, 0) +
          (<usize> ((pixel + BLOCK_PIXELS) * int(params, 13) * int(params, 14) *
            int(params, 12)) << 2),
        dy + <usize> (pixel + BLOCK_PIXELS) * dyStride + (<usize> column << 2),
      );
      pixel += BLOCK_PIXELS;
      continue;
    }
    const stripped = weightStrips(
      params,
      group,
      firstTile,
      tilesEnd,
      firstPanel,
      min(panelsEnd, columns / TILE_COLUMNS),
      starts,
      length,
      packed,
      target,
      accumulate,
    );
    let tile = 0;
    for (let s = 0; s < segmentCount; s++) {
      const segment = segments + <usize> s * SEGMENT_BYTES;
      const rows = load<i32>(segment, 12);
      const next = tile + segmentTiles(segments, s);
      const isDone = stripped == length && length > 0 &&
        columns % TILE_COLUMNS == 0 && rows % TILE_ROWS == 0;
      if (isDone || next <= firstTile || tile >= tilesEnd) {
        tile = next;
        continue;
      }
      locatePixels(params, group, segment, starts, length, pointers);
      const firstRow = max(0, firstTile - tile) * TILE_ROWS;
      const rowsEnd = min(rows, (tilesEnd - tile) * TILE_ROWS);
      for (let row = firstRow; row < rowsEnd; row += TILE_ROWS) {
        const height = min(TILE_ROWS, rows - row);
        const rowTarget = target +
          <usize> (load<i32>(segment, 16) + row) * rowStride;
        for (let panel = firstPanel; panel < panelsEnd; panel++) {
          const column = panel * TILE_COLUMNS;
          const width = min(TILE_COLUMNS, columns - column);
          const to = rowTarget + (<usize> column << 2);
          const whole = height == TILE_ROWS && width == TILE_COLUMNS;
          const behind = whole ? stripped : 0;
          if (behind == length && length > 0) continue;
          const adds = accumulate || behind > 0;
          const t0 = whole ? to : edge;
          const stride = whole ? rowStride : PANEL_BYTES;
          if (!whole && accumulate) {
            for (let i = 0; i < height; i++) {
              copyWords(
                to + <usize> i * rowStride,
                edge + <usize> i * PANEL_BYTES,
                width,
              );
            }
          }
          columnsTile(
            pointers + (<usize> behind << 2),
            <usize> row << 2,
            length - behind,
            packed + <usize> ((panel - firstPanel) * length + behind) *
                PANEL_BYTES,
            adds ? t0 : zeros,
            adds ? t0 + stride : zeros,
            adds ? t0 + 2 * stride : zeros,
            adds ? t0 + 3 * stride : zeros,
            t0,
            t0 + stride,
            t0 + 2 * stride,
            t0 + 3 * stride,
          );
          if (!whole) {
            for (let i = 0; i < height; i++) {
              copyWords(
                edge + <usize> i * PANEL_BYTES,
                to + <usize> i * rowStride,
                width,
              );
            }
          }
        }
      }
      tile = next;
    }
    pixel += BLOCK_PIXELS;
  } while (pixel < pixelsEnd);
}

/** Segments whose pixels are located at once. */
const LOCATED: i32 = 32;

/** Adds up some pixels by machine code; what lies at `nextX` and `nextDy` is next. */
function multiplyNative(
  params: usize,
  group: i32,
  firstTile: i32,
  tilesEnd: i32,
  firstPanel: i32,
  panelsEnd: i32,
  starts: usize,
  length: i32,
  packed: usize,
  target: usize,
  accumulate: bool,
  nextX: usize,
  nextDy: usize,
): void {
  const segments = address(params, 3);
  const segmentCount = int(params, 4);
  const column = firstPanel * TILE_COLUMNS;
  const columns = min(int(params, 6), panelsEnd * TILE_COLUMNS) - column;
  const rowStride = <usize> int(params, 20) << 2;
  const pointers = starts + 4 * LIST_BYTES;
  let tile = 0;
  for (let s = 0; s < segmentCount; s++) {
    const segment = segments + <usize> s * SEGMENT_BYTES;
    const located = s % LOCATED;
    if (located == 0) {
      locateNative(
        starts,
        LIST_BYTES,
        length,
        segment,
        min(LOCATED, segmentCount - s),
        address(params, 0) + (<usize> (group * int(params, 17)) << 2),
        int(params, 10),
        int(params, 11),
        int(params, 12),
        address(params, 5),
        pointers,
        LIST_BYTES,
      );
    }
    const row = max(0, firstTile - tile) * TILE_ROWS;
    const end = min(load<i32>(segment, 12), (tilesEnd - tile) * TILE_ROWS);
    tile += segmentTiles(segments, s);
    if (row >= end) continue;
    multiplyColumns(
      pointers + <usize> located * LIST_BYTES,
      length,
      <usize> row << 2,
      target + <usize> (load<i32>(segment, 16) + row) * rowStride +
        (<usize> column << 2),
      rowStride,
      nextX,
      nextDy,
      end - row,
      packed,
      <usize> length * PANEL_BYTES,
      columns,
      accumulate ? 0 : address(params, 5),
      0,
    );
  }
}

/**
 * Adds up slabs of pixels for whole tiles and panels; returns how many of the
 * packed pixels that were.
 */
function weightStrips(
  params: usize,
  group: i32,
  firstTile: i32,
  tilesEnd: i32,
  firstPanel: i32,
  panelsEnd: i32,
  starts: usize,
  length: i32,
  packed: usize,
  target: usize,
  accumulate: bool,
): i32 {
  const segments = address(params, 3);
  const segmentCount = int(params, 4);
  const rowStride = <usize> int(params, 20) << 2;
  const slab = threadSlab();
  let done = 0;
  for (; done + SLAB_ROWS <= length; done += SLAB_ROWS) {
    const adds = accumulate || done > 0;
    let inSlab = -1;
    let tile = 0;
    for (let s = 0; s < segmentCount; s++) {
      const segment = segments + <usize> s * SEGMENT_BYTES;
      const first = max(0, firstTile - tile);
      const end = min(
        load<i32>(segment, 12) / TILE_ROWS,
        tilesEnd - tile,
      );
      tile += segmentTiles(segments, s);
      if (first >= end) continue;
      locatePixels(
        params,
        group,
        segment,
        starts + (<usize> done << 2),
        SLAB_ROWS,
        slab + SLAB_POINTERS,
      );
      const row = first * TILE_ROWS;
      const rowTarget = target +
        <usize> (load<i32>(segment, 16) + row) * rowStride;
      for (let panel = firstPanel; panel < panelsEnd; panel++) {
        if (panel != inSlab) {
          const from = (panel - firstPanel) * length + done;
          memory.copy(slab, packed + <usize> from * PANEL_BYTES, SLAB_BYTES);
          inSlab = panel;
        }
        columnsStrip(
          <usize> row << 2,
          rowTarget + <usize> panel * PANEL_BYTES,
          rowStride,
          adds,
          end - first,
        );
      }
    }
  }
  return done;
}

/** Tiles of one weight position. */
function segmentTiles(segments: usize, index: i32): i32 {
  const rows = load<i32>(segments + <usize> index * SEGMENT_BYTES, 12);
  return (rows + TILE_ROWS - 1) / TILE_ROWS;
}

/** Writes which input pixel one weight position multiplies with each output pixel; the last vector is filled up with anything. */
function locatePixels(
  params: usize,
  group: i32,
  segment: usize,
  starts: usize,
  count: i32,
  pointers: usize,
): void {
  const x = address(params, 0) + (<usize> (group * int(params, 17)) << 2);
  const zeros = i32x4.splat(<u32> address(params, 5));
  const heights = i32x4.splat(int(params, 10));
  const widths = i32x4.splat(int(params, 11));
  const down = load<i32>(segment);
  const right = load<i32>(segment, 4);
  const elements = (down * int(params, 11) + right) * int(params, 12) +
    load<i32>(segment, 8);
  const downs = i32x4.splat(down);
  const rights = i32x4.splat(right);
  const origins = i32x4.splat(<i32> x + (elements << 2));
  const end = pointers + (<usize> count << 2);
  while (pointers < end) {
    const inY = i32x4.add(v128.load(starts), downs);
    const inX = i32x4.add(v128.load(starts, LIST_BYTES), rights);
    const inside = v128.and(
      i32x4.lt_u(inY, heights),
      i32x4.lt_u(inX, widths),
    );
    const offsets = v128.load(starts, 2 * LIST_BYTES);
    const addresses = i32x4.add(origins, offsets);
    v128.store(pointers, v128.bitselect(addresses, zeros, inside));
    starts += 16;
    pointers += 16;
  }
}

/** (partials, out, count, splits, stride): out = the sum of partial sums that are `stride` elements apart, in order. */
export function sumPartials(params: usize, part: i32, parts: i32): void {
  const count = int(params, 2);
  const splits = int(params, 3);
  const stride = <usize> int(params, 4) << 2;
  const first = slice(count, part, parts, 16);
  const end = slice(count, part + 1, parts, 16);
  let from = address(params, 0) + (<usize> first << 2);
  let to = address(params, 1) + (<usize> first << 2);
  for (let i = first; i < end; i += 4) {
    let sum = v128.load(from);
    let next = from;
    for (let s = 1; s < splits; s++) {
      next += stride;
      sum = f32x4.add(sum, v128.load(next));
    }
    if (i + 4 <= end) {
      v128.store(to, sum);
    } else {
      v128.store(threadScratch(), sum);
      copyWords(threadScratch(), to, end - i);
    }
    from += 16;
    to += 16;
  }
}
