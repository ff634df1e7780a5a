/** Where the parameters of an arena lie. */

import { type Shape, sizeOf } from "@cram/tensor";

/** What decides where a parameter lies. */
export interface LayoutEntry {
  readonly shape: Shape;
  /** Parameters of one group lie together. */
  readonly group: number;
  /** Prunable parameters lie before the others. */
  readonly prunable: boolean;
}

/** Where a parameter lies. */
export interface Place {
  readonly chunk: number;
  readonly offset: number;
  readonly shape: Shape;
}

/** A part of a chunk whose parameters are of one group. */
export interface Range {
  readonly chunk: number;
  readonly offset: number;
  readonly length: number;
  readonly group: number;
}

/** Kernels read vectors of this many elements, from addresses that are multiples of them. */
const VECTOR = 4;

/**
 * Places of parameters, the length of each chunk and its ranges, in elements.
 * Parameters lie one behind the other without gaps, so that one kernel can
 * work on all of them; those whose size is no whole number of vectors come
 * last in their group, so that the others stay aligned.
 */
export function layOut(
  entries: readonly LayoutEntry[],
  maxLength: number,
): {
  readonly places: Place[];
  readonly lengths: number[];
  readonly ranges: Range[];
} {
  const rankOf = ({ shape, group, prunable }: LayoutEntry) => [
    Number(!prunable),
    group,
    Number(sizeOf(shape) % VECTOR !== 0),
  ];
  const order = [...entries.keys()].sort((a, b) => {
    const other = rankOf(entries[b]);
    return rankOf(entries[a]).map((rank, i) => rank - other[i])
      .find((difference) => difference !== 0) ?? a - b;
  });
  const places = new Array<Place>(entries.length);
  const lengths: number[] = [];
  const ranges: (Range & { length: number })[] = [];
  for (const index of order) {
    const { shape, group } = entries[index];
    const length = sizeOf(shape);
    const last = lengths.length - 1;
    const fits = last >= 0 && lengths[last] + length <= maxLength;
    const chunk = fits ? last : lengths.push(0) - 1;
    const offset = lengths[chunk];
    places[index] = { chunk, offset, shape };
    lengths[chunk] += length;
    const range = ranges.at(-1);
    if (range !== undefined && range.chunk === chunk && range.group === group) {
      range.length += length;
    } else {
      ranges.push({ chunk, offset, length, group });
    }
  }
  return { places, lengths, ranges };
}
