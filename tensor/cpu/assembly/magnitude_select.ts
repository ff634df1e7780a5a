// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Radix select over magnitudes in two passes: histograms of the upper 16 bits
 * of the keys, then of the lower 15 bits of those keys that have the upper
 * bits which the first pass chose.
 *
 * The weights lie in ranges; those of one segment follow each other, in order
 * of position. A part takes an even share of all weights and fills one
 * histogram for each segment it meets, number `part + segment`: going on to
 * the next part or to the next segment (or both) always leads to another
 * number. Counts are whole, so that the result does not depend on the parts.
 *
 * Tables of words, which the caller fills; one more entry ends each:
 * - a range is (number of weights before it, address, segment, position);
 * - a segment is (number of weights before it, rank, upper bits, address of
 *   the result); the rank is 1 for the largest.
 */

import { address, int, slice, threadScratch } from "./_kernel.ts";
import { keyBits, magnitudeKey, magnitudeKeys, NAN_KEY } from "./_magnitude.ts";

const ENTRY_BYTES: usize = 16;
const LOW_BITS = 15;
const LOW_MASK = 0x7fff;

class Upper {}
class Lower {}

/** The bytes of a histogram; the caller makes room for `Upper`. */
function histogramBytes<Level>(): usize {
  return idof<Level>() == idof<Upper>() ? 4 << 16 : 4 << LOW_BITS;
}

function addTo(bins: usize, offset: usize, count: u32): void {
  store<u32>(bins + offset, load<u32>(bins + offset) + count);
}

function countUpper(x: usize, count: i32, bins: usize): void {
  const end = <usize> count << 2;
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) {
    const upper = i32x4.shr_u(magnitudeKeys(v128.load(x + i)), LOW_BITS);
    const offsets = i32x4.shl(upper, 2);
    addTo(bins, i32x4.extract_lane(offsets, 0), 1);
    addTo(bins, i32x4.extract_lane(offsets, 1), 1);
    addTo(bins, i32x4.extract_lane(offsets, 2), 1);
    addTo(bins, i32x4.extract_lane(offsets, 3), 1);
  }
  for (; i < end; i += 4) {
    addTo(bins, magnitudeKey(load<u32>(x + i)) >> LOW_BITS << 2, 1);
  }
}

function hasBits(x: usize, mask: v128, bits: v128): v128 {
  return i32x4.eq(v128.and(v128.load(x), mask), bits);
}

function countLower(x: usize, count: i32, bins: usize, upper: u32): void {
  const end = <usize> count << 2;
  // Where infinity and NaN share the upper bits, all bits of NaN will do.
  const mask = upper == NAN_KEY >> LOW_BITS ? 0x7f800000 : 0x7fff8000;
  const masks = i32x4.splat(mask);
  const bits = i32x4.splat(upper << LOW_BITS & mask);
  let i: usize = 0;
  while (i < end) {
    // Few have the upper bits: the others are passed over, 16 at a time.
    if (i + 64 <= end) {
      const some = v128.or(
        v128.or(hasBits(x + i, masks, bits), hasBits(x + i + 16, masks, bits)),
        v128.or(
          hasBits(x + i + 32, masks, bits),
          hasBits(x + i + 48, masks, bits),
        ),
      );
      if (!v128.any_true(some)) {
        i += 64;
        continue;
      }
    }
    const stop = min(i + 64, end);
    for (; i < stop; i += 4) {
      const key = magnitudeKey(load<u32>(x + i));
      addTo(bins, (key & LOW_MASK) << 2, u32(key >> LOW_BITS == upper));
    }
  }
}

/** Weights that are counted at once; they fit into the first level of the cache. */
const BLOCK_WEIGHTS = 4096;

/**
 * Brings weights into the cache. Loads that nothing waits for overlap, while
 * counting would wait for one cache line after the other.
 */
function fetchWeights(x: usize, count: i32): void {
  const end = <usize> count << 2;
  let sum: u32 = 0;
  for (let i: usize = 0; i < end; i += 64) sum += load<u32>(x + i);
  store<u32>(threadScratch(), sum); // or the loads would be left out
}

/** Where part `part` of the weights starts. */
function shareOf(total: i32, part: i32, parts: i32): i32 {
  return slice(total, part, parts, 16);
}

/** The range that holds weight `index`. */
function rangeOf(ranges: usize, index: i32): usize {
  while (load<i32>(ranges + ENTRY_BYTES) <= index) ranges += ENTRY_BYTES;
  return ranges;
}

/** The address of weight `index`, which a range holds. */
function weightOf(range: usize, index: i32): usize {
  return load<usize>(range, 4) + (<usize> (index - load<i32>(range)) << 2);
}

function fillHistograms<Level>(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const segments = address(params, 1);
  const histograms = address(params, 2);
  const total = int(params, 3);
  const end = shareOf(total, part + 1, parts);
  let at = shareOf(total, part, parts);
  let range = rangeOf(address(params, 0), at);
  let segment = -1;
  let bins: usize = 0;
  while (at < end) {
    if (load<i32>(range, 8) != segment) {
      segment = load<i32>(range, 8);
      bins = histograms + <usize> (part + segment) * histogramBytes<Level>();
      memory.fill(bins, 0, histogramBytes<Level>());
    }
    const rangeEnd = load<i32>(range + ENTRY_BYTES);
    const next = min(min(end, rangeEnd), at + BLOCK_WEIGHTS);
    const x = weightOf(range, at);
    fetchWeights(x, next - at);
    if (idof<Level>() == idof<Upper>()) {
      countUpper(x, next - at, bins);
    } else {
      const entry = segments + <usize> segment * ENTRY_BYTES;
      countLower(x, next - at, bins, load<u32>(entry, 8));
    }
    at = next;
    if (at == rangeEnd) range += ENTRY_BYTES;
  }
}

/** (ranges, segments, histograms, number of weights). */
export function magnitudesUpper(params: usize, part: i32, parts: i32): void {
  fillHistograms<Upper>(params, part, parts);
}

/** As `magnitudesUpper`. */
export function magnitudesLower(params: usize, part: i32, parts: i32): void {
  fillHistograms<Lower>(params, part, parts);
}

/** Bins that are added up at once. */
const BLOCK_BYTES: usize = 4096;

/** Adds a block of some histograms, and returns the sum of all its bins. */
function addBlocks(
  block: usize,
  step: usize,
  count: i32,
  sums: usize,
): u32 {
  let all = i32x4.splat(0);
  memory.fill(sums, 0, BLOCK_BYTES);
  for (let k = 0; k < count; k++) {
    for (let i: usize = 0; i < BLOCK_BYTES; i += 16) {
      const x = v128.load(block + i);
      all = i32x4.add(all, x);
      v128.store(sums + i, i32x4.add(v128.load(sums + i), x));
    }
    block += step;
  }
  return i32x4.extract_lane(all, 0) + i32x4.extract_lane(all, 1) +
    i32x4.extract_lane(all, 2) + i32x4.extract_lane(all, 3);
}

/** Of the weights in a share that have a key, finds the position of number `rank`. */
function positionOf(
  ranges: usize,
  from: i32,
  to: i32,
  key: u32,
  rank: u32,
): u32 {
  let range = rangeOf(ranges, from);
  for (let at = from; at < to; at++) {
    if (at == load<i32>(range + ENTRY_BYTES)) range += ENTRY_BYTES;
    if (magnitudeKey(load<u32>(weightOf(range, at))) == key && --rank == 0) {
      return load<u32>(range, 12) + at - load<i32>(range);
    }
  }
  return unreachable();
}

/** Finds the bin of the weight that a segment looks for. */
function select<Level>(params: usize, segment: i32): void {
  const entry = address(params, 1) + <usize> segment * ENTRY_BYTES;
  const total = int(params, 3);
  const shares = int(params, 5);
  const exact = int(params, 6) != 0;
  const from = load<i32>(entry);
  const to = load<i32>(entry + ENTRY_BYTES);
  let first = 0;
  while (shareOf(total, first + 1, shares) <= from) first++;
  let last = first;
  while (shareOf(total, last + 1, shares) < to) last++;

  const step = histogramBytes<Level>();
  const histograms = address(params, 2) + <usize> (first + segment) * step;
  const sums = threadScratch();
  let rank = load<u32>(entry, 4);
  let block = step;
  for (;;) {
    block -= BLOCK_BYTES;
    const count = addBlocks(histograms + block, step, last - first + 1, sums);
    if (count >= rank) break;
    rank -= count;
  }
  let offset = BLOCK_BYTES - 4;
  while (load<u32>(sums + offset) < rank) {
    rank -= load<u32>(sums + offset);
    offset -= 4;
  }
  offset += block;

  if (idof<Level>() == idof<Upper>()) {
    store<u32>(entry, rank, 4);
    store<u32>(entry, <u32> (offset >> 2), 8);
    return;
  }
  const key = load<u32>(entry, 8) << LOW_BITS | <u32> (offset >> 2);
  const out = load<usize>(entry, 12);
  let bound: u32 = 0;
  if (exact && key != 0) {
    // Shares are in order of position: the histograms tell which one holds it.
    let share = first;
    let bin = histograms + offset;
    while (load<u32>(bin) < rank) {
      rank -= load<u32>(bin);
      bin += step;
      share++;
    }
    bound = 1 + positionOf(
      address(params, 0),
      max(from, shareOf(total, share, shares)),
      min(to, shareOf(total, share + 1, shares)),
      key,
      rank,
    );
  }
  store<u32>(out, keyBits(key));
  store<u32>(out, bound, 4);
}

/**
 * (ranges, segments, histograms, number of weights, number of segments, parts
 * of the histograms, exact).
 */
export function selectUpper(params: usize, part: i32, parts: i32): void {
  const count = int(params, 4);
  const end = slice(count, part + 1, parts);
  for (let i = slice(count, part, parts); i < end; i++) {
    select<Upper>(params, i);
  }
}

/** As `selectUpper`. */
export function selectLower(params: usize, part: i32, parts: i32): void {
  const count = int(params, 4);
  const end = slice(count, part + 1, parts);
  for (let i = slice(count, part, parts); i < end; i++) {
    select<Lower>(params, i);
  }
}
