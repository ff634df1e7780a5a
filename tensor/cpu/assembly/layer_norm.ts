// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/* Layer normalization of [rows, columns]: one row after the other. */

import { address, double, int, madd, slice, threadScratch } from "./_kernel.ts";
import { Four, loadLanes, One, storeLanes } from "./_lanes.ts";
import { splat, sumOfLanes } from "./_math.ts";

/** Sums are held in float32 for this many bytes of a row, then added in float64. */
const BLOCK_BYTES = 2048;

/** x + residual; writes the sum. */
function addResidual<W>(x: usize, residual: usize, sum: usize): void {
  storeLanes<W>(sum, f32x4.add(loadLanes<W>(x), loadLanes<W>(residual)));
}

/** Σ x */
function sumOfRow(x: usize, bytes: usize): f64 {
  let total: f64 = 0;
  let i: usize = 0;
  while (i + 16 <= bytes) {
    const end = min(bytes, i + BLOCK_BYTES);
    let sum = splat(0);
    for (; i + 16 <= end; i += 16) sum = f32x4.add(sum, v128.load(x + i));
    total += sumOfLanes(sum);
  }
  for (; i < bytes; i += 4) total += load<f32>(x + i);
  return total;
}

/** Σ (x - shift) and Σ (x - shift)², written as two float64. */
function deviations(x: usize, bytes: usize, shift: f32, out: usize): void {
  const shifts = splat(shift);
  let total: f64 = 0;
  let squares: f64 = 0;
  let i: usize = 0;
  while (i + 16 <= bytes) {
    const end = min(bytes, i + BLOCK_BYTES);
    let sum = splat(0);
    let square = splat(0);
    for (; i + 16 <= end; i += 16) {
      const d = f32x4.sub(v128.load(x + i), shifts);
      sum = f32x4.add(sum, d);
      square = madd(d, d, square);
    }
    total += sumOfLanes(sum);
    squares += sumOfLanes(square);
  }
  for (; i < bytes; i += 4) {
    const d = load<f32>(x + i) - shift;
    total += d;
    squares += d * d;
  }
  store<f64>(out, total);
  store<f64>(out, squares, 8);
}

function normalize<W>(
  x: usize,
  scale: usize,
  bias: usize,
  out: usize,
  shift: v128,
  low: v128,
  rstd: v128,
): void {
  const d = f32x4.sub(f32x4.sub(loadLanes<W>(x), shift), low);
  const y = madd(f32x4.mul(d, rstd), loadLanes<W>(scale), loadLanes<W>(bias));
  storeLanes<W>(out, y);
}

/** (x, residual, scale, bias, out, sum, mean, rstd, epsilon, rows, columns). */
export function layerNorm(params: usize, part: i32, parts: i32): void {
  const hasResidual = address(params, 1) != 0;
  const scale = address(params, 2);
  const bias = address(params, 3);
  const epsilon = double(params, 8);
  const rows = int(params, 9);
  const columns = int(params, 10);
  const bytes = <usize> columns << 2;
  const end = slice(rows, part + 1, parts);
  for (let row = slice(rows, part, parts); row < end; row++) {
    const offset = <usize> row * bytes;
    let x = address(params, 0) + offset;
    const out = address(params, 4) + offset;
    if (hasResidual) {
      const residual = address(params, 1) + offset;
      const sum = address(params, 5) + offset;
      let i: usize = 0;
      for (; i + 16 <= bytes; i += 16) {
        addResidual<Four>(x + i, residual + i, sum + i);
      }
      for (; i < bytes; i += 4) {
        addResidual<One>(x + i, residual + i, sum + i);
      }
      x = sum;
    }
    // The first mean is rounded; how far it is off, the second pass tells.
    const shift = <f32> (sumOfRow(x, bytes) / columns);
    const sums = threadScratch();
    deviations(x, bytes, shift, sums);
    const low = load<f64>(sums) / columns;
    const variance = load<f64>(sums, 8) / columns - low * low;
    const rstd = 1 / Math.sqrt(variance + epsilon);
    const mean = <f32> (<f64> shift + low);
    store<f32>(address(params, 6) + (<usize> row << 2), mean);
    store<f32>(address(params, 7) + (<usize> row << 2), <f32> rstd);
    const shifts = splat(shift);
    const lows = splat(<f32> low);
    const rstds = splat(<f32> rstd);
    let i: usize = 0;
    for (; i + 16 <= bytes; i += 16) {
      normalize<Four>(
        x + i,
        scale + i,
        bias + i,
        out + i,
        shifts,
        lows,
        rstds,
      );
    }
    for (; i < bytes; i += 4) {
      normalize<One>(
        x + i,
        scale + i,
        bias + i,
        out + i,
        shifts,
        lows,
        rstds,
      );
    }
  }
}

/** Adds a row's share to the gradients of scale and bias. */
function addToColumns<W>(
  x: usize,
  dy: usize,
  dScale: usize,
  dBias: usize,
  mean: v128,
  rstd: v128,
): void {
  const normalized = f32x4.mul(f32x4.sub(loadLanes<W>(x), mean), rstd);
  const g = loadLanes<W>(dy);
  storeLanes<W>(dScale, madd(g, normalized, loadLanes<W>(dScale)));
  storeLanes<W>(dBias, f32x4.add(g, loadLanes<W>(dBias)));
}

function gradient<W>(
  x: usize,
  dy: usize,
  scale: usize,
  dx: usize,
  mean: v128,
  rstd: v128,
  c0: v128,
  c1: v128,
): void {
  const normalized = f32x4.mul(f32x4.sub(loadLanes<W>(x), mean), rstd);
  const g = f32x4.mul(loadLanes<W>(dy), loadLanes<W>(scale));
  const d = f32x4.sub(f32x4.sub(g, c0), f32x4.mul(normalized, c1));
  storeLanes<W>(dx, f32x4.mul(d, rstd));
}

/**
 * (x, dy, scale, mean, rstd, dx, rows, columns, partials): the gradient of the
 * input, and each part's sums of the gradients of scale and bias, in partials
 * `[2, parts, columns]`.
 */
export function layerNormBackward(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const scale = address(params, 2);
  const rows = int(params, 6);
  const columns = int(params, 7);
  const bytes = <usize> columns << 2;
  const dScale = address(params, 8) + <usize> part * bytes;
  const dBias = dScale + <usize> parts * bytes;
  memory.fill(dScale, 0, bytes);
  memory.fill(dBias, 0, bytes);
  const last = slice(rows, part + 1, parts);
  for (let row = slice(rows, part, parts); row < last; row++) {
    const offset = <usize> row * bytes;
    const x = address(params, 0) + offset;
    const dy = address(params, 1) + offset;
    const dx = address(params, 5) + offset;
    const mean = load<f32>(address(params, 3) + (<usize> row << 2));
    const rstd = load<f32>(address(params, 4) + (<usize> row << 2));
    const means = splat(mean);
    const rstds = splat(rstd);
    let sum: f64 = 0;
    let product: f64 = 0;
    let i: usize = 0;
    while (i + 16 <= bytes) {
      const end = min(bytes, i + BLOCK_BYTES);
      let sums = splat(0);
      let products = splat(0);
      for (; i + 16 <= end; i += 16) {
        const g = f32x4.mul(v128.load(dy + i), v128.load(scale + i));
        sums = f32x4.add(sums, g);
        const d = f32x4.sub(v128.load(x + i), means);
        products = madd(g, d, products);
        addToColumns<Four>(x + i, dy + i, dScale + i, dBias + i, means, rstds);
      }
      sum += sumOfLanes(sums);
      product += sumOfLanes(products);
    }
    for (; i < bytes; i += 4) {
      const g = load<f32>(dy + i) * load<f32>(scale + i);
      sum += g;
      product += g * (load<f32>(x + i) - mean);
      addToColumns<One>(x + i, dy + i, dScale + i, dBias + i, means, rstds);
    }
    const c0 = splat(<f32> (sum / columns));
    const c1 = splat(<f32> (product * rstd / columns));
    i = 0;
    for (; i + 16 <= bytes; i += 16) {
      gradient<Four>(
        x + i,
        dy + i,
        scale + i,
        dx + i,
        means,
        rstds,
        c0,
        c1,
      );
    }
    for (; i < bytes; i += 4) {
      gradient<One>(x + i, dy + i, scale + i, dx + i, means, rstds, c0, c1);
    }
  }
}
