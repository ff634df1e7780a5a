// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Convolutions of 3×3 weights with stride 1, and their gradients, by minimal
 * filtering F(4×4, 3×3): A. Lavin, S. Gray, "Fast Algorithms for Convolutional
 * Neural Networks" (arXiv:1509.09308), section 4.3. A tile is 4×4 pixels of
 * the result, for which 6×6 pixels of the input d are read:
 *
 *     Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
 *
 * The sum over channels in the middle is a product of matrices for each of
 * the 36 positions, a quarter of the multiplications of the plain sum. The
 * matrices are those of the points 0, ±√½, ±√2, ∞, which round less than
 * 0, ±1, ±2, ∞ and need as many operations.
 *
 * The gradient of the weights is the transpose of the same sum:
 *
 *     dg = Gᵀ [ Σ over tiles (Bᵀ d B) ⊙ (A dY Aᵀ) ] G
 *
 * All matrices are multiplied with along one axis and then along the other,
 * four channels at once. Channels in and out are multiples of 16.
 */

import {
  address,
  int,
  madd,
  slice,
  threadScratch,
  threadSlab,
} from "./_kernel.ts";
import { splat } from "./_math.ts";
import { isNative, multiplyColumns } from "./_native.ts";
import {
  movePointers,
  multiplyLocated,
  productPointers,
  productTargets,
} from "./_product.ts";
import {
  columns as columnsStrip,
  SLAB_POINTERS,
  SLAB_ROWS,
} from "./_strips.ts";
import { PANEL_BYTES, TILE_COLUMNS, TILE_ROWS } from "./_tile.ts";

/** Pixels of the result along an edge of a tile. */
const TILE: i32 = 4;

/** Pixels of the input along an edge of a tile, and positions. */
const SPAN: i32 = 6;

/** Positions of a tile. */
const POSITIONS: i32 = 36;

/** √½ and √2, the points; and their third powers. */
const P: f32 = 0.7071067811865476;
const Q: f32 = 1.4142135623730951;
const P3: f32 = 0.35355339059327373;
const Q3: f32 = 2.8284271247461903;

/** Where a thread keeps one tile between the axes, behind what products use. */
const ROOM: usize = 8192;

/** Where a thread keeps the pixels of a tile at the border, up to 6·6·4096 numbers. */
const BORDER: usize = 16384;

/** Bᵀ along one axis: six numbers from six. */
function inputLine(from: usize, step: usize, to: usize, toStep: usize): void {
  const d0 = v128.load(from);
  const d1 = v128.load(from + step);
  const d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step);
  const d4 = v128.load(from + 4 * step);
  const d5 = v128.load(from + 5 * step);
  const half = splat(-0.5);
  const two = splat(-2);
  const both = splat(-2.5);
  const evenP = madd(d2, two, d4);
  const oddP = f32x4.mul(madd(d1, two, d3), splat(P));
  const evenQ = madd(d2, half, d4);
  const oddQ = f32x4.mul(madd(d1, half, d3), splat(Q));
  v128.store(to, madd(d2, both, f32x4.add(d0, d4)));
  v128.store(to + toStep, f32x4.add(evenP, oddP));
  v128.store(to + 2 * toStep, f32x4.sub(evenP, oddP));
  v128.store(to + 3 * toStep, f32x4.add(evenQ, oddQ));
  v128.store(to + 4 * toStep, f32x4.sub(evenQ, oddQ));
  v128.store(to + 5 * toStep, madd(d3, both, f32x4.add(d1, d5)));
}

/** Aᵀ along one axis: four numbers from six. */
function outputLine(from: usize, step: usize, to: usize, toStep: usize): void {
  const m1 = v128.load(from + step);
  const m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step);
  const m4 = v128.load(from + 4 * step);
  const sumP = f32x4.add(m1, m2);
  const sumQ = f32x4.add(m3, m4);
  const p = f32x4.sub(m1, m2);
  const q = f32x4.sub(m3, m4);
  const half = splat(0.5);
  const two = splat(2);
  v128.store(to, f32x4.add(v128.load(from), f32x4.add(sumP, sumQ)));
  v128.store(to + toStep, madd(p, splat(P), f32x4.mul(q, splat(Q))));
  v128.store(to + 2 * toStep, madd(sumP, half, f32x4.mul(sumQ, two)));
  v128.store(
    to + 3 * toStep,
    madd(p, splat(P3), madd(q, splat(Q3), v128.load(from + 5 * step))),
  );
}

/** A along one axis: six numbers from four. */
function gradientLine(
  from: usize,
  step: usize,
  to: usize,
  toStep: usize,
): void {
  const y0 = v128.load(from);
  const y1 = v128.load(from + step);
  const y2 = v128.load(from + 2 * step);
  const y3 = v128.load(from + 3 * step);
  const evenP = madd(y2, splat(0.5), y0);
  const oddP = madd(y3, splat(P3), f32x4.mul(y1, splat(P)));
  const evenQ = madd(y2, splat(2), y0);
  const oddQ = madd(y3, splat(Q3), f32x4.mul(y1, splat(Q)));
  v128.store(to, y0);
  v128.store(to + toStep, f32x4.add(evenP, oddP));
  v128.store(to + 2 * toStep, f32x4.sub(evenP, oddP));
  v128.store(to + 3 * toStep, f32x4.add(evenQ, oddQ));
  v128.store(to + 4 * toStep, f32x4.sub(evenQ, oddQ));
  v128.store(to + 5 * toStep, y3);
}

/** The factors of G's rows: of ±√½ for even and odd powers, then of ±√2. */
const EVEN_P: f32 = -0.6666666666666666;
const ODD_P: f32 = -0.4714045207910317;
const EVEN_Q: f32 = 0.16666666666666666;
const ODD_Q: f32 = 0.23570226039551584;

/** G along one axis: six numbers from three. */
function weightLine(from: usize, step: usize, to: usize, toStep: usize): void {
  const g0 = v128.load(from);
  const g1 = v128.load(from + step);
  const g2 = v128.load(from + 2 * step);
  const evenP = f32x4.mul(madd(g2, splat(0.5), g0), splat(EVEN_P));
  const oddP = f32x4.mul(g1, splat(ODD_P));
  const evenQ = f32x4.mul(madd(g2, splat(2), g0), splat(EVEN_Q));
  const oddQ = f32x4.mul(g1, splat(ODD_Q));
  v128.store(to, g0);
  v128.store(to + toStep, f32x4.add(evenP, oddP));
  v128.store(to + 2 * toStep, f32x4.sub(evenP, oddP));
  v128.store(to + 3 * toStep, f32x4.add(evenQ, oddQ));
  v128.store(to + 4 * toStep, f32x4.sub(evenQ, oddQ));
  v128.store(to + 5 * toStep, g2);
}

/** Gᵀ along one axis: three numbers from six. */
function weightGradientLine(
  from: usize,
  step: usize,
  to: usize,
  toStep: usize,
): void {
  const m1 = v128.load(from + step);
  const m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step);
  const m4 = v128.load(from + 4 * step);
  const evenP = f32x4.mul(f32x4.add(m1, m2), splat(EVEN_P));
  const oddP = f32x4.mul(f32x4.sub(m1, m2), splat(ODD_P));
  const evenQ = f32x4.mul(f32x4.add(m3, m4), splat(EVEN_Q));
  const oddQ = f32x4.mul(f32x4.sub(m3, m4), splat(ODD_Q));
  v128.store(to, f32x4.add(v128.load(from), f32x4.add(evenP, evenQ)));
  v128.store(to + toStep, f32x4.add(oddP, oddQ));
  v128.store(
    to + 2 * toStep,
    madd(
      evenP,
      splat(0.5),
      madd(evenQ, splat(2), v128.load(from + 5 * step)),
    ),
  );
}

/** (weights `[3, 3, size]`, result, size, bytes of a position of the result): G g Gᵀ. */
export function winogradWeights(params: usize, part: i32, parts: i32): void {
  const size = int(params, 2);
  const plane = <usize> int(params, 3);
  const positionBytes = <usize> size << 2;
  const room = threadScratch() + ROOM;
  const end = <usize> slice(size, part + 1, parts, 16) << 2;
  let at = <usize> slice(size, part, parts, 16) << 2;
  for (; at < end; at += 16) {
    const from = address(params, 0) + at;
    const to = address(params, 1) + at;
    for (let j: usize = 0; j < 3; j++) {
      weightLine(
        from + j * positionBytes,
        3 * positionBytes,
        room + (j << 4),
        48,
      );
    }
    for (let i: usize = 0; i < <usize> SPAN; i++) {
      weightLine(room + i * 48, 16, to + i * <usize> SPAN * plane, plane);
    }
  }
}

/*
 * What is transformed lies in groups of four tiles, `[36][4][channels]`: then
 * the positions of a tile are few pages apart. 64 bytes lie between them, so
 * that they do not meet in one set of the cache.
 */

/** Bytes from one position to the next. */
function planeBytes(channels: i32): usize {
  return (<usize> (TILE_ROWS * channels) << 2) + 64;
}

/** Where the first position of a tile is. */
function rowOffset(tile: i32, channels: i32): usize {
  const group = tile / TILE_ROWS;
  const row = tile - group * TILE_ROWS;
  return <usize> (group * POSITIONS) * planeBytes(channels) +
    (<usize> (row * channels) << 2);
}

/** Bᵀ d B of one tile whose pixels lie in memory, for some channels; positions are `plane` bytes apart. */
function transformInput(
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  channels: i32,
  to: usize,
  plane: usize,
): void {
  const room = threadScratch() + ROOM;
  const end = from + (<usize> channels << 2);
  for (; from < end; from += 16) {
    for (let j: usize = 0; j < <usize> SPAN; j++) {
      inputLine(from + j * pixelBytes, rowBytes, room + (j << 4), 96);
    }
    for (let i: usize = 0; i < <usize> SPAN; i++) {
      inputLine(room + i * 96, 16, to + i * <usize> SPAN * plane, plane);
    }
    to += 16;
  }
}

/** memory.copy is a call, which takes longer than so few bytes. */
function copyVectors(from: usize, to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(to + i, v128.load(from + i));
  }
}

/** The same for memory.fill. */
function clearVectors(to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(to + i, splat(0));
}

/**
 * Copies `span`² pixels to a thread's room, zeros where they are outside of
 * the image.
 */
function copyPixels(
  image: usize,
  height: i32,
  width: i32,
  pixelBytes: usize,
  top: i32,
  left: i32,
  span: i32,
  to: usize,
): void {
  for (let i = 0; i < span; i++) {
    const y = top + i;
    for (let j = 0; j < span; j++) {
      const x = left + j;
      if (<u32> y < <u32> height && <u32> x < <u32> width) {
        copyVectors(
          image + <usize> (y * width + x) * pixelBytes,
          to,
          pixelBytes,
        );
      } else {
        clearVectors(to, pixelBytes);
      }
      to += pixelBytes;
    }
  }
}

/** How many tiles lie along an edge of so many pixels, the last perhaps beyond its end. */
function tileColumns(width: i32): i32 {
  return (width + TILE - 1) / TILE;
}

/**
 * Bᵀ d B of a tile of images, whatever of it is outside of them.
 */
function transformTile(
  images: usize,
  height: i32,
  width: i32,
  channels: i32,
  tile: i32,
  tilesHigh: i32,
  tilesWide: i32,
  padTop: i32,
  padLeft: i32,
  to: usize,
  plane: usize,
): void {
  const pixelBytes = <usize> channels << 2;
  const perImage = tilesHigh * tilesWide;
  const image = tile / perImage;
  const inImage = tile - image * perImage;
  const tileRow = inImage / tilesWide;
  const top = tileRow * TILE - padTop;
  const left = (inImage - tileRow * tilesWide) * TILE - padLeft;
  const start = images + <usize> (image * height * width) * pixelBytes;
  let from = start + <usize> (top * width + left) * pixelBytes;
  let rowBytes = <usize> width * pixelBytes;
  if (top < 0 || left < 0 || top + SPAN > height || left + SPAN > width) {
    from = threadScratch() + BORDER;
    rowBytes = <usize> SPAN * pixelBytes;
    copyPixels(start, height, width, pixelBytes, top, left, SPAN, from);
  }
  transformInput(from, rowBytes, pixelBytes, channels, to, plane);
}

/** Aᵀ m A of one tile, plus the bias if there is one, for some channels, into pixels of the result that are there. */
function transformOutput(
  from: usize,
  plane: usize,
  bias: usize,
  channels: i32,
  to: usize,
  rowBytes: usize,
  pixelBytes: usize,
  rows: i32,
  columns: i32,
): void {
  const room = threadScratch() + ROOM;
  const end = from + (<usize> channels << 2);
  for (; from < end; from += 16) {
    for (let j: usize = 0; j < <usize> SPAN; j++) {
      outputLine(
        from + j * plane,
        <usize> SPAN * plane,
        room + (j << 4),
        96,
      );
    }
    // Four rows of four pixels, behind the four rows of six numbers.
    const tile = room + 4 * 96;
    for (let i: usize = 0; i < <usize> TILE; i++) {
      outputLine(room + i * 96, 16, tile + (i << 6), 16);
    }
    const added = bias == 0 ? splat(0) : v128.load(bias);
    for (let i: usize = 0; i < <usize> rows; i++) {
      for (let j: usize = 0; j < <usize> columns; j++) {
        v128.store(
          to + i * rowBytes + j * pixelBytes,
          f32x4.add(v128.load(tile + (i << 6) + (j << 4)), added),
        );
      }
    }
    to += 16;
    if (bias != 0) bias += 16;
  }
}

/**
 * The arguments, in order:
 *
 *  0 x              1 transformed weights  2 bias or 0       3 out
 *  4 images         5 height    6 width    7 channels
 *  8 out height     9 out width 10 out channels
 * 11 rows and 12 columns of padding
 * 13 bytes of a position of the weights
 * 14 tiles of a block          15 blocks of out channels
 * 16 room of all parts         17 bytes of a part's room
 */
export function winograd(params: usize, part: i32, parts: i32): void {
  const outHeight = int(params, 8);
  const outWidth = int(params, 9);
  const tilesHigh = tileColumns(outHeight);
  const tilesWide = tileColumns(outWidth);
  const tiles = int(params, 4) * tilesHigh * tilesWide;
  const blockTiles = int(params, 14);
  const tileBlocks = (tiles + blockTiles - 1) / blockTiles;
  const blocks = tileBlocks * int(params, 15);
  const end = slice(blocks, part + 1, parts);
  const room = address(params, 16) + <usize> part * <usize> int(params, 17);
  for (let block = slice(blocks, part, parts); block < end; block++) {
    const first = block % tileBlocks * blockTiles;
    convolveTiles(
      params,
      first,
      min(blockTiles, tiles - first),
      block / tileBlocks,
      room,
    );
  }
}

/** Some tiles of the result, for some of its channels. */
function convolveTiles(
  params: usize,
  first: i32,
  count: i32,
  columnBlock: i32,
  room: usize,
): void {
  const channels = int(params, 7);
  const outHeight = int(params, 8);
  const outWidth = int(params, 9);
  const outChannels = int(params, 10);
  const weightPlane = <usize> int(params, 13);
  const columnBlocks = int(params, 15);
  const tilesHigh = tileColumns(outHeight);
  const tilesWide = tileColumns(outWidth);
  const panels = outChannels / TILE_COLUMNS;
  const firstPanel = slice(panels, columnBlock, columnBlocks);
  const columns = (slice(panels, columnBlock + 1, columnBlocks) - firstPanel) *
    TILE_COLUMNS;
  const rowTiles = (count + TILE_ROWS - 1) / TILE_ROWS;
  const zeros = room;
  const inputs = zeros + PANEL_BYTES;
  const inputPlane = planeBytes(channels);
  const sums = inputs + <usize> (rowTiles * POSITIONS) * inputPlane;
  const sumPlane = planeBytes(columns);
  memory.fill(zeros, 0, PANEL_BYTES);
  for (let tile = 0; tile < count; tile++) {
    transformTile(
      address(params, 0),
      int(params, 5),
      int(params, 6),
      channels,
      first + tile,
      tilesHigh,
      tilesWide,
      int(params, 11),
      int(params, 12),
      inputs + rowOffset(tile, channels),
      inputPlane,
    );
  }
  for (let row = 0; row < rowTiles * TILE_ROWS; row++) {
    // What fills up the last four is computed from the last tile again.
    const from = inputs + rowOffset(min(row, count - 1), channels);
    store<u32>(productPointers() + (<usize> row << 2), <u32> from);
    const to = sums + rowOffset(row, columns);
    store<u32>(productTargets() + (<usize> row << 2), <u32> to);
  }
  const weights = address(params, 1) +
    <usize> (firstPanel * channels) * PANEL_BYTES;
  for (let position: usize = 0; position < <usize> POSITIONS; position++) {
    multiplyLocated(
      rowTiles,
      channels,
      weights + position * weightPlane,
      columns,
      position * sumPlane,
      zeros,
    );
    movePointers(rowTiles, inputPlane - (<usize> channels << 2));
  }
  const column = <usize> firstPanel * PANEL_BYTES;
  const bias = address(params, 2) == 0 ? 0 : address(params, 2) + column;
  const pixelBytes = <usize> outChannels << 2;
  const perImage = tilesHigh * tilesWide;
  for (let tile = 0; tile < count; tile++) {
    const image = (first + tile) / perImage;
    const inImage = first + tile - image * perImage;
    const tileRow = inImage / tilesWide;
    const top = tileRow * TILE;
    const left = (inImage - tileRow * tilesWide) * TILE;
    transformOutput(
      sums + rowOffset(tile, columns),
      sumPlane,
      bias,
      columns,
      address(params, 3) +
        <usize> ((image * outHeight + top) * outWidth + left) * pixelBytes +
        column,
      <usize> outWidth * pixelBytes,
      pixelBytes,
      min(TILE, outHeight - top),
      min(TILE, outWidth - left),
    );
  }
}

/**
 * The arguments of the first two kernels of the weights' gradient, in order:
 *
 *  0 x              1 dy
 *  2 transformed x  3 transformed dy
 *  4 sums `[36][channels][out channels]`
 *  5 height         6 width     7 channels
 *  8 out height     9 out width 10 out channels
 * 11 rows and 12 columns of padding
 * 13 first tile     14 tiles
 * 15 zeros          16 whether to add to the sums
 */
export function winogradGradientInputs(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const channels = int(params, 7);
  const outHeight = int(params, 8);
  const outWidth = int(params, 9);
  const outChannels = int(params, 10);
  const tilesHigh = tileColumns(outHeight);
  const tilesWide = tileColumns(outWidth);
  const tiles = int(params, 14);
  const end = slice(tiles, part + 1, parts, TILE_ROWS);
  for (let tile = slice(tiles, part, parts, TILE_ROWS); tile < end; tile++) {
    transformTile(
      address(params, 0),
      int(params, 5),
      int(params, 6),
      channels,
      int(params, 13) + tile,
      tilesHigh,
      tilesWide,
      int(params, 11),
      int(params, 12),
      address(params, 2) + rowOffset(tile, channels),
      planeBytes(channels),
    );
    transformGradient(
      address(params, 1),
      outHeight,
      outWidth,
      outChannels,
      int(params, 13) + tile,
      tilesHigh,
      tilesWide,
      address(params, 3) + rowOffset(tile, outChannels),
      planeBytes(outChannels),
    );
  }
}

/** A dY Aᵀ of one tile. */
function transformGradient(
  gradients: usize,
  height: i32,
  width: i32,
  channels: i32,
  tile: i32,
  tilesHigh: i32,
  tilesWide: i32,
  to: usize,
  plane: usize,
): void {
  const pixelBytes = <usize> channels << 2;
  const perImage = tilesHigh * tilesWide;
  const image = tile / perImage;
  const inImage = tile - image * perImage;
  const tileRow = inImage / tilesWide;
  const top = tileRow * TILE;
  const left = (inImage - tileRow * tilesWide) * TILE;
  const start = gradients + <usize> (image * height * width) * pixelBytes;
  let from = start + <usize> (top * width + left) * pixelBytes;
  let rowBytes = <usize> width * pixelBytes;
  if (top + TILE > height || left + TILE > width) {
    from = threadScratch() + BORDER;
    rowBytes = <usize> TILE * pixelBytes;
    copyPixels(start, height, width, pixelBytes, top, left, TILE, from);
  }
  const room = threadScratch() + ROOM;
  for (let c = 0; c < channels; c += 4) {
    for (let j: usize = 0; j < <usize> TILE; j++) {
      gradientLine(from + j * pixelBytes, rowBytes, room + (j << 4), 64);
    }
    for (let i: usize = 0; i < <usize> SPAN; i++) {
      gradientLine(room + (i << 6), 16, to + i * <usize> SPAN * plane, plane);
    }
    from += 16;
    to += 16;
  }
}

/** For each position, the product of transformed x, transposed, and transformed dy. */
export function winogradGradientProducts(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const channels = int(params, 7);
  const outChannels = int(params, 10);
  const tiles = int(params, 14);
  const zeros = address(params, 15);
  const sumBytes = <usize> outChannels << 2;
  const own = threadSlab() + SLAB_POINTERS;
  const end = slice(POSITIONS, part + 1, parts);
  let position = slice(POSITIONS, part, parts);
  for (; position < end; position++) {
    const inputs = address(params, 2) +
      <usize> position * planeBytes(channels);
    const gradients = address(params, 3) +
      <usize> position * planeBytes(outChannels);
    const sums = address(params, 4) +
      <usize> (position * channels) * sumBytes;
    if (isNative != 0) {
      multiplyGradients(params, inputs, gradients, sums);
      continue;
    }
    for (let first = 0; first < tiles; first += SLAB_ROWS) {
      for (let i = 0; i < SLAB_ROWS; i++) {
        const row = first + i < tiles
          ? inputs + rowOffset(first + i, channels)
          : zeros;
        store<u32>(own + (<usize> i << 2), <u32> row);
      }
      const accumulate = first > 0 || int(params, 16) != 0;
      for (let column: usize = 0; column < sumBytes; column += PANEL_BYTES) {
        for (let i = 0; i < SLAB_ROWS; i++) {
          copyVectors(
            first + i < tiles
              ? gradients + rowOffset(first + i, outChannels) + column
              : zeros,
            threadSlab() + <usize> i * PANEL_BYTES,
            PANEL_BYTES,
          );
        }
        columnsStrip(
          0,
          sums + column,
          sumBytes,
          accumulate ? 1 : 0,
          channels / TILE_ROWS,
        );
      }
    }
  }
}

/** Panels of gradients that are packed at once, of the few hundred tiles that there are at most. */
const PACKED_PANELS: i32 = 16;

/** The product of one position by machine code. */
function multiplyGradients(
  params: usize,
  inputs: usize,
  gradients: usize,
  sums: usize,
): void {
  const channels = int(params, 7);
  const outChannels = int(params, 10);
  const tiles = int(params, 14);
  const pointers = threadScratch();
  const packed = pointers + (<usize> tiles << 2);
  const panelBytes = <usize> tiles * PANEL_BYTES;
  for (let i = 0; i < tiles; i++) {
    const row = inputs + rowOffset(i, channels);
    store<u32>(pointers + (<usize> i << 2), <u32> row);
  }
  const panels = outChannels / TILE_COLUMNS;
  for (let panel = 0; panel < panels; panel += PACKED_PANELS) {
    const end = min(panels, panel + PACKED_PANELS);
    const column = <usize> panel * PANEL_BYTES;
    for (let i = 0; i < tiles; i++) {
      let from = gradients + rowOffset(i, outChannels) + column;
      let to = packed + <usize> i * PANEL_BYTES;
      for (let p = panel; p < end; p++) {
        copyVectors(from, to, PANEL_BYTES);
        from += PANEL_BYTES;
        to += panelBytes;
      }
    }
    multiplyColumns(
      pointers,
      tiles,
      0,
      sums + column,
      <usize> outChannels << 2,
      0,
      0,
      channels,
      packed,
      panelBytes,
      (end - panel) * TILE_COLUMNS,
      int(params, 16) != 0 ? 0 : address(params, 15),
      0,
    );
  }
}

/** (sums `[36][rows, columns]`, gradient `[3, 3, rows, columns]`, rows · columns): Gᵀ · sums · G. */
export function winogradGradientFinish(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const size = int(params, 2);
  const plane = <usize> size << 2;
  const room = threadScratch() + ROOM;
  const end = <usize> slice(size, part + 1, parts, 16) << 2;
  let at = <usize> slice(size, part, parts, 16) << 2;
  for (; at < end; at += 16) {
    const from = address(params, 0) + at;
    const to = address(params, 1) + at;
    for (let j: usize = 0; j < <usize> SPAN; j++) {
      weightGradientLine(
        from + j * plane,
        <usize> SPAN * plane,
        room + (j << 4),
        96,
      );
    }
    for (let i: usize = 0; i < 3; i++) {
      weightGradientLine(room + i * 96, 16, to + i * 3 * plane, plane);
    }
  }
}
