/**
 * Resizing by the antialiased bilinear filter of Pillow, which torchvision
 * resizes files with: a triangle as wide as two pixels of the result, weights
 * in 22 bits after the point, columns before rows, bytes in between. The
 * results are Pillow's, bit for bit.
 *
 * @module
 */

import type { Plan } from "./augment.ts";

/** A decoded image, upright. */
export interface Pixels {
  /** The number of columns. */
  readonly width: number;
  /** The number of rows. */
  readonly height: number;
  /** Red, green and blue: `[height, width, 3]` bytes. */
  readonly data: Uint8Array;
}

/** Bits of the weights after the point; with 8 bits of a channel a sum fits 32. */
const PRECISION = 22;
/** Rounds to nearest. */
const HALF = 1 << (PRECISION - 1);

/** Weights of the inputs that each output is a sum of. */
interface Filter {
  /** The first input of each output. */
  readonly first: Int32Array;
  /** How many inputs each output has. */
  readonly count: Int32Array;
  /** `[outputs, taps]`, behind its count each row is unused. */
  readonly weights: Int32Array;
  readonly taps: number;
}

/** A range of the outputs, of which there are `outputs` from `inputs`. */
function triangleFilter(
  inputs: number,
  outputs: number,
  from: number,
  to: number,
): Filter {
  const scale = inputs / outputs;
  const support = Math.max(scale, 1);
  // As Pillow does: a quotient would round differently.
  const slope = 1 / support;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to - from);
  const count = new Int32Array(to - from);
  const weights = new Int32Array((to - from) * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < to - from; i++) {
    const center = (from + i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inputs, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let j = begin; j < end; j++) {
      const weight = Math.max(0, 1 - Math.abs((j - center + 0.5) * slope));
      exact[j - begin] = weight;
      sum += weight;
    }
    first[i] = begin;
    count[i] = end - begin;
    for (let tap = 0; tap < end - begin; tap++) {
      weights[i * taps + tap] = Math.trunc(
        0.5 + exact[tap] / sum * (1 << PRECISION),
      );
    }
  }
  return { first, count, weights, taps };
}

/**
 * Makes the network's input of an image. Only those pixels of the resized
 * image are computed that are in the window.
 *
 * @param image The image.
 * @param plan What to do.
 * @param target Where the input goes, `[window.height, window.width, 3]` bytes.
 */
export function applyPlan(
  { width: imageWidth, data }: Pixels,
  { region, scaled, window, flip }: Plan,
  target: Uint8Array,
): void {
  // The columns and rows of the window that the resized image covers.
  const left = Math.max(0, window.left);
  const right = Math.min(scaled.width, window.left + window.width);
  const top = Math.max(0, window.top);
  const bottom = Math.min(scaled.height, window.top + window.height);
  if (right - left < window.width || bottom - top < window.height) {
    target.fill(0);
  }
  if (right <= left || bottom <= top) return;

  const columns = triangleFilter(region.width, scaled.width, left, right);
  const rows = triangleFilter(region.height, scaled.height, top, bottom);
  const firstRow = rows.first[0];
  const last = bottom - top - 1;
  const endRow = rows.first[last] + rows.count[last];
  const narrow = narrowRows(
    data,
    ((region.top + firstRow) * imageWidth + region.left) * 3,
    imageWidth * 3,
    endRow - firstRow,
    columns,
  );
  sumRows(
    narrow,
    (right - left) * 3,
    rows,
    target,
    ((top - window.top) * window.width + left - window.left) * 3,
    window.width * 3,
  );
  if (flip) mirrorRows(target, window.width * 3);
}

/** Filters along rows; returns `[rowCount, outputs, 3]`. */
function narrowRows(
  data: Uint8Array,
  offset: number,
  stride: number,
  rowCount: number,
  { first, count, weights, taps }: Filter,
): Uint8Array {
  const outputs = first.length;
  const result = new Uint8Array(rowCount * outputs * 3);
  let to = 0;
  for (let y = 0; y < rowCount; y++, offset += stride) {
    for (let x = 0; x < outputs; x++) {
      let from = offset + first[x] * 3;
      let red = HALF, green = HALF, blue = HALF;
      const end = x * taps + count[x];
      for (let tap = x * taps; tap < end; tap++, from += 3) {
        const weight = weights[tap];
        red += Math.imul(data[from], weight);
        green += Math.imul(data[from + 1], weight);
        blue += Math.imul(data[from + 2], weight);
      }
      result[to++] = red >> PRECISION;
      result[to++] = green >> PRECISION;
      result[to++] = blue >> PRECISION;
    }
  }
  return result;
}

/** Filters along columns of rows of `length` bytes. */
function sumRows(
  data: Uint8Array,
  length: number,
  { first, count, weights, taps }: Filter,
  target: Uint8Array,
  offset: number,
  stride: number,
): void {
  const origin = first[0];
  const sums = new Int32Array(length);
  for (let y = 0; y < first.length; y++, offset += stride) {
    const tap = y * taps;
    // Three rows at once are three times as fast as one after the other, and
    // there are always three weights, though the last ones may be 0.
    const a = (first[y] - origin) * length;
    const b = count[y] > 1 ? a + length : a;
    const c = count[y] > 2 ? b + length : a;
    const weightA = weights[tap];
    const weightB = weights[tap + 1];
    const weightC = weights[tap + 2];
    for (let i = 0; i < length; i++) {
      sums[i] = HALF + Math.imul(data[a + i], weightA) +
        Math.imul(data[b + i], weightB) + Math.imul(data[c + i], weightC);
    }
    for (let t = 3; t < count[y]; t++) {
      const row = a + t * length;
      const weight = weights[tap + t];
      for (let i = 0; i < length; i++) {
        sums[i] += Math.imul(data[row + i], weight);
      }
    }
    for (let i = 0; i < length; i++) target[offset + i] = sums[i] >> PRECISION;
  }
}

/** Exchanges left and right in rows of `length` bytes. */
function mirrorRows(data: Uint8Array, length: number): void {
  for (let start = 0; start < data.length; start += length) {
    for (let a = start, b = start + length - 3; a < b; a += 3, b -= 3) {
      for (let channel = 0; channel < 3; channel++) {
        const byte = data[a + channel];
        data[a + channel] = data[b + channel];
        data[b + channel] = byte;
      }
    }
  }
}
