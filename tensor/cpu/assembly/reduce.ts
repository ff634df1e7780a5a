// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Reductions of the middle axis of [outer, length, inner].
 *
 * The axis is cut in chunks that do not depend on threads. A task is one
 * chunk of a line (inner = 1) or of a block of neighbouring columns. Numbers
 * are added in float32 a little at a time, then in float64. One chunk is
 * finished at once; of several, the partial results (float64
 * `[outer, chunks, inner]`) are finished by a second kernel.
 *
 * The arguments are (x, out, outer, length, inner, chunk length, chunks,
 * partials, shifts); shifts `[outer, inner]` are the maxima that logSumExp
 * subtracts.
 */

import { address, int, slice, threadScratch } from "./_kernel.ts";
import { Four, loadLanes, One, storeLanes } from "./_lanes.ts";
import { exp4, splat } from "./_math.ts";

class Sum {}
class Mean {}
class Max {}
class Min {}
class LogSumExp {}
class L2Norm {}

/** How many columns one task has at most. */
const BLOCK_COLUMNS = 512;
/** How many rows are added in float32 before float64. */
const BLOCK_ROWS = 128;
/** How many elements of a line are added in float32 before float64. */
const BLOCK_ELEMENTS = 512;
/** How many rows are worked on together, so that sums are loaded less often. */
const GROUP = 8;

function start<Op>(): f32 {
  if (idof<Op>() == idof<Max>()) return -Infinity;
  if (idof<Op>() == idof<Min>()) return Infinity;
  return 0;
}

/** Brings two results for the same columns together. */
function merge<Op>(a: v128, b: v128): v128 {
  if (idof<Op>() == idof<Max>()) return f32x4.max(a, b);
  if (idof<Op>() == idof<Min>()) return f32x4.min(a, b);
  return f32x4.add(a, b);
}

function accumulate<Op>(sum: v128, x: v128, shift: v128): v128 {
  if (idof<Op>() == idof<LogSumExp>()) {
    return f32x4.add(sum, exp4(f32x4.sub(x, shift)));
  }
  return merge<Op>(sum, x);
}

/** Brings partial results together. */
function combine<Op>(a: f64, b: f64): f64 {
  if (idof<Op>() == idof<Max>()) return max(a, b);
  if (idof<Op>() == idof<Min>()) return min(a, b);
  return a + b;
}

function combineLanes<Op>(x: v128): f64 {
  const low = combine<Op>(
    f32x4.extract_lane(x, 0),
    f32x4.extract_lane(x, 1),
  );
  const high = combine<Op>(
    f32x4.extract_lane(x, 2),
    f32x4.extract_lane(x, 3),
  );
  return combine<Op>(low, high);
}

function finish<Op>(total: f64, length: i32, shift: f32): f32 {
  if (idof<Op>() == idof<Mean>()) return <f32> (total / <f64> length);
  if (idof<Op>() == idof<L2Norm>()) return <f32> Math.sqrt(total);
  if (idof<Op>() == idof<LogSumExp>()) {
    const isInfinite = Mathf.abs(shift) == Infinity;
    return isInfinite ? shift : <f32> (<f64> shift + Math.log(total));
  }
  return <f32> total;
}

/** Reduces neighbouring elements. */
function reduceLine<Op>(x: usize, count: i32, shift: f32): f64 {
  if (idof<Op>() == idof<L2Norm>()) return sumOfSquares(x, count);
  const shifts = splat(shift);
  let total = <f64> start<Op>();
  while (count > 0) {
    const block = min(count, BLOCK_ELEMENTS);
    const end = x + (<usize> block << 2);
    let a = splat(start<Op>());
    let b = a;
    let c = a;
    let d = a;
    for (; x + 64 <= end; x += 64) {
      a = accumulate<Op>(a, v128.load(x), shifts);
      b = accumulate<Op>(b, v128.load(x, 16), shifts);
      c = accumulate<Op>(c, v128.load(x, 32), shifts);
      d = accumulate<Op>(d, v128.load(x, 48), shifts);
    }
    for (; x + 16 <= end; x += 16) {
      a = accumulate<Op>(a, v128.load(x), shifts);
    }
    total = combine<Op>(total, combineLanes<Op>(a));
    total = combine<Op>(total, combineLanes<Op>(b));
    total = combine<Op>(total, combineLanes<Op>(c));
    total = combine<Op>(total, combineLanes<Op>(d));
    for (; x < end; x += 4) {
      const one = accumulate<Op>(
        splat(start<Op>()),
        v128.load32_splat(x),
        shifts,
      );
      total = combine<Op>(total, f32x4.extract_lane(one, 0));
    }
    count -= block;
  }
  return total;
}

/** In float64, where squares of float32 neither overflow nor vanish. */
function sumOfSquares(x: usize, count: i32): f64 {
  const end = x + (<usize> count << 2);
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  for (; x + 16 <= end; x += 16) {
    const low = f64x2.promote_low_f32x4(v128.load64_zero(x));
    const high = f64x2.promote_low_f32x4(v128.load64_zero(x, 8));
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
  }
  const sum = f64x2.add(a, b);
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; x < end; x += 4) {
    const one = <f64> load<f32>(x);
    total += one * one;
  }
  return total;
}

/** Accumulates some rows of four columns, or of one. */
function addRows<W, Op>(
  x: usize,
  row: usize,
  rows: i32,
  shifts: usize,
  sums: usize,
): void {
  let sum = splat(start<Op>());
  const shift = idof<Op>() == idof<LogSumExp>() ? loadLanes<W>(shifts) : sum;
  for (let r = 0; r < rows; r++) {
    sum = accumulate<Op>(sum, loadLanes<W>(x), shift);
    x += row;
  }
  storeLanes<W>(sums, merge<Op>(loadLanes<W>(sums), sum));
}

/** Reduces rows to totals, one float64 for each column. */
function reduceRows<Op>(
  x: usize,
  row: usize,
  rows: i32,
  columns: i32,
  shifts: usize,
  totals: usize,
): void {
  for (let c: usize = 0; c < <usize> columns; c++) {
    store<f64>(totals + (c << 3), start<Op>());
  }
  if (idof<Op>() == idof<L2Norm>()) {
    for (let r = 0; r < rows; r++) {
      for (let c: usize = 0; c < <usize> columns; c++) {
        const one = <f64> load<f32>(x + (c << 2));
        const total = totals + (c << 3);
        store<f64>(total, load<f64>(total) + one * one);
      }
      x += row;
    }
    return;
  }
  const sums = totals + (BLOCK_COLUMNS << 3);
  const end = <usize> columns << 2;
  for (let block = 0; block < rows; block += BLOCK_ROWS) {
    for (let c: usize = 0; c < end; c += 4) {
      store<f32>(sums + c, start<Op>());
    }
    const stop = min(rows, block + BLOCK_ROWS);
    for (let r = block; r < stop; r += GROUP) {
      const group = min(GROUP, stop - r);
      const from = x + <usize> r * row;
      let c: usize = 0;
      for (; c + 16 <= end; c += 16) {
        addRows<Four, Op>(from + c, row, group, shifts + c, sums + c);
      }
      for (; c < end; c += 4) {
        addRows<One, Op>(from + c, row, group, shifts + c, sums + c);
      }
    }
    for (let c: usize = 0; c < <usize> columns; c++) {
      const total = totals + (c << 3);
      const sum = <f64> load<f32>(sums + (c << 2));
      store<f64>(total, combine<Op>(load<f64>(total), sum));
    }
  }
}

function reduce<Op>(params: usize, part: i32, parts: i32): void {
  const x = address(params, 0);
  const out = address(params, 1);
  const outer = int(params, 2);
  const length = int(params, 3);
  const inner = int(params, 4);
  const chunkLength = int(params, 5);
  const chunks = int(params, 6);
  const partials = address(params, 7);
  const shifts = address(params, 8);
  const row = <usize> inner << 2;
  const blocks = (inner + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
  const totals = threadScratch();
  const tasks = outer * chunks * blocks;
  const end = slice(tasks, part + 1, parts);
  for (let task = slice(tasks, part, parts); task < end; task++) {
    const chunkIndex = task / blocks; // in [outer, chunks]
    const o = chunkIndex / chunks;
    const column = (task - chunkIndex * blocks) * BLOCK_COLUMNS;
    const columns = min(BLOCK_COLUMNS, inner - column);
    const first = (chunkIndex - o * chunks) * chunkLength;
    const rows = min(chunkLength, length - first);
    const result = o * inner + column;
    const shift = shifts + (<usize> result << 2);
    const from = x + <usize> (o * length + first) * row +
      (<usize> column << 2);
    const hasShift = idof<Op>() == idof<LogSumExp>();
    if (inner == 1) {
      const line = reduceLine<Op>(from, rows, hasShift ? load<f32>(shift) : 0);
      store<f64>(totals, line);
    } else {
      reduceRows<Op>(from, row, rows, columns, shift, totals);
    }
    if (chunks > 1) {
      const target = chunkIndex * inner + column;
      memory.copy(
        partials + (<usize> target << 3),
        totals,
        <usize> columns << 3,
      );
    } else {
      for (let c: usize = 0; c < <usize> columns; c++) {
        store<f32>(
          out + (<usize> result << 2) + (c << 2),
          finish<Op>(
            load<f64>(totals + (c << 3)),
            length,
            hasShift ? load<f32>(shift + (c << 2)) : 0,
          ),
        );
      }
    }
  }
}

function finishChunks<Op>(params: usize, part: i32, parts: i32): void {
  const out = address(params, 1);
  const outer = int(params, 2);
  const length = int(params, 3);
  const inner = int(params, 4);
  const chunks = int(params, 6);
  const partials = address(params, 7);
  const shifts = address(params, 8);
  const end = slice(outer * inner, part + 1, parts);
  for (let i = slice(outer * inner, part, parts); i < end; i++) {
    const o = i / inner;
    let at = partials + (<usize> (o * chunks * inner + i - o * inner) << 3);
    let total = <f64> start<Op>();
    for (let chunk = 0; chunk < chunks; chunk++) {
      total = combine<Op>(total, load<f64>(at));
      at += <usize> inner << 3;
    }
    const shift = shifts ? load<f32>(shifts + (<usize> i << 2)) : 0;
    store<f32>(out + (<usize> i << 2), finish<Op>(total, length, shift));
  }
}

/** (x, out, outer, length, inner) of whole numbers, one result after the other. */
function reduceWhole<T, Op>(params: usize, part: i32, parts: i32): void {
  const out = address(params, 1);
  const outer = int(params, 2);
  const length = int(params, 3);
  const inner = int(params, 4);
  const end = slice(outer * inner, part + 1, parts, 16);
  for (let i = slice(outer * inner, part, parts, 16); i < end; i++) {
    const o = i / inner;
    let x = address(params, 0) +
      (<usize> (o * length * inner + i - o * inner) << 2);
    let result: T = 0;
    if (idof<Op>() == idof<Max>()) {
      result = <T> (isSigned<T>() ? i32.MIN_VALUE : 0);
    }
    if (idof<Op>() == idof<Min>()) {
      result = <T> (isSigned<T>() ? i32.MAX_VALUE : u32.MAX_VALUE);
    }
    for (let k = 0; k < length; k++) {
      const one = load<T>(x);
      if (idof<Op>() == idof<Sum>()) result += one;
      else if (idof<Op>() == idof<Max>()) result = max(result, one);
      else result = min(result, one);
      x += <usize> inner << 2;
    }
    store<T>(out + (<usize> i << 2), result);
  }
}

/** (x, out, outer, length, inner): the index of the first largest element; a NaN counts as largest. */
function largest<T>(params: usize, part: i32, parts: i32): void {
  const out = address(params, 1);
  const outer = int(params, 2);
  const length = int(params, 3);
  const inner = int(params, 4);
  const end = slice(outer * inner, part + 1, parts, 16);
  for (let i = slice(outer * inner, part, parts, 16); i < end; i++) {
    const o = i / inner;
    let x = address(params, 0) +
      (<usize> (o * length * inner + i - o * inner) << 2);
    let best = load<T>(x);
    let index = 0;
    for (let k = 1; k < length && best == best; k++) {
      x += <usize> inner << 2;
      const one = load<T>(x);
      if (one > best || one != one) {
        best = one;
        index = k;
      }
    }
    store<i32>(out + (<usize> i << 2), index);
  }
}

export function sum(params: usize, part: i32, parts: i32): void {
  reduce<Sum>(params, part, parts);
}

export function sumFinish(params: usize, part: i32, parts: i32): void {
  finishChunks<Sum>(params, part, parts);
}

export function mean(params: usize, part: i32, parts: i32): void {
  reduce<Mean>(params, part, parts);
}

export function meanFinish(params: usize, part: i32, parts: i32): void {
  finishChunks<Mean>(params, part, parts);
}

function maxFloat(params: usize, part: i32, parts: i32): void {
  reduce<Max>(params, part, parts);
}

export function maxFinish(params: usize, part: i32, parts: i32): void {
  finishChunks<Max>(params, part, parts);
}

function minFloat(params: usize, part: i32, parts: i32): void {
  reduce<Min>(params, part, parts);
}

export function minFinish(params: usize, part: i32, parts: i32): void {
  finishChunks<Min>(params, part, parts);
}

export function logSumExp(params: usize, part: i32, parts: i32): void {
  reduce<LogSumExp>(params, part, parts);
}

export function logSumExpFinish(params: usize, part: i32, parts: i32): void {
  finishChunks<LogSumExp>(params, part, parts);
}

export function l2Norm(params: usize, part: i32, parts: i32): void {
  reduce<L2Norm>(params, part, parts);
}

export function l2NormFinish(params: usize, part: i32, parts: i32): void {
  finishChunks<L2Norm>(params, part, parts);
}

export function sumInt(params: usize, part: i32, parts: i32): void {
  reduceWhole<i32, Sum>(params, part, parts);
}

export function maxInt32(params: usize, part: i32, parts: i32): void {
  reduceWhole<i32, Max>(params, part, parts);
}

export function maxUint32(params: usize, part: i32, parts: i32): void {
  reduceWhole<u32, Max>(params, part, parts);
}

export function minInt32(params: usize, part: i32, parts: i32): void {
  reduceWhole<i32, Min>(params, part, parts);
}

export function minUint32(params: usize, part: i32, parts: i32): void {
  reduceWhole<u32, Min>(params, part, parts);
}

export function argmax(params: usize, part: i32, parts: i32): void {
  largest<f32>(params, part, parts);
}

export function argmaxInt32(params: usize, part: i32, parts: i32): void {
  largest<i32>(params, part, parts);
}

export function argmaxUint32(params: usize, part: i32, parts: i32): void {
  largest<u32>(params, part, parts);
}

// Under their own names they would hide the functions of the language.
export { maxFloat as max, minFloat as min };
