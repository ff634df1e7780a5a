/** Cases for tests of gather and scatter-add. */

import type { IndexedLayout } from "./_gather.ts";

/** Rows of whole vectors and others, many indices of few rows, few of many, one slice and several. */
export const INDEXED_LAYOUTS: readonly IndexedLayout[] = [
  { outer: 1, length: 1, inner: 1, count: 1 },
  { outer: 1, length: 5, inner: 8, count: 300 },
  { outer: 1, length: 301, inner: 3, count: 40 },
  { outer: 3, length: 17, inner: 4, count: 11 },
  { outer: 4, length: 9, inner: 1, count: 33 },
];

/** Indices in no order, some of them out of range. */
export function someIndices({ count, length }: IndexedLayout): number[] {
  const special = [-1, length, -(2 ** 31), 2 ** 31 - 1];
  return Array.from(
    { length: count },
    (_, i) => i % 10 === 9 ? special[(i - 9) / 10 % 4] : i * 7 % length,
  );
}
