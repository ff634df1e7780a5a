/**
 * Convolutions of 3×3 weights with stride 1 by minimal filtering; see
 * assembly/winograd.ts.
 *
 * @module
 */

import type { ConvGeometry } from "../backend.ts";
import { PANEL_COLUMNS, segmentsOf, withSegments } from "./_gemm.ts";
import type { Runtime } from "./_runtime.ts";

/** Pixels of the result along an edge of a tile. */
const TILE = 4;

/** Products that a tile takes, one for each position. */
const POSITIONS = 36;

/** With fewer tiles, transforming the weights costs more than it saves. */
const LEAST_TILES = 64;

/** With fewer channels, the transforms take as long as they save. */
const LEAST_CHANNELS = 32;

/** The same where products are machine code: they take less time, the transforms as much. */
const NATIVE_LEAST_CHANNELS = 128;

/** So many times the pixels that are there may be computed. */
const MOST_PIXELS = 2;

/** The same where products are machine code, but for the weights' gradient. */
const NATIVE_MOST_PIXELS = 1.25;

/** What the room for one tile's pixels in assembly/winograd.ts holds. */
const MOST_CHANNELS = 4096;

/** Tiles of a block, at most: what fits the pointers of a product and a core's cache. */
const BLOCK_TILES = 64;

/** Bytes that a block's transformed pixels and sums should take, at most. */
const BLOCK_BYTES = 2 * 2 ** 20;

/** Channels of the result that are worth transforming pixels for once more. */
const BLOCK_CHANNELS = 64;

/** With fewer parts, threads would wait for each other. */
const MIN_PARTS = 16;

/** Rows of the longest sum over tiles that is one slab of assembly/_strips.ts. */
const SLAB_TILES = 64;

/** Bytes that the transformed pixels of the weights' gradient take, at most, if they are many. */
const CHUNK_BYTES = 6 * 2 ** 20;

/** Bytes between positions, so that those of a tile do not meet in one set of a cache. */
const GAP = 64;

/** Tiles of images. */
function tilesOf(g: ConvGeometry): number {
  return g.batch * Math.ceil(g.outHeight / TILE) * Math.ceil(g.outWidth / TILE);
}

/** Bytes of a transformed tile; assembly/winograd.ts says how they lie. */
function tileBytesOf(channels: number): number {
  return POSITIONS * (channels * 4 + GAP / 4);
}

/**
 * Whether a convolution, or its gradient for the pixels, can be computed so
 * and gains by it.
 *
 * @param g The convolution.
 * @param native Whether products are machine code.
 */
export function isWinograd(g: ConvGeometry, native: boolean): boolean {
  return gains(g, native, native ? NATIVE_MOST_PIXELS : MOST_PIXELS);
}

/** The same for the gradient of the weights. */
export function isWinogradWeight(g: ConvGeometry, native: boolean): boolean {
  return gains(g, native, MOST_PIXELS);
}

function gains(g: ConvGeometry, native: boolean, mostPixels: number): boolean {
  const tiles = tilesOf(g);
  const least = native ? NATIVE_LEAST_CHANNELS : LEAST_CHANNELS;
  return g.kernelHeight === 3 && g.kernelWidth === 3 &&
    g.strideHeight === 1 && g.strideWidth === 1 &&
    g.dilationHeight === 1 && g.dilationWidth === 1 && g.groups === 1 &&
    [g.channels, g.outChannels].every((channels) =>
      channels % PANEL_COLUMNS === 0 && channels >= least &&
      channels <= MOST_CHANNELS
    ) &&
    tiles >= LEAST_TILES &&
    tiles * TILE ** 2 < mostPixels * g.batch * g.outHeight * g.outWidth;
}

/**
 * The convolution of pixels.
 *
 * @param runtime The device.
 * @param x Where the pixels are.
 * @param weight Where the weights `[3, 3, channels, outChannels]` are.
 * @param bias Where the bias is, or 0.
 * @param out Where the result is.
 * @param g A geometry that {@linkcode isWinograd}.
 */
export function runWinograd(
  runtime: Runtime,
  x: number,
  weight: number,
  bias: number,
  out: number,
  g: ConvGeometry,
): void {
  const strides = [g.outChannels, 1];
  withWeights(runtime, weight, strides, 1, g, (weights, plane) => {
    convolve(runtime, x, weights, plane, bias, out, g);
  });
}

/**
 * The gradient for the pixels: the convolution of `dy` with the same weights,
 * turned around and transposed.
 */
export function runWinogradInput(
  runtime: Runtime,
  dy: number,
  weight: number,
  dx: number,
  geometry: ConvGeometry,
): void {
  const g = {
    ...geometry,
    ...{ channels: geometry.outChannels, outChannels: geometry.channels },
    ...{ height: geometry.outHeight, width: geometry.outWidth },
    ...{ outHeight: geometry.height, outWidth: geometry.width },
    ...{ padTop: 2 - geometry.padTop, padLeft: 2 - geometry.padLeft },
  };
  const last = weight + 8 * g.channels * g.outChannels * 4;
  withWeights(runtime, last, [1, g.channels], -1, g, (weights, plane) => {
    convolve(runtime, dy, weights, plane, 0, dx, g);
  });
}

/**
 * Lends transformed weights, packed for products.
 *
 * @param runtime The device.
 * @param weight Where the weights of the first position are.
 * @param strides From one input channel, and from one output channel, to the next.
 * @param direction In which the weights of the other positions lie: 1 or -1.
 * @param g The convolution.
 * @param body Is called with their address and the bytes of a position.
 */
function withWeights(
  runtime: Runtime,
  weight: number,
  [rowStride, columnStride]: readonly number[],
  direction: number,
  { channels, outChannels }: ConvGeometry,
  body: (weights: number, plane: number) => void,
): void {
  const size = channels * outChannels;
  const plane = size * 4 + GAP;
  const segments = [...segmentsOf(0, 0, channels, 0, rowStride, 64)];
  withSegments(runtime, segments, POSITIONS * plane, (table, weights) => {
    runtime.withScratch(9 * size * 4, (packed) => {
      runtime.run(
        "packPanels",
        [
          ...[weight, packed, table, segments.length, channels, outChannels],
          ...[rowStride, columnStride, 9, direction * size, size],
        ],
        runtime.parts(9 * size, 9),
      );
      runtime.run(
        "winogradWeights",
        [packed, weights, size, plane],
        runtime.parts(POSITIONS * size),
      );
    });
    body(weights, plane);
  });
}

/** The convolution with transformed weights. */
function convolve(
  runtime: Runtime,
  x: number,
  weights: number,
  weightPlane: number,
  bias: number,
  out: number,
  g: ConvGeometry,
): void {
  const { channels, outChannels } = g;
  const tiles = tilesOf(g);
  const columnBlocks = Math.max(
    1,
    Math.min(
      Math.ceil(MIN_PARTS / Math.ceil(tiles / BLOCK_TILES)),
      Math.floor(outChannels / BLOCK_CHANNELS),
    ),
  );
  const columns = Math.ceil(outChannels / PANEL_COLUMNS / columnBlocks) *
    PANEL_COLUMNS;
  const tileBytes = tileBytesOf(channels) + tileBytesOf(columns);
  const most = Math.min(BLOCK_TILES, Math.floor(BLOCK_BYTES / tileBytes));
  const tileBlocks = Math.ceil(tiles / Math.max(16, most));
  const blockTiles = Math.ceil(tiles / tileBlocks / 4) * 4;
  const parts = Math.min(MIN_PARTS, tileBlocks * columnBlocks);
  const partBytes = blockTiles * tileBytes + 64;
  runtime.withScratch(parts * partBytes, (room) => {
    runtime.run(
      "winograd",
      [
        ...[x, weights, bias, out],
        ...[g.batch, g.height, g.width, channels],
        ...[g.outHeight, g.outWidth, outChannels, g.padTop, g.padLeft],
        ...[weightPlane, blockTiles, columnBlocks],
        ...[room, partBytes],
      ],
      parts,
    );
  });
}

/** The gradient for the weights. */
export function runWinogradWeight(
  runtime: Runtime,
  x: number,
  dy: number,
  dWeight: number,
  g: ConvGeometry,
): void {
  const { channels, outChannels } = g;
  const tiles = tilesOf(g);
  const inputBytes = tileBytesOf(channels);
  const tileBytes = inputBytes + tileBytesOf(outChannels);
  const chunkTiles = Math.min(
    Math.ceil(tiles / SLAB_TILES),
    Math.max(1, Math.floor(CHUNK_BYTES / tileBytes / SLAB_TILES)),
  ) * SLAB_TILES;
  const size = channels * outChannels;
  const sumBytes = POSITIONS * size * 4;
  runtime.withScratch(sumBytes + chunkTiles * tileBytes, (sums) => {
    const inputs = sums + sumBytes;
    for (let first = 0; first < tiles; first += chunkTiles) {
      const count = Math.min(chunkTiles, tiles - first);
      const args = [
        ...[x, dy, inputs, inputs + chunkTiles * inputBytes, sums],
        ...[g.height, g.width, channels, g.outHeight, g.outWidth, outChannels],
        ...[g.padTop, g.padLeft, first, count],
        ...[runtime.zeros(channels), Number(first > 0)],
      ];
      runtime.run(
        "winogradGradientInputs",
        args,
        runtime.parts(count * tileBytes, Math.ceil(count / 4)),
      );
      runtime.run("winogradGradientProducts", args, POSITIONS);
    }
    runtime.run(
      "winogradGradientFinish",
      [sums, dWeight, size],
      runtime.parts(POSITIONS * size),
    );
  });
}
