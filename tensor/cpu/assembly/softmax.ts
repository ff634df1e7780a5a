// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/* Softmax, cross-entropy and their gradients: one row after the other. */

import { address, double, float, int, madd, slice } from "./_kernel.ts";
import { Four, loadLanes, One, storeLanes } from "./_lanes.ts";
import { decay4, maxOfLanes, splat, sumOfLanes } from "./_math.ts";
import { decays, isNative } from "./_native.ts";

/** The largest element of a row. */
function largest(x: usize, bytes: usize): f32 {
  let a = splat(-Infinity);
  let b = a;
  let c = a;
  let d = a;
  let i: usize = 0;
  for (; i + 64 <= bytes; i += 64) {
    a = f32x4.max(a, v128.load(x + i));
    b = f32x4.max(b, v128.load(x + i, 16));
    c = f32x4.max(c, v128.load(x + i, 32));
    d = f32x4.max(d, v128.load(x + i, 48));
  }
  for (; i < bytes; i += 4) a = f32x4.max(a, v128.load32_splat(x + i));
  return maxOfLanes(f32x4.max(f32x4.max(a, b), f32x4.max(c, d)));
}

/** Σ e^(x - shift) */
function sumOfExp(x: usize, bytes: usize, shift: f32): f64 {
  const shifts = splat(shift);
  let total: f64 = 0;
  let i: usize = 0;
  while (i + 16 <= bytes) {
    // Float32 for a few numbers, then float64.
    const end = min(bytes, i + 1024);
    let sum = splat(0);
    for (; i + 16 <= end; i += 16) {
      sum = f32x4.add(sum, decay4(f32x4.sub(v128.load(x + i), shifts)));
    }
    total += sumOfLanes(sum);
  }
  for (; i < bytes; i += 4) {
    const e = decay4(f32x4.sub(v128.load32_splat(x + i), shifts));
    total += f32x4.extract_lane(e, 0);
  }
  return total;
}

/** log Σ e^x; ±∞ where all are -∞ or one is +∞. */
function logSumExpOf(x: usize, bytes: usize, shift: f32): f64 {
  if (Mathf.abs(shift) == Infinity) return shift;
  return <f64> shift + Math.log(sumOfExp(x, bytes, shift));
}

/** out = e^(x - shift); returns the sum. */
function exponentiate(x: usize, out: usize, bytes: usize, shift: f32): f64 {
  if (isNative != 0) return decays(x, out, <i32> (bytes >> 2), shift);
  const shifts = splat(shift);
  let total: f64 = 0;
  let i: usize = 0;
  while (i + 16 <= bytes) {
    const end = min(bytes, i + 1024);
    let sum = splat(0);
    for (; i + 16 <= end; i += 16) {
      sum = exponentials<Four>(x + i, out + i, shifts, sum);
    }
    total += sumOfLanes(sum);
  }
  for (; i < bytes; i += 4) {
    const sum = exponentials<One>(x + i, out + i, shifts, splat(0));
    total += f32x4.extract_lane(sum, 0);
  }
  return total;
}

function exponentials<W>(
  x: usize,
  out: usize,
  shift: v128,
  sum: v128,
): v128 {
  const e = decay4(f32x4.sub(loadLanes<W>(x), shift));
  storeLanes<W>(out, e);
  return f32x4.add(sum, e);
}

function softmaxRow(x: usize, out: usize, bytes: usize): void {
  const total = exponentiate(x, out, bytes, largest(x, bytes));
  let i: usize = 0;
  const factor = splat(<f32> (1 / total));
  for (; i + 16 <= bytes; i += 16) {
    v128.store(out + i, f32x4.mul(v128.load(out + i), factor));
  }
  for (; i < bytes; i += 4) {
    store<f32>(
      out + i,
      load<f32>(out + i) * f32x4.extract_lane(factor, 0),
    );
  }
}

function logSoftmaxRow(x: usize, out: usize, bytes: usize): void {
  const shift = largest(x, bytes);
  const shifts = splat(shift);
  const rest = splat(<f32> Math.log(sumOfExp(x, bytes, shift)));
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    const y = f32x4.sub(f32x4.sub(v128.load(x + i), shifts), rest);
    v128.store(out + i, y);
  }
  for (; i < bytes; i += 4) {
    const y = f32x4.sub(f32x4.sub(v128.load32_splat(x + i), shifts), rest);
    v128.store32_lane(out + i, y, 0);
  }
}

/** (x, out, rows, columns). */
export function softmax(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 2);
  const bytes = <usize> int(params, 3) << 2;
  const end = slice(rows, part + 1, parts);
  for (let row = slice(rows, part, parts); row < end; row++) {
    const offset = <usize> row * bytes;
    softmaxRow(address(params, 0) + offset, address(params, 1) + offset, bytes);
  }
}

/** (x, out, rows, columns). */
export function logSoftmax(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 2);
  const bytes = <usize> int(params, 3) << 2;
  const end = slice(rows, part + 1, parts);
  for (let row = slice(rows, part, parts); row < end; row++) {
    const offset = <usize> row * bytes;
    logSoftmaxRow(
      address(params, 0) + offset,
      address(params, 1) + offset,
      bytes,
    );
  }
}

class Softmax {}
class LogSoftmax {}

/** What is summed over a row: dy·y, or dy. */
function term<W, Kind>(y: usize, dy: usize, sum: v128): v128 {
  if (idof<Kind>() == idof<LogSoftmax>()) {
    return f32x4.add(sum, loadLanes<W>(dy));
  }
  return madd(loadLanes<W>(dy), loadLanes<W>(y), sum);
}

/** y·(dy - Σ dy·y), or dy - e^y·Σ dy. */
function gradient<W, Kind>(y: usize, dy: usize, dx: usize, sum: v128): void {
  const g = loadLanes<W>(dy);
  const output = loadLanes<W>(y);
  if (idof<Kind>() == idof<LogSoftmax>()) {
    storeLanes<W>(dx, f32x4.sub(g, f32x4.mul(decay4(output), sum)));
  } else {
    storeLanes<W>(dx, f32x4.mul(output, f32x4.sub(g, sum)));
  }
}

function gradients<Kind>(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 3);
  const bytes = <usize> int(params, 4) << 2;
  const last = slice(rows, part + 1, parts);
  for (let row = slice(rows, part, parts); row < last; row++) {
    const offset = <usize> row * bytes;
    const y = address(params, 0) + offset;
    const dy = address(params, 1) + offset;
    const dx = address(params, 2) + offset;
    let total: f64 = 0;
    let i: usize = 0;
    while (i + 16 <= bytes) {
      const end = min(bytes, i + 1024);
      let sum = splat(0);
      for (; i + 16 <= end; i += 16) {
        sum = term<Four, Kind>(y + i, dy + i, sum);
      }
      total += sumOfLanes(sum);
    }
    for (; i < bytes; i += 4) {
      const sum = term<One, Kind>(y + i, dy + i, splat(0));
      total += f32x4.extract_lane(sum, 0);
    }
    const sum = splat(<f32> total);
    i = 0;
    for (; i + 16 <= bytes; i += 16) {
      gradient<Four, Kind>(y + i, dy + i, dx + i, sum);
    }
    for (; i < bytes; i += 4) {
      gradient<One, Kind>(y + i, dy + i, dx + i, sum);
    }
  }
}

/** (y, dy, dx, rows, columns). */
export function softmaxBackward(
  params: usize,
  part: i32,
  parts: i32,
): void {
  gradients<Softmax>(params, part, parts);
}

/** (y, dy, dx, rows, columns). */
export function logSoftmaxBackward(
  params: usize,
  part: i32,
  parts: i32,
): void {
  gradients<LogSoftmax>(params, part, parts);
}

/** Σ (total - x) */
function sumOfDistances(x: usize, columns: i32, total: f64): f64 {
  let sum: f64 = 0;
  for (let c = 0; c < columns; c++) {
    sum += total - <f64> load<f32>(x + (<usize> c << 2));
  }
  return sum;
}

/**
 * (logits, labels, losses, logSumExp, rows, columns, smoothing, ignores,
 * ignored label).
 */
export function crossEntropy(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 4);
  const columns = int(params, 5);
  const bytes = <usize> columns << 2;
  const smoothing = double(params, 6);
  const ignores = int(params, 7) != 0;
  const ignored = int(params, 8);
  const end = slice(rows, part + 1, parts);
  for (let row = slice(rows, part, parts); row < end; row++) {
    const x = address(params, 0) + <usize> row * bytes;
    const label = load<i32>(address(params, 1) + (<usize> row << 2));
    const total = logSumExpOf(x, bytes, largest(x, bytes));
    store<f32>(address(params, 3) + (<usize> row << 2), <f32> total);
    let loss: f64 = 0;
    if (!ignores || label != ignored) {
      if (<u32> label < <u32> columns) {
        const logit = <f64> load<f32>(x + (<usize> label << 2));
        loss = (1 - smoothing) * (total - logit);
        if (smoothing > 0) {
          const distances = sumOfDistances(x, columns, total);
          loss += smoothing / <f64> columns * distances;
        }
      } else {
        loss = NaN;
      }
    }
    store<f32>(address(params, 2) + (<usize> row << 2), <f32> loss);
  }
}

function difference<W>(
  x: usize,
  out: usize,
  total: v128,
  wanted: v128,
  factor: v128,
): void {
  const probability = decay4(f32x4.sub(loadLanes<W>(x), total));
  storeLanes<W>(out, f32x4.mul(factor, f32x4.sub(probability, wanted)));
}

/**
 * (logits, labels, logSumExp, dLosses, dLogits, rows, columns, smoothing,
 * ignores, ignored label): dLoss·(softmax - target).
 */
export function crossEntropyBackward(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const rows = int(params, 5);
  const columns = int(params, 6);
  const bytes = <usize> columns << 2;
  const smoothing = float(params, 7);
  const ignores = int(params, 8) != 0;
  const ignored = int(params, 9);
  const wanted = smoothing / <f32> columns;
  const end = slice(rows, part + 1, parts);
  for (let row = slice(rows, part, parts); row < end; row++) {
    const x = address(params, 0) + <usize> row * bytes;
    const out = address(params, 4) + <usize> row * bytes;
    const label = load<i32>(address(params, 1) + (<usize> row << 2));
    const total = load<f32>(address(params, 2) + (<usize> row << 2));
    const isInside = <u32> label < <u32> columns;
    let factor = load<f32>(address(params, 3) + (<usize> row << 2));
    if (ignores && label == ignored) {
      memory.fill(out, 0, bytes);
      continue;
    }
    if (!isInside) factor = NaN;
    const totals = splat(total);
    const targets = splat(wanted);
    const factors = splat(factor);
    let i: usize = 0;
    for (; i + 16 <= bytes; i += 16) {
      difference<Four>(x + i, out + i, totals, targets, factors);
    }
    for (; i < bytes; i += 4) {
      difference<One>(x + i, out + i, totals, targets, factors);
    }
    if (isInside) {
      const at = <usize> label << 2;
      difference<One>(
        x + at,
        out + at,
        totals,
        splat(wanted + (1 - smoothing)),
        factors,
      );
    }
  }
}
