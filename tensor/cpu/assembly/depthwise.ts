// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Convolutions in which every group is one input channel, and its `multiple`
 * output channels. Channels are worked on four at a time; reading a few
 * numbers too many is harmless, storing them is not.
 *
 * The arguments of all three kernels, in order:
 *
 *  0 x or dx        1 weight or dWeight   2 bias, or 0   3 out or dy
 *  4 images         5 height        6 width         7 channels
 *  8 weight rows    9 weight columns
 * 10 output rows   11 output columns   12 multiple
 * 13 rows and 14 columns between outputs
 * 15 rows and 16 columns of padding before the first
 * 17 rows and 18 columns between weights
 */

import { address, int, madd, slice, threadScratch } from "./_kernel.ts";
import { copyWords } from "./_copy.ts";

/** Room of `storeFirst` in front of the list of pairs. */
const ROOM: usize = 16;

function listPair(pair: usize, x: usize, weight: usize): void {
  store<u32>(pair, <u32> x);
  store<u32>(pair, <u32> weight, 4);
}

/** Four floats that are `stride` floats apart. */
function spread(from: usize, stride: i32): v128 {
  const step = <usize> stride << 2;
  return f32x4(
    load<f32>(from),
    load<f32>(from + step),
    load<f32>(from + 2 * step),
    load<f32>(from + 3 * step),
  );
}

/** The inputs of four output channels of which each `multiple` share one. */
function inputsOf(pixel: usize, channel: i32, multiple: i32): v128 {
  if (multiple == 1) return v128.load(pixel + (<usize> channel << 2));
  return f32x4(
    load<f32>(pixel + (<usize> (channel / multiple) << 2)),
    load<f32>(pixel + (<usize> ((channel + 1) / multiple) << 2)),
    load<f32>(pixel + (<usize> ((channel + 2) / multiple) << 2)),
    load<f32>(pixel + (<usize> ((channel + 3) / multiple) << 2)),
  );
}

/** Stores up to four floats. */
function storeFirst(to: usize, x: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, x);
  } else {
    const room = threadScratch();
    v128.store(room, x);
    copyWords(room, to, count);
  }
}

/*
 * For each pixel, the pairs of addresses that are multiplied are listed first:
 * one for each weight position that is inside of the image.
 */

/** target = base + Σ of the products of two lists of pixels. */
function sumPairs(
  pairs: usize,
  pairsEnd: usize,
  base: usize,
  channels: i32,
  target: usize,
): void {
  let offset: usize = 0;
  let left = channels;
  for (; left >= 16; left -= 16) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    if (base != 0) {
      s0 = v128.load(base + offset);
      s1 = v128.load(base + offset, 16);
      s2 = v128.load(base + offset, 32);
      s3 = v128.load(base + offset, 48);
    }
    for (let pair = pairs; pair < pairsEnd; pair += 8) {
      const x = <usize> load<u32>(pair) + offset;
      const w = <usize> load<u32>(pair, 4) + offset;
      s0 = madd(v128.load(x), v128.load(w), s0);
      s1 = madd(v128.load(x, 16), v128.load(w, 16), s1);
      s2 = madd(v128.load(x, 32), v128.load(w, 32), s2);
      s3 = madd(v128.load(x, 48), v128.load(w, 48), s3);
    }
    v128.store(target + offset, s0);
    v128.store(target + offset, s1, 16);
    v128.store(target + offset, s2, 32);
    v128.store(target + offset, s3, 48);
    offset += 64;
  }
  for (; left > 0; left -= 4) {
    let sum = base == 0 ? f32x4.splat(0) : v128.load(base + offset);
    for (let pair = pairs; pair < pairsEnd; pair += 8) {
      const x = <usize> load<u32>(pair) + offset;
      const w = <usize> load<u32>(pair, 4) + offset;
      sum = madd(v128.load(x), v128.load(w), sum);
    }
    storeFirst(target + offset, sum, left);
    offset += 16;
  }
}

/** out = the convolution. */
export function depthwise(params: usize, part: i32, parts: i32): void {
  const x = address(params, 0);
  const weight = address(params, 1);
  const bias = address(params, 2);
  const height = int(params, 5);
  const width = int(params, 6);
  const channels = int(params, 7);
  const kernelHeight = int(params, 8);
  const kernelWidth = int(params, 9);
  const outHeight = int(params, 10);
  const outWidth = int(params, 11);
  const multiple = int(params, 12);
  const outChannels = channels * multiple;
  const pairs = threadScratch() + ROOM;
  const lines = int(params, 4) * outHeight;
  const end = slice(lines, part + 1, parts);
  for (let line = slice(lines, part, parts); line < end; line++) {
    const image = line / outHeight;
    const top = line % outHeight * int(params, 13) - int(params, 15);
    for (let column = 0; column < outWidth; column++) {
      const left = column * int(params, 14) - int(params, 16);
      let pairsEnd = pairs;
      for (let i = 0; i < kernelHeight; i++) {
        const row = top + i * int(params, 17);
        if (<u32> row >= <u32> height) continue;
        for (let j = 0; j < kernelWidth; j++) {
          const at = left + j * int(params, 18);
          if (<u32> at >= <u32> width) continue;
          const pixel = (image * height + row) * width + at;
          const position = i * kernelWidth + j;
          listPair(
            pairsEnd,
            x + (<usize> (pixel * channels) << 2),
            weight + (<usize> (position * outChannels) << 2),
          );
          pairsEnd += 8;
        }
      }
      const target = address(params, 3) +
        (<usize> ((line * outWidth + column) * outChannels) << 2);
      if (multiple == 1) {
        sumPairs(pairs, pairsEnd, bias, channels, target);
        continue;
      }
      for (let channel = 0; channel < outChannels; channel += 4) {
        const bytes = <usize> channel << 2;
        let sum = bias == 0 ? f32x4.splat(0) : v128.load(bias + bytes);
        for (let pair = pairs; pair < pairsEnd; pair += 8) {
          sum = madd(
            inputsOf(<usize> load<u32>(pair), channel, multiple),
            v128.load(<usize> load<u32>(pair, 4) + bytes),
            sum,
          );
        }
        storeFirst(target + bytes, sum, outChannels - channel);
      }
    }
  }
}

/** dx = the gradient of the input. */
export function depthwiseInput(params: usize, part: i32, parts: i32): void {
  const weight = address(params, 1);
  const dy = address(params, 3);
  const height = int(params, 5);
  const width = int(params, 6);
  const channels = int(params, 7);
  const kernelHeight = int(params, 8);
  const kernelWidth = int(params, 9);
  const outHeight = int(params, 10);
  const outWidth = int(params, 11);
  const multiple = int(params, 12);
  const stepY = int(params, 13);
  const stepX = int(params, 14);
  const outChannels = channels * multiple;
  const pairs = threadScratch() + ROOM;
  const lines = int(params, 4) * height;
  const end = slice(lines, part + 1, parts);
  for (let line = slice(lines, part, parts); line < end; line++) {
    const image = line / height;
    const bottom = line % height + int(params, 15);
    for (let column = 0; column < width; column++) {
      const right = column + int(params, 16);
      let pairsEnd = pairs;
      for (let i = 0; i < kernelHeight; i++) {
        const y = bottom - i * int(params, 17);
        if (y < 0 || y % stepY != 0 || y / stepY >= outHeight) continue;
        for (let j = 0; j < kernelWidth; j++) {
          const x = right - j * int(params, 18);
          if (x < 0 || x % stepX != 0 || x / stepX >= outWidth) continue;
          const pixel = (image * outHeight + y / stepY) * outWidth + x / stepX;
          const position = i * kernelWidth + j;
          listPair(
            pairsEnd,
            dy + (<usize> (pixel * outChannels) << 2),
            weight + (<usize> (position * outChannels) << 2),
          );
          pairsEnd += 8;
        }
      }
      const target = address(params, 0) +
        (<usize> ((line * width + column) * channels) << 2);
      if (multiple == 1) {
        sumPairs(pairs, pairsEnd, 0, channels, target);
        continue;
      }
      for (let channel = 0; channel < channels; channel += 4) {
        let sum = f32x4.splat(0);
        for (let pair = pairs; pair < pairsEnd; pair += 8) {
          const first = <usize> (channel * multiple) << 2;
          const end = first + (<usize> multiple << 2);
          for (let bytes = first; bytes < end; bytes += 4) {
            sum = madd(
              spread(<usize> load<u32>(pair) + bytes, multiple),
              spread(<usize> load<u32>(pair, 4) + bytes, multiple),
              sum,
            );
          }
        }
        storeFirst(target + (<usize> channel << 2), sum, channels - channel);
      }
    }
  }
}

/** dWeight = the gradient of the weight. */
export function depthwiseWeight(params: usize, part: i32, parts: i32): void {
  const x = address(params, 0);
  const dWeight = address(params, 1);
  const dy = address(params, 3);
  const images = int(params, 4);
  const height = int(params, 5);
  const width = int(params, 6);
  const channels = int(params, 7);
  const kernelWidth = int(params, 9);
  const outHeight = int(params, 10);
  const outWidth = int(params, 11);
  const multiple = int(params, 12);
  const stepX = int(params, 14);
  const outChannels = channels * multiple;
  const quads = (outChannels + 3) / 4;
  const items = int(params, 8) * kernelWidth * quads;
  const end = slice(items, part + 1, parts);
  for (let item = slice(items, part, parts); item < end; item++) {
    const position = item / quads;
    const channel = item % quads * 4;
    const top = position / kernelWidth * int(params, 17) - int(params, 15);
    const left = position % kernelWidth * int(params, 18) - int(params, 16);
    let sum = f32x4.splat(0);
    for (let image = 0; image < images; image++) {
      for (let i = 0; i < outHeight; i++) {
        const row = top + i * int(params, 13);
        if (<u32> row >= <u32> height) continue;
        const pixels = x +
          (<usize> ((image * height + row) * width * channels) << 2);
        const gradients = dy +
          (<usize> ((image * outHeight + i) * outWidth * outChannels +
            channel) << 2);
        // Sums of one row first: they round less than one long sum.
        let rowSum = f32x4.splat(0);
        for (let j = 0; j < outWidth; j++) {
          const at = left + j * stepX;
          if (<u32> at >= <u32> width) continue;
          rowSum = madd(
            inputsOf(
              pixels + (<usize> (at * channels) << 2),
              channel,
              multiple,
            ),
            v128.load(gradients + (<usize> (j * outChannels) << 2)),
            rowSum,
          );
        }
        sum = f32x4.add(sum, rowSum);
      }
    }
    storeFirst(
      dWeight + (<usize> (position * outChannels + channel) << 2),
      sum,
      outChannels - channel,
    );
  }
}
