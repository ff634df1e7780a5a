// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Batch normalization of [rows, columns], the columns being channels. Both
 * directions have three steps: sums over rows, by parts; constants of each
 * channel from them; then the result, row by row.
 */

import { address, double, int, madd, slice, threadScratch } from "./_kernel.ts";
import {
  Four,
  laneBytes,
  loadLanes,
  One,
  storeLanes,
  wholeBytes,
} from "./_lanes.ts";
import { relu4, splat } from "./_math.ts";
import {
  addGradientSums,
  addStatistics,
  gradientNative,
  isNative,
  normalizeNative,
} from "./_native.ts";

/** Sums are held in float32 for this many rows, then added in float64. */
const BLOCK_ROWS = 128;

/** How many columns are summed at once: what the first level of the cache holds. */
const BLOCK_COLUMNS = 1024;

/** How many rows are worked on together: what belongs to columns is loaded less often, and the memory still read in few streams. */
const GROUP = 4;

/** A part's shift is the mean of this many of its rows, evenly spread. */
const SHIFT_ROWS = 8;

function zero(target: usize, byteLength: usize): void {
  memory.fill(target, 0, byteLength);
}

/** Adds float32 sums to float64 sums, and starts them again. */
function flush(sums: usize, totals: usize, count: i32): void {
  for (let i: usize = 0; i < <usize> count; i++) {
    const total = totals + (i << 3);
    store<f64>(total, load<f64>(total) + <f64> load<f32>(sums + (i << 2)));
  }
  zero(sums, <usize> count << 2);
}

/** The rows whose sums are made together. */
const SUM_GROUP = 8;

/** Adds x - shift of SUM_GROUP rows, and their squares. */
function addGroup<W>(
  firstX: usize,
  row: usize,
  firstShifts: usize,
  firstSums: usize,
  bytes: usize,
): void {
  for (let c: usize = 0; c < bytes; c += laneBytes<W>()) {
    const x = firstX + c;
    const shifts = firstShifts + c;
    const sums = firstSums + c;
    const squares = sums + (BLOCK_COLUMNS << 2);
    const shift = loadLanes<W>(shifts);
    const d0 = f32x4.sub(loadLanes<W>(x), shift);
    const d1 = f32x4.sub(loadLanes<W>(x + row), shift);
    const d2 = f32x4.sub(loadLanes<W>(x + 2 * row), shift);
    const d3 = f32x4.sub(loadLanes<W>(x + 3 * row), shift);
    const d4 = f32x4.sub(loadLanes<W>(x + 4 * row), shift);
    const d5 = f32x4.sub(loadLanes<W>(x + 5 * row), shift);
    const d6 = f32x4.sub(loadLanes<W>(x + 6 * row), shift);
    const d7 = f32x4.sub(loadLanes<W>(x + 7 * row), shift);
    const sum = f32x4.add(
      f32x4.add(f32x4.add(d0, d1), f32x4.add(d2, d3)),
      f32x4.add(f32x4.add(d4, d5), f32x4.add(d6, d7)),
    );
    const square = f32x4.add(
      f32x4.add(
        madd(d1, d1, f32x4.mul(d0, d0)),
        madd(d3, d3, f32x4.mul(d2, d2)),
      ),
      f32x4.add(
        madd(d5, d5, f32x4.mul(d4, d4)),
        madd(d7, d7, f32x4.mul(d6, d6)),
      ),
    );
    storeLanes<W>(sums, f32x4.add(loadLanes<W>(sums), sum));
    storeLanes<W>(squares, f32x4.add(loadLanes<W>(squares), square));
  }
}

/** Adds x - shift of fewer rows, and their squares. */
function addRows<W>(
  firstX: usize,
  row: usize,
  count: i32,
  firstShifts: usize,
  firstSums: usize,
  bytes: usize,
): void {
  for (let c: usize = 0; c < bytes; c += laneBytes<W>()) {
    let x = firstX + c;
    const shifts = firstShifts + c;
    const sums = firstSums + c;
    const squares = sums + (BLOCK_COLUMNS << 2);
    const shift = loadLanes<W>(shifts);
    let sum = splat(0);
    let square = splat(0);
    for (let r = 0; r < count; r++) {
      const d = f32x4.sub(loadLanes<W>(x), shift);
      sum = f32x4.add(sum, d);
      square = madd(d, d, square);
      x += row;
    }
    storeLanes<W>(sums, f32x4.add(loadLanes<W>(sums), sum));
    storeLanes<W>(squares, f32x4.add(loadLanes<W>(squares), square));
  }
}

/**
 * (x, rows, columns, partials): mean and sum of squared deviations of each
 * part's rows, as float64 in partials `[parts, 2, columns]`.
 *
 * Sums are shifted by the mean of a few rows, which keeps their digits when
 * the mean is much larger than the deviation, and read x only once: T. Chan,
 * G. Golub, R. LeVeque, "Algorithms for Computing the Sample Variance", 1983.
 */
export function batchNormStatistics(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const rows = int(params, 1);
  const columns = int(params, 2);
  const first = slice(rows, part, parts);
  const count = slice(rows, part + 1, parts) - first;
  const rowBytes = <usize> columns << 2;
  const start = address(params, 0) + <usize> first * rowBytes;
  const means = address(params, 3) + <usize> part * (rowBytes << 2);
  const squares = means + (rowBytes << 1);
  zero(means, rowBytes << 2);
  const shift = threadScratch();
  const sums = shift + (BLOCK_COLUMNS << 2);
  zero(sums, BLOCK_COLUMNS << 3);
  for (let column = 0; column < columns; column += BLOCK_COLUMNS) {
    const width = min(BLOCK_COLUMNS, columns - column);
    const bytes = <usize> width << 2;
    const whole = wholeBytes(bytes);
    const x = start + (<usize> column << 2);
    const mean = means + (<usize> column << 3);
    const square = squares + (<usize> column << 3);
    const step = <usize> ((count + SHIFT_ROWS - 1) / SHIFT_ROWS) * rowBytes;
    meanOfRows(x, step, <usize> count * rowBytes, width, shift);
    for (let block = 0; block < count; block += BLOCK_ROWS) {
      const stop = min(count, block + BLOCK_ROWS);
      let row = block;
      if (isNative != 0) {
        const from = x + <usize> row * rowBytes;
        addStatistics(stop - row, width, rowBytes, from, shift, sums);
        row = stop;
      }
      for (; row + SUM_GROUP <= stop; row += SUM_GROUP) {
        const from = x + <usize> row * rowBytes;
        addGroup<Four>(from, rowBytes, shift, sums, whole);
        addGroup<One>(
          from + whole,
          rowBytes,
          shift + whole,
          sums + whole,
          bytes - whole,
        );
      }
      const from = x + <usize> row * rowBytes;
      addRows<Four>(from, rowBytes, stop - row, shift, sums, whole);
      addRows<One>(
        from + whole,
        rowBytes,
        stop - row,
        shift + whole,
        sums + whole,
        bytes - whole,
      );
      flush(sums, mean, width);
      flush(sums + (BLOCK_COLUMNS << 2), square, width);
    }
    for (let c: usize = 0; c < <usize> width; c++) {
      const sum = load<f64>(mean + (c << 3));
      const k = <f64> load<f32>(shift + (c << 2));
      store<f64>(mean + (c << 3), k + sum / count);
      const total = load<f64>(square + (c << 3));
      store<f64>(square + (c << 3), total - sum * sum / count);
    }
  }
}

function meanOfRows(
  x: usize,
  step: usize,
  end: usize,
  columns: i32,
  out: usize,
): void {
  for (let c: usize = 0; c < <usize> columns << 2; c += 4) {
    let sum: f32 = 0;
    let count: f32 = 0;
    for (let row: usize = 0; row < end; row += step) {
      sum += load<f32>(x + row + c);
      count++;
    }
    store<f32>(out + c, sum / count);
  }
}

/**
 * (partials, parts of batchNormStatistics, rows, columns, scale, bias, mean,
 * rstd, epsilon, constants, runningMean, runningVariance, momentum): mean and
 * rstd of each column, the running statistics if their addresses are not 0,
 * and the constants of batchNormApply.
 */
export function batchNormFinish(params: usize, part: i32, parts: i32): void {
  const partials = address(params, 0);
  const statisticsParts = int(params, 1);
  const rows = int(params, 2);
  const columns = int(params, 3);
  const scale = address(params, 4);
  const bias = address(params, 5);
  const means = address(params, 6);
  const rstds = address(params, 7);
  const epsilon = double(params, 8);
  const constants = address(params, 9);
  const runningMeans = address(params, 10);
  const runningVariances = address(params, 11);
  const momentum = double(params, 12);
  const end = slice(columns, part + 1, parts, 16);
  for (let c = slice(columns, part, parts, 16); c < end; c++) {
    let count: f64 = 0;
    let mean: f64 = 0;
    let squares: f64 = 0;
    for (let p = 0; p < statisticsParts; p++) {
      const more = <f64> (slice(rows, p + 1, statisticsParts) -
        slice(rows, p, statisticsParts));
      const at = partials + (<usize> (p * 2 * columns + c) << 3);
      const difference = load<f64>(at) - mean;
      const total = count + more;
      mean += difference * more / total;
      squares += load<f64>(at + (<usize> columns << 3)) +
        difference * difference * count * more / total;
      count = total;
    }
    const variance = squares / count;
    const rstd = 1 / Math.sqrt(variance + epsilon);
    const offset = <usize> c << 2;
    store<f32>(means + offset, <f32> mean);
    store<f32>(rstds + offset, <f32> rstd);
    storeConstants(
      constants + offset,
      columns,
      mean,
      rstd * <f64> load<f32>(scale + offset),
      <f64> load<f32>(bias + offset),
    );
    if (runningMeans) {
      move(runningMeans + offset, momentum, mean);
      const unbiased = squares / Math.max(count - 1, 1);
      move(runningVariances + offset, momentum, unbiased);
    }
  }
}

/** running ← (1 - momentum)·running + momentum·value */
function move(running: usize, momentum: f64, value: f64): void {
  const before = <f64> load<f32>(running);
  store<f32>(running, <f32> (before + momentum * (value - before)));
}

/**
 * Constants `[3, columns]`, one column: y = (x - c0)·c1 + c2. What c0 loses of
 * the mean by rounding is in c2.
 */
function storeConstants(
  constants: usize,
  columns: i32,
  mean: f64,
  factor: f64,
  bias: f64,
): void {
  const high = <f32> mean;
  const columnBytes = <usize> columns << 2;
  store<f32>(constants, high);
  store<f32>(constants + columnBytes, <f32> factor);
  const low = mean - <f64> high;
  store<f32>(constants + 2 * columnBytes, <f32> (bias - low * factor));
}

/** (mean, variance, scale, bias, epsilon, constants, columns): the constants of batchNormApply from given statistics. */
export function batchNormConstants(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const columns = int(params, 6);
  const end = slice(columns, part + 1, parts, 16);
  for (let c = slice(columns, part, parts, 16); c < end; c++) {
    const offset = <usize> c << 2;
    const variance = <f64> load<f32>(address(params, 1) + offset);
    const rstd = 1 / Math.sqrt(variance + double(params, 4));
    storeConstants(
      address(params, 5) + offset,
      columns,
      <f64> load<f32>(address(params, 0) + offset),
      rstd * <f64> load<f32>(address(params, 2) + offset),
      <f64> load<f32>(address(params, 3) + offset),
    );
  }
}

class Plain {}
class Relu {}
class Residual {}
class ResidualRelu {}

function hasRelu<Kind>(): bool {
  return idof<Kind>() == idof<Relu>() || idof<Kind>() == idof<ResidualRelu>();
}

function hasResidual<Kind>(): bool {
  return idof<Kind>() == idof<Residual>() ||
    idof<Kind>() == idof<ResidualRelu>();
}

/** Some rows of batchNormApply. */
function normalizeRows<W, Kind>(
  firstX: usize,
  firstResidual: usize,
  firstOut: usize,
  row: usize,
  count: i32,
  firstConstants: usize,
  bytes: usize,
): void {
  for (let c: usize = 0; c < bytes; c += laneBytes<W>()) {
    let x = firstX + c;
    let residual = firstResidual + c;
    let out = firstOut + c;
    const constants = firstConstants + c;
    const mean = loadLanes<W>(constants);
    const factor = loadLanes<W>(constants + row);
    const bias = loadLanes<W>(constants + 2 * row);
    const zero = splat(0);
    if (count == GROUP) {
      // Without a loop and without calls: it is the instructions that take time, not the memory.
      const two = row + row;
      const three = two + row;
      let y0 = madd(f32x4.sub(loadLanes<W>(x), mean), factor, bias);
      let y1 = madd(f32x4.sub(loadLanes<W>(x + row), mean), factor, bias);
      let y2 = madd(f32x4.sub(loadLanes<W>(x + two), mean), factor, bias);
      let y3 = madd(f32x4.sub(loadLanes<W>(x + three), mean), factor, bias);
      if (hasResidual<Kind>()) {
        y0 = f32x4.add(y0, loadLanes<W>(residual));
        y1 = f32x4.add(y1, loadLanes<W>(residual + row));
        y2 = f32x4.add(y2, loadLanes<W>(residual + two));
        y3 = f32x4.add(y3, loadLanes<W>(residual + three));
      }
      if (hasRelu<Kind>()) {
        y0 = f32x4.pmax(f32x4.add(y0, zero), zero); // as relu4
        y1 = f32x4.pmax(f32x4.add(y1, zero), zero);
        y2 = f32x4.pmax(f32x4.add(y2, zero), zero);
        y3 = f32x4.pmax(f32x4.add(y3, zero), zero);
      }
      storeLanes<W>(out, y0);
      storeLanes<W>(out + row, y1);
      storeLanes<W>(out + two, y2);
      storeLanes<W>(out + three, y3);
      continue;
    }
    for (let r = 0; r < count; r++) {
      let y = madd(f32x4.sub(loadLanes<W>(x), mean), factor, bias);
      if (hasResidual<Kind>()) y = f32x4.add(y, loadLanes<W>(residual));
      if (hasRelu<Kind>()) y = relu4(y);
      storeLanes<W>(out, y);
      x += row;
      residual += row;
      out += row;
    }
  }
}

function normalize<Kind>(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 3);
  const row = <usize> int(params, 4) << 2;
  const whole = wholeBytes(row);
  const constants = address(params, 5);
  const end = slice(rows, part + 1, parts, GROUP);
  for (let r = slice(rows, part, parts, GROUP); r < end; r += GROUP) {
    const offset = <usize> r * row;
    const x = address(params, 0) + offset;
    const added = address(params, 1) + offset;
    const out = address(params, 2) + offset;
    const count = min(GROUP, end - r);
    normalizeRows<Four, Kind>(x, added, out, row, count, constants, whole);
    normalizeRows<One, Kind>(
      x + whole,
      added + whole,
      out + whole,
      row,
      count,
      constants + whole,
      row - whole,
    );
  }
}

/** (x, residual, out, rows, columns, constants, relu): (x - c0)·c1 + c2, plus residual, then ReLU. */
export function batchNormApply(params: usize, part: i32, parts: i32): void {
  const relu = int(params, 6) != 0;
  if (isNative != 0) {
    const columns = int(params, 4);
    const first = slice(int(params, 3), part, parts, GROUP);
    const end = slice(int(params, 3), part + 1, parts, GROUP);
    const offset = <usize> first * (<usize> columns << 2);
    const residual = address(params, 1);
    normalizeNative(
      end - first,
      columns,
      address(params, 0) + offset,
      address(params, 2) + offset,
      residual == 0 ? 0 : residual + offset,
      address(params, 5),
      relu,
    );
    return;
  }
  if (address(params, 1)) {
    if (relu) normalize<ResidualRelu>(params, part, parts);
    else normalize<Residual>(params, part, parts);
  } else if (relu) {
    normalize<Relu>(params, part, parts);
  } else {
    normalize<Plain>(params, part, parts);
  }
}

/** dy behind the ReLU: where the output y was positive. */
function maskedGradient<W, Kind>(dy: usize, y: usize): v128 {
  const g = loadLanes<W>(dy);
  if (!hasRelu<Kind>()) return g;
  return v128.and(g, f32x4.gt(loadLanes<W>(y), splat(0)));
}

/** Adds g and g·(x - mean) of some rows, and writes g to dResidual. */
function addGradients<W, Kind>(
  firstX: usize,
  firstY: usize,
  firstDy: usize,
  firstDResidual: usize,
  row: usize,
  count: i32,
  firstMeans: usize,
  firstSums: usize,
  bytes: usize,
): void {
  for (let c: usize = 0; c < bytes; c += laneBytes<W>()) {
    let x = firstX + c;
    let y = firstY + c;
    let dy = firstDy + c;
    let dResidual = firstDResidual + c;
    const means = firstMeans + c;
    const sums = firstSums + c;
    const products = sums + (BLOCK_COLUMNS << 2);
    const mean = loadLanes<W>(means);
    const zero = splat(0);
    let sum = zero;
    let product = zero;
    if (count == GROUP) {
      const two = row + row;
      const three = two + row;
      let g0 = loadLanes<W>(dy);
      let g1 = loadLanes<W>(dy + row);
      let g2 = loadLanes<W>(dy + two);
      let g3 = loadLanes<W>(dy + three);
      if (hasRelu<Kind>()) {
        g0 = v128.and(g0, f32x4.gt(loadLanes<W>(y), zero));
        g1 = v128.and(g1, f32x4.gt(loadLanes<W>(y + row), zero));
        g2 = v128.and(g2, f32x4.gt(loadLanes<W>(y + two), zero));
        g3 = v128.and(g3, f32x4.gt(loadLanes<W>(y + three), zero));
      }
      if (hasResidual<Kind>()) {
        storeLanes<W>(dResidual, g0);
        storeLanes<W>(dResidual + row, g1);
        storeLanes<W>(dResidual + two, g2);
        storeLanes<W>(dResidual + three, g3);
      }
      sum = f32x4.add(f32x4.add(g0, g1), f32x4.add(g2, g3));
      const d0 = f32x4.sub(loadLanes<W>(x), mean);
      const d1 = f32x4.sub(loadLanes<W>(x + row), mean);
      const d2 = f32x4.sub(loadLanes<W>(x + two), mean);
      const d3 = f32x4.sub(loadLanes<W>(x + three), mean);
      product = f32x4.add(
        madd(g1, d1, f32x4.mul(g0, d0)),
        madd(g3, d3, f32x4.mul(g2, d2)),
      );
    } else {
      for (let r = 0; r < count; r++) {
        const g = maskedGradient<W, Kind>(dy, y);
        if (hasResidual<Kind>()) storeLanes<W>(dResidual, g);
        sum = f32x4.add(sum, g);
        product = madd(g, f32x4.sub(loadLanes<W>(x), mean), product);
        x += row;
        y += row;
        dy += row;
        dResidual += row;
      }
    }
    storeLanes<W>(sums, f32x4.add(loadLanes<W>(sums), sum));
    storeLanes<W>(products, f32x4.add(loadLanes<W>(products), product));
  }
}

function sumGradients<Kind>(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 4);
  const columns = int(params, 5);
  const means = address(params, 6);
  const first = slice(rows, part, parts);
  const last = slice(rows, part + 1, parts);
  const rowBytes = <usize> columns << 2;
  const totals = address(params, 7) + <usize> part * (rowBytes << 2);
  const products = totals + (rowBytes << 1);
  zero(totals, rowBytes << 2);
  const sums = threadScratch();
  zero(sums, BLOCK_COLUMNS << 3);
  for (let column = 0; column < columns; column += BLOCK_COLUMNS) {
    const width = min(BLOCK_COLUMNS, columns - column);
    const bytes = <usize> width << 2;
    const whole = wholeBytes(bytes);
    const mean = means + (<usize> column << 2);
    for (let block = first; block < last; block += BLOCK_ROWS) {
      const stop = min(last, block + BLOCK_ROWS);
      let row = block;
      if (isNative != 0) {
        const offset = <usize> row * rowBytes + (<usize> column << 2);
        addGradientSums(
          stop - row,
          width,
          rowBytes,
          address(params, 0) + offset,
          address(params, 2) + offset,
          hasRelu<Kind>() ? address(params, 1) + offset : 0,
          hasResidual<Kind>() ? address(params, 3) + offset : 0,
          mean,
          sums,
        );
        row = stop;
      }
      for (; row < stop; row += GROUP) {
        const offset = <usize> row * rowBytes + (<usize> column << 2);
        const x = address(params, 0) + offset;
        const y = address(params, 1) + offset;
        const dy = address(params, 2) + offset;
        const dr = address(params, 3) + offset;
        const count = min(GROUP, stop - row);
        addGradients<Four, Kind>(
          x,
          y,
          dy,
          dr,
          rowBytes,
          count,
          mean,
          sums,
          whole,
        );
        addGradients<One, Kind>(
          x + whole,
          y + whole,
          dy + whole,
          dr + whole,
          rowBytes,
          count,
          mean + whole,
          sums + whole,
          bytes - whole,
        );
      }
      flush(sums, totals + (<usize> column << 3), width);
      flush(
        sums + (BLOCK_COLUMNS << 2),
        products + (<usize> column << 3),
        width,
      );
    }
  }
}

/**
 * (x, y, dy, dResidual, rows, columns, mean, partials): sums of g and
 * g·(x - mean) over each part's rows, as float64 in partials
 * `[parts, 2, columns]`. g is dy where y > 0, or dy without y; it is written
 * to dResidual if there is one.
 */
export function batchNormGradientSums(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const hasY = address(params, 1) != 0;
  if (address(params, 3)) {
    if (hasY) sumGradients<ResidualRelu>(params, part, parts);
    else sumGradients<Residual>(params, part, parts);
  } else if (hasY) {
    sumGradients<Relu>(params, part, parts);
  } else {
    sumGradients<Plain>(params, part, parts);
  }
}

/**
 * (partials, parts of batchNormGradientSums, rows, columns, scale, rstd,
 * dScale, dBias, constants): the gradients of scale and bias, and the
 * constants of batchNormGradientApply.
 */
export function batchNormGradientFinish(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const partials = address(params, 0);
  const sumParts = int(params, 1);
  const rows = <f64> int(params, 2);
  const columns = int(params, 3);
  const constants = address(params, 8);
  const columnBytes = <usize> columns << 2;
  const end = slice(columns, part + 1, parts, 16);
  for (let c = slice(columns, part, parts, 16); c < end; c++) {
    let sum: f64 = 0;
    let product: f64 = 0;
    for (let p = 0; p < sumParts; p++) {
      const at = partials + (<usize> (p * 2 * columns + c) << 3);
      sum += load<f64>(at);
      product += load<f64>(at + 2 * columnBytes);
    }
    const offset = <usize> c << 2;
    const rstd = <f64> load<f32>(address(params, 5) + offset);
    const factor = rstd * <f64> load<f32>(address(params, 4) + offset);
    const dScale = product * rstd;
    store<f32>(address(params, 6) + offset, <f32> dScale);
    store<f32>(address(params, 7) + offset, <f32> sum);
    const target = constants + offset;
    store<f32>(target, <f32> factor);
    store<f32>(target + columnBytes, <f32> (-factor * rstd * dScale / rows));
    store<f32>(target + 2 * columnBytes, <f32> (-factor * sum / rows));
  }
}

/** Some rows of batchNormGradientApply. */
function gradientRows<W, Kind>(
  firstX: usize,
  firstY: usize,
  firstDy: usize,
  firstDx: usize,
  row: usize,
  count: i32,
  firstMeans: usize,
  firstConstants: usize,
  bytes: usize,
): void {
  for (let c: usize = 0; c < bytes; c += laneBytes<W>()) {
    let x = firstX + c;
    let y = firstY + c;
    let dy = firstDy + c;
    let dx = firstDx + c;
    const means = firstMeans + c;
    const constants = firstConstants + c;
    const mean = loadLanes<W>(means);
    const c0 = loadLanes<W>(constants);
    const c1 = loadLanes<W>(constants + row);
    const c2 = loadLanes<W>(constants + 2 * row);
    const zero = splat(0);
    if (count == GROUP) {
      const two = row + row;
      const three = two + row;
      const d0 = f32x4.sub(loadLanes<W>(x), mean);
      const d1 = f32x4.sub(loadLanes<W>(x + row), mean);
      const d2 = f32x4.sub(loadLanes<W>(x + two), mean);
      const d3 = f32x4.sub(loadLanes<W>(x + three), mean);
      let g0 = loadLanes<W>(dy);
      let g1 = loadLanes<W>(dy + row);
      let g2 = loadLanes<W>(dy + two);
      let g3 = loadLanes<W>(dy + three);
      if (hasRelu<Kind>()) {
        g0 = v128.and(g0, f32x4.gt(loadLanes<W>(y), zero));
        g1 = v128.and(g1, f32x4.gt(loadLanes<W>(y + row), zero));
        g2 = v128.and(g2, f32x4.gt(loadLanes<W>(y + two), zero));
        g3 = v128.and(g3, f32x4.gt(loadLanes<W>(y + three), zero));
      }
      storeLanes<W>(dx, madd(g0, c0, madd(d0, c1, c2)));
      storeLanes<W>(dx + row, madd(g1, c0, madd(d1, c1, c2)));
      storeLanes<W>(dx + two, madd(g2, c0, madd(d2, c1, c2)));
      storeLanes<W>(dx + three, madd(g3, c0, madd(d3, c1, c2)));
      continue;
    }
    for (let r = 0; r < count; r++) {
      const d = f32x4.sub(loadLanes<W>(x), mean);
      const g = maskedGradient<W, Kind>(dy, y);
      storeLanes<W>(dx, madd(g, c0, madd(d, c1, c2)));
      x += row;
      y += row;
      dy += row;
      dx += row;
    }
  }
}

function applyGradient<Kind>(params: usize, part: i32, parts: i32): void {
  const rows = int(params, 4);
  const row = <usize> int(params, 5) << 2;
  const whole = wholeBytes(row);
  const means = address(params, 6);
  const constants = address(params, 7);
  const end = slice(rows, part + 1, parts, GROUP);
  for (let r = slice(rows, part, parts, GROUP); r < end; r += GROUP) {
    const offset = <usize> r * row;
    const x = address(params, 0) + offset;
    const y = address(params, 1) + offset;
    const dy = address(params, 2) + offset;
    const dx = address(params, 3) + offset;
    const count = min(GROUP, end - r);
    gradientRows<Four, Kind>(x, y, dy, dx, row, count, means, constants, whole);
    gradientRows<One, Kind>(
      x + whole,
      y + whole,
      dy + whole,
      dx + whole,
      row,
      count,
      means + whole,
      constants + whole,
      row - whole,
    );
  }
}

/** (x, y, dy, dx, rows, columns, mean, constants): dx = c0·g + c1·(x - mean) + c2, where g is dy, with y only where y > 0. */
export function batchNormGradientApply(
  params: usize,
  part: i32,
  parts: i32,
): void {
  if (isNative != 0) {
    const columns = int(params, 5);
    const first = slice(int(params, 4), part, parts, GROUP);
    const end = slice(int(params, 4), part + 1, parts, GROUP);
    const offset = <usize> first * (<usize> columns << 2);
    const y = address(params, 1);
    gradientNative(
      end - first,
      columns,
      address(params, 0) + offset,
      address(params, 2) + offset,
      y == 0 ? 0 : y + offset,
      address(params, 3) + offset,
      address(params, 6),
      address(params, 7),
    );
    return;
  }
  if (address(params, 1)) applyGradient<Relu>(params, part, parts);
  else applyGradient<Plain>(params, part, parts);
}
