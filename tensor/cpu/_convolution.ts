/** Convolutions of the cpu device. */

import type { Backend, ConvGeometry } from "../backend.ts";
import {
  type Gemm,
  MAX_SEGMENT,
  PANEL_COLUMNS,
  runGemm,
  type Segment,
  segmentLength,
  segmentsOf,
  withSegments,
} from "./_gemm.ts";
import { sizeOf } from "../shape.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";
import {
  isWinograd,
  isWinogradWeight,
  runWinograd,
  runWinogradInput,
  runWinogradWeight,
} from "./_winograd.ts";

/** With so few channels, a row of weights is read as one run of numbers; the images need borders then. */
const FEW_CHANNELS = 8;

/** Panels that assembly/convolution_weight.ts packs at once. */
const BLOCK_PANELS = 16;

/** With fewer parts, threads would wait for each other. */
const MIN_PARTS = 16;

/** So many tiles read what one part packs, at least. */
const BLOCK_TILES = 32;

/** So many pixels are summed up in one part, at least. */
const SPLIT_PIXELS = 512;

/** The kernels of convolutions. */
export function convolution(
  runtime: Runtime,
): Pick<
  Backend<CpuBuffer>,
  "conv2d" | "conv2dBackwardInput" | "conv2dBackwardWeight"
> {
  return {
    conv2d(x, weight, bias, out, geometry) {
      const addresses = [x, weight, bias, out].map(addressOf);
      const [, weightAt, biasAt, outAt] = addresses;
      if (isDepthwise(geometry)) {
        runDepthwise(runtime, "depthwise", addresses, geometry);
        return;
      }
      if (isWinograd(geometry, runtime.native)) {
        const [xAt] = addresses;
        runWinograd(runtime, xAt, weightAt, biasAt, outAt, geometry);
        return;
      }
      withImages(runtime, addressOf(x), geometry, (images, g) => {
        const columns = g.outChannels / g.groups;
        runGemm(runtime, {
          groups: g.groups,
          columns,
          a: {
            ...images,
            groupStride: g.channels / g.groups,
            rowStep: g.strideHeight,
            columnStep: g.strideWidth,
          },
          b: {
            address: weightAt,
            groupStride: columns,
            rowStride: g.outChannels,
            columnStride: 1,
          },
          segments: forwardSegments(g, images.run, g.outChannels),
          bias: { address: biasAt, groupStride: columns },
          out: {
            address: outAt,
            groupStride: columns,
            images: g.batch,
            height: g.outHeight,
            width: g.outWidth,
            imageStride: g.outHeight * g.outWidth * g.outChannels,
            rowStride: g.outWidth * g.outChannels,
            columnStride: g.outChannels,
          },
          activation: undefined,
          preActivation: 0,
        });
      });
    },

    conv2dBackwardInput(dy, weight, dx, geometry) {
      const [dyAt, weightAt, dxAt] = [dy, weight, dx].map(addressOf);
      if (isDepthwise(geometry)) {
        const addresses = [dxAt, weightAt, 0, dyAt];
        runDepthwise(runtime, "depthwiseInput", addresses, geometry);
        return;
      }
      if (isWinograd(geometry, runtime.native)) {
        runWinogradInput(runtime, dyAt, weightAt, dxAt, geometry);
        return;
      }
      const g = isPointwise(geometry) ? asOneRow(geometry) : geometry;
      // Input pixels whose rows (columns) leave the same remainder when they
      // are divided by the stride are reached by the same weights, or by none.
      const products: Gemm[] = [];
      const rows = Math.min(g.strideHeight, g.height);
      const columns = Math.min(g.strideWidth, g.width);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          products.push(inputGradient(g, row, column, dyAt, weightAt, dxAt));
        }
      }
      if (products.some(({ segments }) => segments.length === 0)) {
        const count = sizeOf(dx.shape);
        runtime.run("fill", [dxAt, count, 0, 0], runtime.parts(count));
      }
      for (const product of products) {
        if (product.segments.length > 0) runGemm(runtime, product);
      }
    },

    conv2dBackwardWeight(x, dy, dWeight, geometry) {
      const [xAt, dyAt, dWeightAt] = [x, dy, dWeight].map(addressOf);
      if (isDepthwise(geometry)) {
        const addresses = [xAt, dWeightAt, 0, dyAt];
        runDepthwise(runtime, "depthwiseWeight", addresses, geometry);
        return;
      }
      if (isWinogradWeight(geometry, runtime.native)) {
        runWinogradWeight(runtime, xAt, dyAt, dWeightAt, geometry);
        return;
      }
      withImages(runtime, xAt, geometry, (images, g) => {
        runWeightGradient(runtime, images, dyAt, dWeightAt, g);
      });
    },
  };
}

/** Images as they are convolved. */
interface Images {
  readonly address: number;
  readonly height: number;
  readonly width: number;
  readonly pixelStride: number;
  /** How many weight columns one run of numbers takes. */
  readonly run: number;
}

function isDepthwise(g: ConvGeometry): boolean {
  return g.groups === g.channels;
}

/** Whether every output pixel is a product of one input pixel, in order. */
function isPointwise(g: ConvGeometry): boolean {
  return g.kernelHeight === 1 && g.kernelWidth === 1 &&
    g.strideHeight === 1 && g.strideWidth === 1 &&
    g.outHeight === g.height && g.outWidth === g.width;
}

/** All pixels of a pointwise convolution as one row of one image. */
function asOneRow(g: ConvGeometry): ConvGeometry {
  const width = g.batch * g.height * g.width;
  return {
    ...g,
    ...{ batch: 1, height: 1, width, outHeight: 1, outWidth: width },
  };
}

/** Prepares images: as one row, with a border of zeros, or as they are. */
function withImages(
  runtime: Runtime,
  address: number,
  g: ConvGeometry,
  body: (images: Images, geometry: ConvGeometry) => void,
): void {
  const pixelStride = g.channels;
  if (isPointwise(g)) {
    const row = asOneRow(g);
    const { height, width } = row;
    body({ address, height, width, pixelStride, run: 1 }, row);
    return;
  }
  const joinsColumns = g.groups === 1 && g.kernelWidth > 1 &&
    g.dilationWidth === 1 && g.channels <= FEW_CHANNELS;
  if (!joinsColumns) {
    const { height, width } = g;
    body({ address, height, width, pixelStride, run: 1 }, g);
    return;
  }
  const height = (g.outHeight - 1) * g.strideHeight +
    (g.kernelHeight - 1) * g.dilationHeight + 1;
  const width = (g.outWidth - 1) * g.strideWidth + g.kernelWidth;
  const size = g.batch * height * width * pixelStride;
  runtime.withScratch(size * 4, (padded) => {
    runtime.run(
      "padImages",
      [
        ...[address, padded, g.batch, g.height, g.width, pixelStride],
        ...[g.padTop, g.padLeft, height, width],
      ],
      runtime.parts(size, g.batch * height),
    );
    body(
      { address: padded, height, width, pixelStride, run: g.kernelWidth },
      { ...g, padTop: 0, padLeft: 0 },
    );
  });
}

/** One segment for each weight position and run of channels. */
function forwardSegments(
  g: ConvGeometry,
  run: number,
  weightsStride: number,
  longest?: number,
): Segment[] {
  const channels = g.channels / g.groups;
  const length = channels * run;
  const segments: Segment[] = [];
  for (let i = 0; i < g.kernelHeight; i++) {
    for (let j = 0; j < g.kernelWidth; j += run) {
      segments.push(...segmentsOf(
        i * g.dilationHeight - g.padTop,
        j * g.dilationWidth - g.padLeft,
        length,
        (i * g.kernelWidth + j) * channels * weightsStride,
        weightsStride,
        longest ??
          segmentLength(length, g.kernelHeight * g.kernelWidth / run),
      ));
    }
  }
  return segments;
}

/** The gradient of those input pixels whose row and column leave given remainders. */
function inputGradient(
  g: ConvGeometry,
  row: number,
  column: number,
  dy: number,
  weight: number,
  dx: number,
): Gemm {
  const channels = g.channels / g.groups;
  const outChannels = g.outChannels / g.groups;
  const segments: Segment[] = [];
  for (let i = 0; i < g.kernelHeight; i++) {
    const y = row + g.padTop - i * g.dilationHeight;
    if (y % g.strideHeight !== 0) continue;
    for (let j = 0; j < g.kernelWidth; j++) {
      const x = column + g.padLeft - j * g.dilationWidth;
      if (x % g.strideWidth !== 0) continue;
      segments.push(...segmentsOf(
        y / g.strideHeight,
        x / g.strideWidth,
        outChannels,
        (i * g.kernelWidth + j) * channels * g.outChannels,
        1,
        segmentLength(outChannels, g.kernelHeight * g.kernelWidth),
      ));
    }
  }
  return {
    groups: g.groups,
    columns: channels,
    a: {
      address: dy,
      groupStride: outChannels,
      height: g.outHeight,
      width: g.outWidth,
      pixelStride: g.outChannels,
      rowStep: 1,
      columnStep: 1,
    },
    b: {
      address: weight,
      groupStride: outChannels,
      rowStride: 1,
      columnStride: g.outChannels,
    },
    segments,
    bias: { address: 0, groupStride: 0 },
    out: {
      address: dx + (row * g.width + column) * g.channels * 4,
      groupStride: channels,
      images: g.batch,
      height: Math.ceil((g.height - row) / g.strideHeight),
      width: Math.ceil((g.width - column) / g.strideWidth),
      imageStride: g.height * g.width * g.channels,
      rowStride: g.strideHeight * g.width * g.channels,
      columnStride: g.strideWidth * g.channels,
    },
    activation: undefined,
    preActivation: 0,
  };
}

function runWeightGradient(
  runtime: Runtime,
  images: Images,
  dy: number,
  dWeight: number,
  g: ConvGeometry,
): void {
  const columns = g.outChannels / g.groups;
  const channels = g.channels / g.groups;
  const size = g.kernelHeight * g.kernelWidth * channels * g.outChannels;
  const pixels = g.batch * g.outHeight * g.outWidth;
  const segments = forwardSegments(g, images.run, 1, MAX_SEGMENT);
  const tiles = segments.reduce(
    (sum, { length }) => sum + Math.ceil(length / 4),
    0,
  );
  const columnBlocks = Math.ceil(columns / (PANEL_COLUMNS * BLOCK_PANELS));
  const blocks = g.groups * columnBlocks;
  const rowBlocks = Math.max(
    1,
    Math.min(Math.ceil(MIN_PARTS / blocks), Math.floor(tiles / BLOCK_TILES)),
  );
  const splits = Math.max(
    1,
    Math.min(
      Math.floor(MIN_PARTS / (blocks * rowBlocks)),
      Math.floor(pixels / SPLIT_PIXELS),
    ),
  );
  const partialsBytes = splits === 1 ? 0 : splits * size * 4;
  withSegments(runtime, segments, partialsBytes, (table, partials) => {
    runtime.run(
      "convolutionWeight",
      [
        ...[images.address, dy, splits === 1 ? dWeight : partials],
        ...[table, segments.length, runtime.zeros(MAX_SEGMENT + 16)],
        ...[columns, g.batch, g.outHeight, g.outWidth],
        ...[images.height, images.width, images.pixelStride],
        ...[g.strideHeight, g.strideWidth, g.outChannels],
        ...[g.groups, channels, columns, columns, g.outChannels],
        ...[splits, size, rowBlocks, columnBlocks],
      ],
      runtime.parts(
        pixels * size / g.groups / 8,
        blocks * rowBlocks * splits,
      ),
    );
    if (splits > 1) {
      runtime.run(
        "sumPartials",
        [partials, dWeight, size, splits, size],
        runtime.parts(size * splits),
      );
    }
  });
}

function runDepthwise(
  runtime: Runtime,
  kernel: "depthwise" | "depthwiseInput" | "depthwiseWeight",
  addresses: readonly number[],
  g: ConvGeometry,
): void {
  runtime.run(
    kernel,
    [
      ...addresses,
      ...[g.batch, g.height, g.width, g.channels],
      ...[g.kernelHeight, g.kernelWidth, g.outHeight, g.outWidth],
      ...[g.outChannels / g.groups, g.strideHeight, g.strideWidth],
      ...[g.padTop, g.padLeft, g.dilationHeight, g.dilationWidth],
    ],
    runtime.parts(
      g.batch * g.outHeight * g.outWidth * g.outChannels * g.kernelHeight *
        g.kernelWidth,
    ),
  );
}
