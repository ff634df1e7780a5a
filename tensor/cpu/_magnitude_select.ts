/** Thresholds of Top-K pruning on the cpu device. */

import type { MagnitudePart } from "../flat_kernels.ts";
import { sizeOf } from "../shape.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** The bytes of a histogram of 16 bits. */
const HISTOGRAM_BYTES = 4 << 16;

/** The words of an entry of a table in assembly/magnitude_select.ts. */
const ENTRY_WORDS = 4;

/** Segments whose histograms are in memory at the same time. */
const SEGMENTS_AT_ONCE = 32;

/** The bits of -1, which keep all, and of NaN, which keep none. */
const KEEP_ALL = 0xbf800000;
const KEEP_NONE = 0x7fffffff;

type Part = MagnitudePart<CpuBuffer>;

/** A threshold that has to be looked for. */
interface Search {
  /** The weights, in order of position. */
  readonly parts: readonly Part[];
  /** Which of them is the threshold; 1 for the largest. */
  readonly rank: number;
  /** Where the threshold is written. */
  readonly out: number;
}

/** Writes the thresholds of all segments from address `out` on; see `FlatKernels.magnitudeThresholds`. */
export function selectThresholds(
  runtime: Runtime,
  parts: readonly Part[],
  counts: readonly number[],
  exact: boolean,
  out: number,
): void {
  const bySegment: Part[][] = counts.map(() => []);
  for (const part of parts) {
    if (sizeOf(part.x.shape) > 0) bySegment[part.segment].push(part);
  }
  const searches: Search[] = [];
  for (const [segment, count] of counts.entries()) {
    const members = bySegment[segment].sort((a, b) => a.base - b.base);
    const size = members.reduce((sum, { x }) => sum + sizeOf(x.shape), 0);
    const row = out + segment * 8;
    if (count < 0 || (exact && count >= size)) {
      runtime.heap.writeInts(row, [KEEP_ALL, 0]);
    } else if (count === 0 || size === 0) {
      runtime.heap.writeInts(row, [KEEP_NONE, 0]);
    } else {
      const rank = Math.min(count, size);
      searches.push({ parts: members, rank, out: row });
    }
  }
  for (let i = 0; i < searches.length; i += SEGMENTS_AT_ONCE) {
    search(runtime, searches.slice(i, i + SEGMENTS_AT_ONCE), exact);
  }
}

function search(
  runtime: Runtime,
  searches: readonly Search[],
  exact: boolean,
): void {
  const ranges: number[] = [];
  const segments: number[] = [];
  let total = 0;
  for (const [segment, { parts, rank, out }] of searches.entries()) {
    segments.push(total, rank, 0, out);
    for (const { x, base } of parts) {
      ranges.push(total, addressOf(x), segment, base);
      total += sizeOf(x.shape);
    }
  }
  const end = new Array(ENTRY_WORDS).fill(total);
  const words = [...ranges, ...end, ...segments, ...end];
  const shares = runtime.parts(total);
  const histograms = words.length * 4;
  const count = searches.length;
  runtime.withScratch(
    histograms + (shares + count - 1) * HISTOGRAM_BYTES,
    (address) => {
      runtime.heap.writeInts(address, words);
      const args = [
        address,
        address + (ranges.length + ENTRY_WORDS) * 4,
        address + histograms,
        total,
        count,
        shares,
        Number(exact),
      ];
      runtime.run("magnitudesUpper", args, shares);
      runtime.run("selectUpper", args, count);
      runtime.run("magnitudesLower", args, shares);
      runtime.run("selectLower", args, count);
    },
  );
}
