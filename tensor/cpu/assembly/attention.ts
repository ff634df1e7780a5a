// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Scaled dot-product attention (A. Vaswani et al., arXiv:1706.03762,
 * equation 1) of query [batch, queries, heads, depth], key and value [batch,
 * keys, heads, …]. A task is one head of one sequence, or some of its queries.
 * Keys and values are packed into panels of 16 columns; scores of a block of
 * queries with all keys stay in the cache.
 *
 * The arguments of both kernels:
 *
 *  0 query      1 key        2 value      3 mask       4 out        5 logSumExp
 *  6 dOut       7 dQuery     8 dKey       9 dValue
 * 10 batch     11 heads     12 queries   13 keys      14 depth     15 valueDepth
 * 16 scale     17 to 20 strides of the mask along batch, heads, queries, keys
 * 21 room      22 bytes of room of a part             23 queries in a block
 * 24 tasks of one head
 * 25 threshold of dropout, 0 without it   26 what is multiplied by if not dropped
 * 27 to 30 seedLow, seedHigh, streamLow, streamHigh
 *
 * ../_attention.ts computes how much room a part needs.
 */

import { address, float, int, madd, slice, threadScratch } from "./_kernel.ts";
import { Four, loadLanes, One, storeLanes } from "./_lanes.ts";
import { decay4, maxOfLanes, splat, sumOfLanes } from "./_math.ts";
import { exponentiateRows, isNative } from "./_native.ts";
import { packColumns, packMatrix } from "./_pack.ts";
import { drop, sixteen, spreadState } from "./_philox.ts";
import { addTransposedProduct, multiply } from "./_product.ts";
import { PANEL_BYTES, TILE_COLUMNS } from "./_tile.ts";

/** A number of columns filled up to whole panels. */
function padded(columns: i32): i32 {
  return (columns + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
}

/** Packs a matrix [rows, columns] for products from the left with [.., rows]. */
function packRight(
  from: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  to: usize,
): void {
  packMatrix(from, stride, rows, columns, to, <usize> rows * PANEL_BYTES);
}

/** Packs the transpose of a matrix [rows, columns], for products with [.., columns]. */
function packTranspose(
  from: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  to: usize,
): void {
  for (let r = 0; r < rows; r += TILE_COLUMNS) {
    const width = min(TILE_COLUMNS, rows - r);
    packColumns(from + <usize> r * stride, stride, columns, width, to);
    to += <usize> columns * PANEL_BYTES;
  }
}

/** scores = scores·scale + mask; returns the largest. */
function scaleScores(
  scores: usize,
  keys: i32,
  scale: f32,
  mask: usize,
  maskStride: i32,
): f32 {
  const scales = splat(scale);
  const end = <usize> keys << 2;
  let best = splat(-Infinity);
  let i: usize = 0;
  if (mask && maskStride != 1) {
    let largest: f32 = -Infinity;
    for (; i < end; i += 4) {
      const s = load<f32>(scores + i) * scale + load<f32>(mask);
      store<f32>(scores + i, s);
      largest = max(largest, s);
      mask += <usize> maskStride << 2;
    }
    return largest;
  }
  for (; i + 16 <= end; i += 16) {
    let s = f32x4.mul(v128.load(scores + i), scales);
    if (mask) s = f32x4.add(s, v128.load(mask + i));
    v128.store(scores + i, s);
    best = f32x4.max(best, s);
  }
  for (; i < end; i += 4) {
    let s = f32x4.mul(v128.load32_splat(scores + i), scales);
    if (mask) s = f32x4.add(s, v128.load32_splat(mask + i));
    v128.store32_lane(scores + i, s, 0);
    best = f32x4.max(best, s);
  }
  return maxOfLanes(best);
}

/** scores = e^(scores - shift), 0 if the shift is -∞; returns their sum. */
function exponentiate(scores: usize, keys: i32, shift: f32): f64 {
  const end = <usize> keys << 2;
  if (shift == -Infinity) {
    memory.fill(scores, 0, end);
    return 0;
  }
  const shifts = splat(shift);
  let total: f64 = 0;
  let i: usize = 0;
  while (i + 16 <= end) {
    const stop = min(end, i + 1024);
    let sum = splat(0);
    for (; i + 16 <= stop; i += 16) {
      const p = decay4(f32x4.sub(v128.load(scores + i), shifts));
      v128.store(scores + i, p);
      sum = f32x4.add(sum, p);
    }
    total += sumOfLanes(sum);
  }
  for (; i < end; i += 4) {
    const p = decay4(f32x4.sub(v128.load32_splat(scores + i), shifts));
    v128.store32_lane(scores + i, p, 0);
    total += f32x4.extract_lane(p, 0);
  }
  return total;
}

/** Where a thread keeps the shifts of rows' exponentials and their sums, of up to 256 rows. */
const MAXIMA_ROOM: usize = 65536;
const SUMS_ROOM: usize = 66560;

/** With more keys, sums are float64. */
const NATIVE_KEYS: i32 = 8192;

/**
 * Scales the scores of a block of queries, adds the mask and exponentiates
 * them by machine code: less their largest, or less numbers that are given.
 * Returns whether it can.
 */
function exponentiateBlock(
  params: usize,
  scores: usize,
  stride: usize,
  count: i32,
  batch: i32,
  head: i32,
  query: i32,
  shifts: usize,
): bool {
  const keys = int(params, 13);
  const isMasked = address(params, 3) != 0;
  if (isNative == 0 || keys > NATIVE_KEYS) return false;
  if (isMasked && int(params, 20) != 1) return false;
  const maxima = threadScratch() + MAXIMA_ROOM;
  const sums = threadScratch() + SUMS_ROOM;
  exponentiateRows(
    scores,
    stride,
    count,
    keys,
    float(params, 16),
    maskRow(params, batch, head, query),
    <usize> int(params, 19) << 2,
    shifts,
    maxima,
    sums,
  );
  for (let row: usize = 0; row < <usize> count; row++) {
    // What no key is open to has no e⁰: it was taken less a finite number, and
    // is taken less -∞ on the way back, where differences are no numbers.
    if (shifts == 0 && load<f32>(sums + (row << 2)) == 0) {
      store<f32>(maxima + (row << 2), -Infinity);
    } else if (load<f32>(maxima + (row << 2)) == -Infinity) {
      memory.fill(scores + row * stride, 0, <usize> keys << 2);
      store<f32>(sums + (row << 2), 0);
    }
  }
  return true;
}

/** Copies some numbers, multiplied by a factor. */
function copyScaled(from: usize, to: usize, count: i32, factor: f32): void {
  const factors = splat(factor);
  const end = <usize> count << 2;
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) {
    v128.store(to + i, f32x4.mul(v128.load(from + i), factors));
  }
  for (; i < end; i += 4) store<f32>(to + i, load<f32>(from + i) * factor);
}

/** Where a thread keeps random numbers, behind the pointers of a product. */
const RANDOM_ROOM: usize = 8192;

/** The first block of random numbers of a query, counted through all heads. */
function firstBlock(row: i32, keys: i32): i32 {
  return row * ((keys + 3) >> 2);
}

/** Drops probabilities of a query, which are 16 or a multiple of them in memory. */
function dropScores(p: usize, keys: i32, block: i32, threshold: v128): void {
  const room = threadScratch() + RANDOM_ROOM;
  const end = p + (<usize> keys << 2);
  for (; p < end; p += 64) {
    sixteen(block, room);
    block += 4;
    for (let j: usize = 0; j < 64; j += 16) {
      const kept = i32x4.ge_s(v128.load(room + j), threshold);
      v128.store(p + j, v128.and(v128.load(p + j), kept));
    }
  }
}

/** The mask's row for a query, or 0. */
function maskRow(params: usize, batch: i32, head: i32, query: i32): usize {
  const mask = address(params, 3);
  if (!mask) return 0;
  const offset = batch * int(params, 17) + head * int(params, 18) +
    query * int(params, 19);
  return mask + (<usize> offset << 2);
}

/** The result and logSumExp. */
export function attention(params: usize, part: i32, parts: i32): void {
  const heads = int(params, 11);
  const queries = int(params, 12);
  const keys = int(params, 13);
  const depth = int(params, 14);
  const valueDepth = int(params, 15);
  const scale = float(params, 16);
  const blockQueries = int(params, 23);
  const splits = int(params, 24);
  const queryStride = <usize> (heads * depth) << 2;
  const valueStride = <usize> (heads * valueDepth) << 2;
  const scoreStride = <usize> padded(keys) << 2;
  const resultStride = <usize> padded(valueDepth) << 2;

  const zeros = address(params, 21) + <usize> part * <usize> int(params, 22);
  const packedKeys = zeros + PANEL_BYTES;
  const packedValues = packedKeys + <usize> depth * scoreStride;
  const scores = packedValues + <usize> keys * resultStride;
  const results = scores + <usize> blockQueries * scoreStride;
  memory.fill(zeros, 0, PANEL_BYTES);

  const threshold = int(params, 25);
  const keptFactor = float(params, 26);
  spreadState(params, 27, threadScratch() + RANDOM_ROOM);

  const tasks = int(params, 10) * heads * splits;
  const lastTask = slice(tasks, part + 1, parts);
  for (let task = slice(tasks, part, parts); task < lastTask; task++) {
    const line = task / splits;
    const batch = line / heads;
    const head = line - batch * heads;
    const keyOffset = batch * keys * heads + head;
    packTranspose(
      address(params, 1) + (<usize> (keyOffset * depth) << 2),
      queryStride,
      keys,
      depth,
      packedKeys,
    );
    packRight(
      address(params, 2) + (<usize> (keyOffset * valueDepth) << 2),
      valueStride,
      keys,
      valueDepth,
      packedValues,
    );
    const split = task - line * splits;
    const end = slice(queries, split + 1, splits);
    let first = slice(queries, split, splits);
    for (; first < end; first += blockQueries) {
      const count = min(blockQueries, end - first);
      const position = (batch * queries + first) * heads + head;
      multiply(
        address(params, 0) + (<usize> (position * depth) << 2),
        queryStride,
        count,
        depth,
        packedKeys,
        keys,
        scores,
        scoreStride,
        zeros,
      );
      // Sums of e^… are divided by at the end; here are their inverses.
      const factors = results + <usize> blockQueries * resultStride;
      const isDone = exponentiateBlock(
        params,
        scores,
        scoreStride,
        count,
        batch,
        head,
        first,
        0,
      );
      for (let q = 0; q < count; q++) {
        const row = scores + <usize> q * scoreStride;
        const here = threadScratch() + (<usize> q << 2);
        let most: f32 = 0;
        let sum: f64 = 0;
        if (isDone) {
          most = load<f32>(here, MAXIMA_ROOM);
          sum = <f64> load<f32>(here, SUMS_ROOM);
        } else {
          const mask = maskRow(params, batch, head, first + q);
          most = scaleScores(row, keys, scale, mask, int(params, 20));
          sum = exponentiate(row, keys, most);
        }
        const isInfinite = Mathf.abs(most) == Infinity;
        const total = isInfinite ? most : <f32> (<f64> most + Math.log(sum));
        const at = line * queries + first + q;
        store<f32>(address(params, 5) + (<usize> at << 2), total);
        const factor: f32 = most == -Infinity ? 0 : <f32> (1 / sum);
        store<f32>(factors + (<usize> q << 2), factor * keptFactor);
        if (threshold) {
          dropScores(row, keys, firstBlock(at, keys), i32x4.splat(threshold));
        }
      }
      multiply(
        scores,
        scoreStride,
        count,
        keys,
        packedValues,
        valueDepth,
        results,
        resultStride,
        zeros,
      );
      let out = address(params, 4) + (<usize> (position * valueDepth) << 2);
      for (let q = 0; q < count; q++) {
        copyScaled(
          results + <usize> q * resultStride,
          out,
          valueDepth,
          load<f32>(factors + (<usize> q << 2)),
        );
        out += valueStride;
      }
    }
  }
}

function productOfRows(a: usize, b: usize, count: i32): f64 {
  const end = <usize> count << 2;
  let sum = splat(0);
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) {
    sum = madd(v128.load(a + i), v128.load(b + i), sum);
  }
  let total = <f64> sumOfLanes(sum);
  for (; i < end; i += 4) total += load<f32>(a + i) * load<f32>(b + i);
  return total;
}

/** p·(dp - mean)·scale, into dp. */
function scoreGradient<W>(p: usize, dp: usize, mean: v128, scale: v128): void {
  const difference = f32x4.sub(loadLanes<W>(dp), mean);
  const product = f32x4.mul(loadLanes<W>(p), difference);
  storeLanes<W>(dp, f32x4.mul(product, scale));
}

/** The same with dropout of the gradient in front, and of p behind. */
function droppedScoreGradients(
  p: usize,
  dp: usize,
  keys: i32,
  mean: v128,
  scale: v128,
  block: i32,
  threshold: v128,
  factor: v128,
): void {
  const room = threadScratch() + RANDOM_ROOM;
  const end = p + (<usize> keys << 2);
  for (; p < end; p += 64) {
    sixteen(block, room);
    block += 4;
    for (let j: usize = 0; j < 64; j += 16) {
      const bits = v128.load(room + j);
      v128.store(dp + j, drop(v128.load(dp + j), bits, threshold, factor));
      scoreGradient<Four>(p + j, dp + j, mean, scale);
      v128.store(p + j, drop(v128.load(p + j), bits, threshold, factor));
    }
    dp += 64;
  }
}

/** The gradients of query, key and value. */
export function attentionBackward(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const heads = int(params, 11);
  const queries = int(params, 12);
  const keys = int(params, 13);
  const depth = int(params, 14);
  const valueDepth = int(params, 15);
  const scale = float(params, 16);
  const blockQueries = int(params, 23);
  const queryStride = <usize> (heads * depth) << 2;
  const valueStride = <usize> (heads * valueDepth) << 2;
  const scoreStride = <usize> padded(keys) << 2;
  const depthStride = <usize> padded(depth) << 2;
  const resultStride = <usize> padded(valueDepth) << 2;
  const keyRows = <usize> padded(keys);

  const zeros = address(params, 21) + <usize> part * <usize> int(params, 22);
  const keysTransposed = zeros + PANEL_BYTES;
  const valuesTransposed = keysTransposed + <usize> depth * scoreStride;
  const packedKeys = valuesTransposed + <usize> valueDepth * scoreStride;
  const dKeys = packedKeys + <usize> keys * depthStride;
  const dValues = dKeys + keyRows * depthStride;
  const probabilities = dValues + keyRows * resultStride;
  const dScores = probabilities + <usize> blockQueries * scoreStride;
  const dQueries = dScores + <usize> blockQueries * scoreStride;
  const packedBlock = dQueries + <usize> blockQueries * depthStride;
  memory.fill(zeros, 0, PANEL_BYTES);

  const threshold = int(params, 25);
  const keptFactor = splat(float(params, 26));
  spreadState(params, 27, threadScratch() + RANDOM_ROOM);

  const lines = int(params, 10) * heads;
  const lastLine = slice(lines, part + 1, parts);
  for (let line = slice(lines, part, parts); line < lastLine; line++) {
    const batch = line / heads;
    const head = line - batch * heads;
    const keyOffset = batch * keys * heads + head;
    const key = address(params, 1) + (<usize> (keyOffset * depth) << 2);
    const value = address(params, 2) + (<usize> (keyOffset * valueDepth) << 2);
    packTranspose(key, queryStride, keys, depth, keysTransposed);
    packTranspose(value, valueStride, keys, valueDepth, valuesTransposed);
    packRight(key, queryStride, keys, depth, packedKeys);
    memory.fill(dKeys, 0, keyRows * (depthStride + resultStride));

    for (let first = 0; first < queries; first += blockQueries) {
      const count = min(blockQueries, queries - first);
      const position = (batch * queries + first) * heads + head;
      const queryOffset = <usize> (position * depth) << 2;
      const outOffset = <usize> (position * valueDepth) << 2;
      const query = address(params, 0) + queryOffset;
      const dOut = address(params, 6) + outOffset;
      multiply(
        query,
        queryStride,
        count,
        depth,
        keysTransposed,
        keys,
        probabilities,
        scoreStride,
        zeros,
      );
      multiply(
        dOut,
        valueStride,
        count,
        valueDepth,
        valuesTransposed,
        keys,
        dScores,
        scoreStride,
        zeros,
      );
      const totals = address(params, 5) +
        (<usize> (line * queries + first) << 2);
      const isDone = exponentiateBlock(
        params,
        probabilities,
        scoreStride,
        count,
        batch,
        head,
        first,
        totals,
      );
      for (let q = 0; q < count; q++) {
        const p = probabilities + <usize> q * scoreStride;
        const dp = dScores + <usize> q * scoreStride;
        const at = line * queries + first + q;
        if (!isDone) {
          const mask = maskRow(params, batch, head, first + q);
          scaleScores(p, keys, scale, mask, int(params, 20));
          exponentiate(p, keys, load<f32>(totals + (<usize> q << 2)));
        }
        // Σ p·dp, which the gradient of softmax subtracts, is dOut · out.
        const offset = <usize> q * valueStride;
        const out = address(params, 4) + outOffset + offset;
        const mean = splat(<f32> productOfRows(dOut + offset, out, valueDepth));
        const scales = splat(scale);
        if (threshold) {
          droppedScoreGradients(
            p,
            dp,
            keys,
            mean,
            scales,
            firstBlock(at, keys),
            i32x4.splat(threshold),
            keptFactor,
          );
          continue;
        }
        const end = <usize> keys << 2;
        let i: usize = 0;
        for (; i + 16 <= end; i += 16) {
          scoreGradient<Four>(p + i, dp + i, mean, scales);
        }
        for (; i < end; i += 4) {
          scoreGradient<One>(p + i, dp + i, mean, scales);
        }
      }
      multiply(
        dScores,
        scoreStride,
        count,
        keys,
        packedKeys,
        depth,
        dQueries,
        depthStride,
        zeros,
      );
      const dQuery = address(params, 7) + queryOffset;
      for (let q = 0; q < count; q++) {
        const from = dQueries + <usize> q * depthStride;
        copyScaled(from, dQuery + <usize> q * queryStride, depth, 1);
      }
      packRight(dOut, valueStride, count, valueDepth, packedBlock);
      addTransposedProduct(
        probabilities,
        scoreStride,
        count,
        keys,
        packedBlock,
        valueDepth,
        dValues,
        resultStride,
      );
      packRight(query, queryStride, count, depth, packedBlock);
      addTransposedProduct(
        dScores,
        scoreStride,
        count,
        keys,
        packedBlock,
        depth,
        dKeys,
        depthStride,
      );
    }
    const dKey = address(params, 8) + (<usize> (keyOffset * depth) << 2);
    const dValue = address(params, 9) + (<usize> (keyOffset * valueDepth) << 2);
    for (let k: usize = 0; k < <usize> keys; k++) {
      copyScaled(dKeys + k * depthStride, dKey + k * queryStride, depth, 1);
      copyScaled(
        dValues + k * resultStride,
        dValue + k * valueStride,
        valueDepth,
        1,
      );
    }
  }
}
