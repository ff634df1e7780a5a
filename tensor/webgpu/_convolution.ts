/**
 * Convolutions of NHWC images with HWIO weights, and their gradients, as
 * matrix products that gather what they multiply.
 *
 * | | row | column | k |
 * |---|---|---|---|
 * | forward | output pixel | output channel | window row, window column, input channel |
 * | gradient of the input | input pixel | input channel | window tap, output channel |
 * | gradient of the weight | window tap, input channel | output channel | output pixel |
 *
 * Groups are problems of their own.
 */

import type { ConvGeometry } from "../backend.ts";
import type { GpuView } from "./_buffer.ts";
import { type GemmCall, type GemmPart, runGemm } from "./_gemm.ts";
import type { GemmSource } from "./_gemm_kernel.ts";
import type { ElementType } from "./_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const fields = <Name extends string>(
  ...names: readonly Name[]
): Record<Name, ElementType> =>
  Object.fromEntries(names.map((name) => [name, "u32"])) as Record<
    Name,
    ElementType
  >;

/**
 * A segment is a row of the window, or one tap of it if its taps are not
 * neighbours in memory (dilation, groups): `taps` neighbouring pixels.
 */
const FORWARD: GemmSource = {
  name: "conv2d",
  uniforms: {
    ...fields(
      "height",
      "width",
      "channels",
      "group_channels",
      "out_height",
      "out_width",
      "out_channels",
      "stride_height",
      "stride_width",
      "dilation_height",
      "dilation_width",
      "row_segments",
    ),
    taps: "i32",
    pad_top: "i32",
    pad_left: "i32",
  },
  declarations: `
fn a_row(problem: u32, row: u32) -> Row {
  let x = row % u.out_width;
  let y = (row / u.out_width) % u.out_height;
  let image = row / (u.out_width * u.out_height);
  return Row(
    image * u.height * u.width * u.channels + problem * u.group_channels,
    i32(y * u.stride_height) - u.pad_top,
    i32(x * u.stride_width) - u.pad_left,
    0u,
    0u,
  );
}
fn a_run(row: Row, segment: u32) -> Run {
  let y = row.y + i32(segment / u.row_segments * u.dilation_height);
  let x = row.x + i32(segment % u.row_segments * u.dilation_width);
  let low = clamp(-x, 0, u.taps);
  let high = select(0, clamp(i32(u.width) - x, 0, u.taps), y >= 0 && y < i32(u.height));
  return Run(
    row.base + u32(y * i32(u.width) + x) * u.channels,
    u32(low) * u.group_channels,
    u32(max(high - low, 0)) * u.group_channels,
  );
}
fn b_start(problem: u32, segment: u32) -> u32 {
  return segment * u.length * u.out_channels + problem * u.n;
}
fn row_exists(row: u32) -> bool {
  return true;
}
fn out_start(problem: u32, row: u32) -> u32 {
  return row * u.out_channels + problem * u.n;
}
`,
};

/**
 * Input pixels whose coordinates leave the same remainder by the stride form
 * a product of their own: the same taps of the window reach them, so that no
 * product with an inserted zero is computed. A segment is such a tap.
 */
const INPUT: GemmSource = {
  name: "conv2d-backward-input",
  uniforms: {
    ...fields(
      "height",
      "width",
      "channels",
      "out_height",
      "out_width",
      "out_channels",
      "kernel_width",
      "stride_height",
      "stride_width",
      "rows_high",
      "rows_wide",
      "first_y",
      "first_x",
      "taps_wide",
      "first_tap_y",
      "first_tap_x",
      "tap_step_y",
      "tap_step_x",
    ),
    out_y: "i32",
    out_x: "i32",
    out_step_y: "i32",
    out_step_x: "i32",
  },
  declarations: `
fn a_row(problem: u32, row: u32) -> Row {
  let x = row % u.rows_wide;
  let y = (row / u.rows_wide) % u.rows_high;
  let image = row / (u.rows_wide * u.rows_high);
  return Row(
    image * u.out_height * u.out_width * u.out_channels + problem * u.length,
    i32(y) + u.out_y,
    i32(x) + u.out_x,
    0u,
    0u,
  );
}
fn a_run(row: Row, segment: u32) -> Run {
  let y = row.y - i32(segment / u.taps_wide) * u.out_step_y;
  let x = row.x - i32(segment % u.taps_wide) * u.out_step_x;
  // Without branches, which SwiftShader compiles for a quarter of a minute.
  let inside = (u32(y) < u.out_height) & (u32(x) < u.out_width);
  return Run(
    row.base + u32(y * i32(u.out_width) + x) * u.out_channels,
    0u,
    select(0u, u.length, inside),
  );
}
fn b_start(problem: u32, segment: u32) -> u32 {
  let y = u.first_tap_y + segment / u.taps_wide * u.tap_step_y;
  let x = u.first_tap_x + segment % u.taps_wide * u.tap_step_x;
  return (y * u.kernel_width + x) * u.n * u.out_channels + problem * u.length;
}
fn row_exists(row: u32) -> bool {
  return true;
}
fn out_start(problem: u32, row: u32) -> u32 {
  let x = u.first_x + row % u.rows_wide * u.stride_width;
  let y = u.first_y + (row / u.rows_wide) % u.rows_high * u.stride_height;
  let image = row / (u.rows_wide * u.rows_high);
  return ((image * u.height + y) * u.width + x) * u.channels + problem * u.n;
}
`,
};

/** A segment is a row of output pixels. The channels of a tap are filled up to `tap_rows` rows. */
const WEIGHT: GemmSource = {
  name: "conv2d-backward-weight",
  uniforms: {
    ...fields(
      "height",
      "width",
      "channels",
      "group_channels",
      "tap_rows",
      "out_height",
      "out_channels",
      "kernel_width",
      "stride_height",
      "stride_width",
      "dilation_height",
      "dilation_width",
    ),
    pad_top: "i32",
    pad_left: "i32",
  },
  declarations: `
fn a_row(problem: u32, row: u32) -> Row {
  let tap = row / u.tap_rows;
  let x = i32(tap % u.kernel_width * u.dilation_width) - u.pad_left;
  let stride = i32(u.stride_width);
  let first = (max(-x, 0) + stride - 1) / stride;
  let end = clamp((i32(u.width) - x + stride - 1) / stride, first, i32(u.length));
  return Row(
    problem * u.group_channels + row % u.tap_rows,
    i32(tap / u.kernel_width * u.dilation_height) - u.pad_top,
    x,
    u32(first),
    u32(end - first),
  );
}
fn a_run(row: Row, segment: u32) -> Run {
  let image = segment / u.out_height;
  let y = i32(segment % u.out_height * u.stride_height) + row.y;
  let inside = y >= 0 && y < i32(u.height);
  return Run(
    row.base + (image * u.height * u.width + u32(y * i32(u.width) + row.x)) * u.channels,
    row.first,
    select(0u, row.length, inside),
  );
}
fn b_start(problem: u32, segment: u32) -> u32 {
  return segment * u.length * u.out_channels + problem * u.n;
}
fn row_exists(row: u32) -> bool {
  return row % u.tap_rows < u.group_channels;
}
fn out_start(problem: u32, row: u32) -> u32 {
  let channel = row / u.tap_rows * u.group_channels + row % u.tap_rows;
  return channel * u.out_channels + problem * u.n;
}
`,
};

/** A window of one pixel sees pixels, not images: then all of them form one row of one image. */
function flattened(geometry: ConvGeometry): ConvGeometry {
  const { batch, height, width, outHeight, outWidth } = geometry;
  const pixels = batch * height * width;
  if (
    geometry.kernelHeight !== 1 || geometry.kernelWidth !== 1 ||
    geometry.strideHeight !== 1 || geometry.strideWidth !== 1 ||
    pixels !== batch * outHeight * outWidth ||
    geometry.padTop !== 0 || geometry.padLeft !== 0
  ) return geometry;
  return {
    ...geometry,
    batch: 1,
    height: 1,
    width: pixels,
    outHeight: 1,
    outWidth: pixels,
  };
}

/** Whether windows reach beyond the image. */
function isPadded(geometry: ConvGeometry): boolean {
  const bottom = (geometry.outHeight - 1) * geometry.strideHeight -
    geometry.padTop + (geometry.kernelHeight - 1) * geometry.dilationHeight;
  const right = (geometry.outWidth - 1) * geometry.strideWidth -
    geometry.padLeft + (geometry.kernelWidth - 1) * geometry.dilationWidth;
  return geometry.padTop > 0 || geometry.padLeft > 0 ||
    bottom >= geometry.height || right >= geometry.width;
}

/** `out = x * weight + bias`. */
export function conv2d(
  runtime: Runtime,
  x: GpuView,
  weight: GpuView,
  bias: GpuView | undefined,
  out: GpuView,
  geometry: ConvGeometry,
): void {
  forImages(runtime, geometry, (images, cutInput, cutOutput) => {
    const shape = flattened(images);
    const { groups, channels, outChannels, kernelHeight, kernelWidth } = shape;
    const groupChannels = channels / groups;
    const n = outChannels / groups;
    const taps = groups === 1 && shape.dilationWidth === 1 ? kernelWidth : 1;
    const rowSegments = kernelWidth / taps;
    const segments = kernelHeight * rowSegments;
    const length = taps * groupChannels;
    const m = shape.batch * shape.outHeight * shape.outWidth;
    const vector = channels % 4 === 0 && groupChannels % 4 === 0;
    const outVector = outChannels % 4 === 0 && n % 4 === 0;
    runGemm(
      runtime,
      {
        source: FORWARD,
        sizes: { problems: groups, m, n, rowsAlike: m, segments, length },
        parts: () => [{
          m,
          segments,
          uniforms: {
            ...sizesOf(shape),
            taps,
            row_segments: rowSegments,
          },
        }],
        a: cutInput(x),
        aAlong: "k",
        aVector: vector,
        aMasked: isPadded(shape),
        aStepK: 1,
        b: weight,
        bAlong: "n",
        bVector: outVector,
        bStep: outChannels,
        out: cutOutput(out),
        outVector,
        bias,
        biasStep: n,
        activation: undefined,
        preActivation: undefined,
      },
    );
  });
}

/** The gradient of the input. */
export function conv2dBackwardInput(
  runtime: Runtime,
  dy: GpuView,
  weight: GpuView,
  dx: GpuView,
  geometry: ConvGeometry,
): void {
  forImages(runtime, geometry, (images, cutInput, cutOutput) => {
    const shape = flattened(images);
    const { groups, channels, outChannels } = shape;
    const n = channels / groups;
    const length = outChannels / groups;
    const parts = inputParts(shape);
    const largest = parts.reduce((a, b) =>
      a.m * a.segments > b.m * b.segments ? a : b
    );
    const vector = outChannels % 4 === 0 && length % 4 === 0;
    const call: GemmCall = {
      source: INPUT,
      sizes: {
        problems: groups,
        m: largest.m,
        n,
        rowsAlike: largest.m,
        segments: largest.segments,
        length,
      },
      parts: () => parts,
      a: cutOutput(dy),
      aAlong: "k",
      aVector: vector,
      aMasked: isPadded(shape) || parts.length > 1 ||
        shape.kernelHeight > 1 || shape.kernelWidth > 1,
      aStepK: 1,
      b: weight,
      bAlong: "k",
      bVector: vector,
      bStep: outChannels,
      out: cutInput(dx),
      outVector: channels % 4 === 0 && n % 4 === 0,
      bias: undefined,
      biasStep: 0,
      activation: undefined,
      preActivation: undefined,
    };
    runGemm(runtime, call);
  });
}

/** Which taps reach the input coordinates with one remainder by the stride. */
interface TapSeries {
  /** The first coordinate with this remainder. */
  readonly first: number;
  /** How many coordinates have it. */
  readonly count: number;
  readonly firstTap: number;
  readonly tapStep: number;
  readonly taps: number;
  /** The output coordinate that meets the first of the coordinates at the first tap. */
  readonly out: number;
  /** How much smaller that is at the next tap. */
  readonly outStep: number;
}

function tapSeries(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): TapSeries[] {
  const series: TapSeries[] = [];
  for (let first = 0; first < Math.min(stride, size); first++) {
    const reaching: number[] = [];
    for (let tap = 0; tap < kernel; tap++) {
      if ((first + padding - tap * dilation) % stride === 0) reaching.push(tap);
    }
    const [firstTap = 0, nextTap = firstTap + stride] = reaching;
    const tapStep = nextTap - firstTap;
    series.push({
      first,
      count: Math.ceil((size - first) / stride),
      firstTap,
      tapStep,
      taps: reaching.length,
      out: Math.floor((first + padding - firstTap * dilation) / stride),
      outStep: Math.floor(tapStep * dilation / stride),
    });
  }
  return series;
}

/** The products of the input's gradient: one for every pair of remainders. */
function inputParts(shape: ConvGeometry): GemmPart[] {
  const vertical = tapSeries(
    shape.height,
    shape.kernelHeight,
    shape.strideHeight,
    shape.padTop,
    shape.dilationHeight,
  );
  const horizontal = tapSeries(
    shape.width,
    shape.kernelWidth,
    shape.strideWidth,
    shape.padLeft,
    shape.dilationWidth,
  );
  return vertical.flatMap((y) =>
    horizontal.map((x): GemmPart => ({
      m: shape.batch * y.count * x.count,
      segments: y.taps * x.taps,
      uniforms: {
        ...sizesOf(shape),
        rows_high: y.count,
        rows_wide: x.count,
        first_y: y.first,
        first_x: x.first,
        taps_wide: Math.max(1, x.taps),
        first_tap_y: y.firstTap,
        first_tap_x: x.firstTap,
        tap_step_y: y.tapStep,
        tap_step_x: x.tapStep,
        out_y: y.out,
        out_x: x.out,
        out_step_y: y.outStep,
        out_step_x: x.outStep,
      },
    }))
  );
}

/** The gradient of the weight. */
export function conv2dBackwardWeight(
  runtime: Runtime,
  x: GpuView,
  dy: GpuView,
  dWeight: GpuView,
  geometry: ConvGeometry,
): void {
  const shape = flattened(geometry);
  const { groups, channels, outChannels, kernelHeight, kernelWidth } = shape;
  const taps = kernelHeight * kernelWidth;
  const groupChannels = channels / groups;
  const n = outChannels / groups;
  const segments = shape.batch * shape.outHeight;
  const length = shape.outWidth;
  const outVector = outChannels % 4 === 0 && n % 4 === 0;
  runGemm(
    runtime,
    {
      source: WEIGHT,
      sizes: {
        problems: groups,
        m: taps * groupChannels,
        n,
        rowsAlike: groupChannels,
        segments,
        length,
      },
      parts({ variant, rows }) {
        const together = variant === "tiles" ? 4 : rows;
        const tapRows = Math.ceil(groupChannels / together) * together;
        const uniforms = { ...sizesOf(shape), tap_rows: tapRows };
        return [{ m: taps * tapRows, segments, uniforms }];
      },
      a: x,
      aAlong: "m",
      aVector: channels % 4 === 0 && groupChannels % 4 === 0,
      aMasked: true,
      aStepK: shape.strideWidth * channels,
      b: dy,
      bAlong: "n",
      bVector: outVector,
      bStep: outChannels,
      out: dWeight,
      outVector,
      bias: undefined,
      biasStep: 0,
      activation: undefined,
      preActivation: undefined,
    },
  );
}

/** The uniforms that several sources have. */
function sizesOf(shape: ConvGeometry): Record<string, number> {
  return {
    height: shape.height,
    width: shape.width,
    channels: shape.channels,
    group_channels: shape.channels / shape.groups,
    out_height: shape.outHeight,
    out_width: shape.outWidth,
    out_channels: shape.outChannels,
    kernel_width: shape.kernelWidth,
    stride_height: shape.strideHeight,
    stride_width: shape.strideWidth,
    dilation_height: shape.dilationHeight,
    dilation_width: shape.dilationWidth,
    pad_top: shape.padTop,
    pad_left: shape.padLeft,
  };
}

/** Ranges of images whose inputs and outputs fit one binding. */
function forImages(
  runtime: Runtime,
  geometry: ConvGeometry,
  run: (
    images: ConvGeometry,
    cutInput: (view: GpuView) => GpuView,
    cutOutput: (view: GpuView) => GpuView,
  ) => void,
): void {
  const { batch, height, width, channels } = geometry;
  const input = height * width * channels;
  const output = geometry.outHeight * geometry.outWidth * geometry.outChannels;
  const bytes = 4 * Math.max(input, output);
  forRowRanges(batch, bytes, runtime.binding, (first, count) => {
    run(
      { ...geometry, batch: count },
      (view) => rowsOf(view, input, first, count),
      (view) => rowsOf(view, output, first, count),
    );
  });
}
