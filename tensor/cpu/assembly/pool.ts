// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Pooling of NHWC images. The arguments of all kernels are three addresses
 * and, from 3 on, the geometry: batch, height, width, channels, kernelHeight,
 * kernelWidth, outHeight, outWidth, strideHeight, strideWidth, padTop,
 * padLeft, countIncludePad. Parts share rows of the result.
 */

import { address, int, slice } from "./_kernel.ts";
import { Four, loadLanes, One, storeLanes } from "./_lanes.ts";
import { splat } from "./_math.ts";

const BATCH = 3;
const HEIGHT = 4;
const WIDTH = 5;
const CHANNELS = 6;
const KERNEL_HEIGHT = 7;
const KERNEL_WIDTH = 8;
const OUT_HEIGHT = 9;
const OUT_WIDTH = 10;
const STRIDE_HEIGHT = 11;
const STRIDE_WIDTH = 12;
const PAD_TOP = 13;
const PAD_LEFT = 14;
const COUNT_INCLUDE_PAD = 15;

/** The first window that reaches a row or column. */
function firstWindow(at: i32, pad: i32, kernel: i32, stride: i32): i32 {
  const reach = at + pad - kernel;
  return reach < 0 ? 0 : reach / stride + 1;
}

/** The window behind the last one that reaches a row or column. */
function endWindow(at: i32, pad: i32, stride: i32, count: i32): i32 {
  return min(count, (at + pad) / stride + 1);
}

/** The largest of a window, the first of equals; a NaN is larger than all. */
function maxWindow<W>(
  x: usize,
  out: usize,
  indices: usize,
  channelBytes: usize,
  width: i32,
  top: i32,
  bottom: i32,
  left: i32,
  right: i32,
): void {
  let best = splat(-Infinity);
  let winner = i32x4.splat(-1);
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const position = row * width + column;
      const value = loadLanes<W>(x + <usize> position * channelBytes);
      const isFirst = i32x4.lt_s(winner, i32x4.splat(0));
      const isNewNaN = v128.and(f32x4.ne(value, value), f32x4.eq(best, best));
      const wins = v128.or(
        v128.or(isFirst, isNewNaN),
        f32x4.gt(value, best),
      );
      best = v128.bitselect(value, best, wins);
      winner = v128.bitselect(i32x4.splat(position), winner, wins);
    }
  }
  storeLanes<W>(out, best);
  storeLanes<W>(indices, winner);
}

/** (x, out, indices, geometry). */
export function maxPool2d(params: usize, part: i32, parts: i32): void {
  const height = int(params, HEIGHT);
  const width = int(params, WIDTH);
  const pixel = <usize> int(params, CHANNELS) << 2;
  const outHeight = int(params, OUT_HEIGHT);
  const outWidth = int(params, OUT_WIDTH);
  const rows = int(params, BATCH) * outHeight;
  const last = slice(rows, part + 1, parts);
  for (let row = slice(rows, part, parts); row < last; row++) {
    const image = row / outHeight;
    const x = address(params, 0) + <usize> (image * height * width) * pixel;
    const y = (row - image * outHeight) * int(params, STRIDE_HEIGHT) -
      int(params, PAD_TOP);
    const top = max(y, 0);
    const bottom = min(y + int(params, KERNEL_HEIGHT), height);
    for (let column = 0; column < outWidth; column++) {
      const at = column * int(params, STRIDE_WIDTH) - int(params, PAD_LEFT);
      const left = max(at, 0);
      const right = min(at + int(params, KERNEL_WIDTH), width);
      const offset = <usize> (row * outWidth + column) * pixel;
      const out = address(params, 1) + offset;
      const indices = address(params, 2) + offset;
      let c: usize = 0;
      for (; c + 16 <= pixel; c += 16) {
        maxWindow<Four>(
          x + c,
          out + c,
          indices + c,
          pixel,
          width,
          top,
          bottom,
          left,
          right,
        );
      }
      for (; c < pixel; c += 4) {
        maxWindow<One>(
          x + c,
          out + c,
          indices + c,
          pixel,
          width,
          top,
          bottom,
          left,
          right,
        );
      }
    }
  }
}

/** The sum of dy over the windows that a position won. */
function wonGradients<W>(
  dy: usize,
  indices: usize,
  dx: usize,
  pixel: usize,
  outWidth: i32,
  top: i32,
  bottom: i32,
  left: i32,
  right: i32,
  position: i32,
): void {
  const own = i32x4.splat(position);
  let sum = splat(0);
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const at = <usize> (row * outWidth + column) * pixel;
      const won = i32x4.eq(loadLanes<W>(indices + at), own);
      sum = f32x4.add(sum, v128.and(loadLanes<W>(dy + at), won));
    }
  }
  storeLanes<W>(dx, sum);
}

/** (dy, indices, dx, geometry). */
export function maxPool2dBackward(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const height = int(params, HEIGHT);
  const width = int(params, WIDTH);
  const pixel = <usize> int(params, CHANNELS) << 2;
  const outHeight = int(params, OUT_HEIGHT);
  const outWidth = int(params, OUT_WIDTH);
  const strideHeight = int(params, STRIDE_HEIGHT);
  const strideWidth = int(params, STRIDE_WIDTH);
  const padTop = int(params, PAD_TOP);
  const padLeft = int(params, PAD_LEFT);
  const rows = int(params, BATCH) * height;
  const last = slice(rows, part + 1, parts);
  for (let line = slice(rows, part, parts); line < last; line++) {
    const image = line / height;
    const row = line - image * height;
    const first = <usize> (image * outHeight * outWidth) * pixel;
    const dy = address(params, 0) + first;
    const indices = address(params, 1) + first;
    const top = firstWindow(
      row,
      padTop,
      int(params, KERNEL_HEIGHT),
      strideHeight,
    );
    const bottom = endWindow(row, padTop, strideHeight, outHeight);
    for (let column = 0; column < width; column++) {
      const left = firstWindow(
        column,
        padLeft,
        int(params, KERNEL_WIDTH),
        strideWidth,
      );
      const right = endWindow(column, padLeft, strideWidth, outWidth);
      const position = row * width + column;
      const dx = address(params, 2) +
        <usize> (image * height * width + position) * pixel;
      let c: usize = 0;
      for (; c + 16 <= pixel; c += 16) {
        wonGradients<Four>(
          dy + c,
          indices + c,
          dx + c,
          pixel,
          outWidth,
          top,
          bottom,
          left,
          right,
          position,
        );
      }
      for (; c < pixel; c += 4) {
        wonGradients<One>(
          dy + c,
          indices + c,
          dx + c,
          pixel,
          outWidth,
          top,
          bottom,
          left,
          right,
          position,
        );
      }
    }
  }
}

function meanOfWindow<W>(
  x: usize,
  out: usize,
  pixel: usize,
  width: i32,
  top: i32,
  bottom: i32,
  left: i32,
  right: i32,
  divisor: f32,
): void {
  let total = splat(0);
  for (let row = top; row < bottom; row++) {
    let sum = splat(0);
    for (let column = left; column < right; column++) {
      const at = <usize> (row * width + column) * pixel;
      sum = f32x4.add(sum, loadLanes<W>(x + at));
    }
    total = f32x4.add(total, sum);
  }
  storeLanes<W>(out, f32x4.div(total, splat(divisor)));
}

/** How many elements a window has within a line, or altogether. */
function extent(
  params: usize,
  window: i32,
  stride: i32,
  pad: i32,
  kernel: i32,
  size: i32,
): i32 {
  if (int(params, COUNT_INCLUDE_PAD)) return kernel;
  const start = window * stride - pad;
  return min(start + kernel, size) - max(start, 0);
}

/** (x, out, nothing, geometry). */
export function averagePool2d(params: usize, part: i32, parts: i32): void {
  const height = int(params, HEIGHT);
  const width = int(params, WIDTH);
  const pixel = <usize> int(params, CHANNELS) << 2;
  const kernelHeight = int(params, KERNEL_HEIGHT);
  const kernelWidth = int(params, KERNEL_WIDTH);
  const outHeight = int(params, OUT_HEIGHT);
  const outWidth = int(params, OUT_WIDTH);
  const strideHeight = int(params, STRIDE_HEIGHT);
  const strideWidth = int(params, STRIDE_WIDTH);
  const padTop = int(params, PAD_TOP);
  const padLeft = int(params, PAD_LEFT);
  const rows = int(params, BATCH) * outHeight;
  const last = slice(rows, part + 1, parts);
  for (let line = slice(rows, part, parts); line < last; line++) {
    const image = line / outHeight;
    const row = line - image * outHeight;
    const x = address(params, 0) + <usize> (image * height * width) * pixel;
    const y = row * strideHeight - padTop;
    const top = max(y, 0);
    const bottom = min(y + kernelHeight, height);
    const tall = extent(
      params,
      row,
      strideHeight,
      padTop,
      kernelHeight,
      height,
    );
    for (let column = 0; column < outWidth; column++) {
      const at = column * strideWidth - padLeft;
      const left = max(at, 0);
      const right = min(at + kernelWidth, width);
      const wide = extent(
        params,
        column,
        strideWidth,
        padLeft,
        kernelWidth,
        width,
      );
      const divisor = <f32> (tall * wide);
      const out = address(params, 1) +
        <usize> (line * outWidth + column) * pixel;
      let c: usize = 0;
      for (; c + 16 <= pixel; c += 16) {
        meanOfWindow<Four>(
          x + c,
          out + c,
          pixel,
          width,
          top,
          bottom,
          left,
          right,
          divisor,
        );
      }
      for (; c < pixel; c += 4) {
        meanOfWindow<One>(
          x + c,
          out + c,
          pixel,
          width,
          top,
          bottom,
          left,
          right,
          divisor,
        );
      }
    }
  }
}

/** Adds dy / divisor of one window. */
function addShares<W>(
  dy: usize,
  dx: usize,
  divisor: f32,
  isFirst: bool,
): void {
  const share = f32x4.div(loadLanes<W>(dy), splat(divisor));
  storeLanes<W>(dx, isFirst ? share : f32x4.add(loadLanes<W>(dx), share));
}

/** (dy, dx, nothing, geometry). */
export function averagePool2dBackward(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const height = int(params, HEIGHT);
  const width = int(params, WIDTH);
  const pixel = <usize> int(params, CHANNELS) << 2;
  const kernelHeight = int(params, KERNEL_HEIGHT);
  const kernelWidth = int(params, KERNEL_WIDTH);
  const outHeight = int(params, OUT_HEIGHT);
  const outWidth = int(params, OUT_WIDTH);
  const strideHeight = int(params, STRIDE_HEIGHT);
  const strideWidth = int(params, STRIDE_WIDTH);
  const padTop = int(params, PAD_TOP);
  const padLeft = int(params, PAD_LEFT);
  const rows = int(params, BATCH) * height;
  const last = slice(rows, part + 1, parts);
  for (let line = slice(rows, part, parts); line < last; line++) {
    const image = line / height;
    const row = line - image * height;
    const top = firstWindow(row, padTop, kernelHeight, strideHeight);
    const bottom = endWindow(row, padTop, strideHeight, outHeight);
    for (let column = 0; column < width; column++) {
      const left = firstWindow(column, padLeft, kernelWidth, strideWidth);
      const right = endWindow(column, padLeft, strideWidth, outWidth);
      const dx = address(params, 1) + <usize> (line * width + column) * pixel;
      let isFirst = true;
      for (let oy = top; oy < bottom; oy++) {
        const tall = extent(
          params,
          oy,
          strideHeight,
          padTop,
          kernelHeight,
          height,
        );
        for (let ox = left; ox < right; ox++) {
          const wide = extent(
            params,
            ox,
            strideWidth,
            padLeft,
            kernelWidth,
            width,
          );
          const divisor = <f32> (tall * wide);
          const at = (image * outHeight + oy) * outWidth + ox;
          const dy = address(params, 0) + <usize> at * pixel;
          let c: usize = 0;
          for (; c + 16 <= pixel; c += 16) {
            addShares<Four>(dy + c, dx + c, divisor, isFirst);
          }
          for (; c < pixel; c += 4) {
            addShares<One>(dy + c, dx + c, divisor, isFirst);
          }
          isFirst = false;
        }
      }
      // No window reaches the position.
      if (isFirst) memory.fill(dx, 0, pixel);
    }
  }
}
