/** Working on operands range by range, where they are larger than one binding. */

import { dtypeInfo } from "../dtype.ts";
import type { GpuView } from "./_buffer.ts";
import type { BindingLimits } from "./_slots.ts";

/**
 * Some rows of a matrix, as a view of its own. A row must take a multiple of
 * 4 bytes unless the range begins at 0.
 *
 * @param view The matrix, `columns` elements a row.
 * @param columns Elements from one row to the next; 0 for an operand that all rows share.
 * @param start The first row.
 * @param count How many.
 * @returns The view of these rows; the whole view if `columns` is 0.
 */
export function rowsOf(
  view: GpuView,
  columns: number,
  start: number,
  count: number,
): GpuView {
  if (columns === 0) return view;
  const { byteSize } = dtypeInfo(view.dtype);
  return {
    ...view,
    byteOffset: view.byteOffset + start * columns * byteSize,
    shape: [count, columns],
  };
}

/**
 * Calls `run` once for all rows if `rowBytes · rows` fits one binding, else
 * for ranges of rows that do. Ranges begin at multiples of 4 rows, so that
 * operands keep their alignment for vector access, unless one row alone is
 * too large for that.
 *
 * @param rows How many rows there are.
 * @param rowBytes The bytes of a row in the widest operand.
 * @param limits The device's limits.
 * @param run Records the work on rows `[start, start + count)`.
 */
export function forRowRanges(
  rows: number,
  rowBytes: number,
  { maxBindingBytes, alignment }: BindingLimits,
  run: (start: number, count: number) => void,
): void {
  if (rows * rowBytes <= maxBindingBytes) {
    run(0, rows);
    return;
  }
  // A range may begin anywhere in what the alignment rounds down.
  const usable = Math.max(
    maxBindingBytes - alignment - 16,
    maxBindingBytes / 2,
  );
  const fitting = Math.max(1, Math.floor(usable / rowBytes));
  const step = fitting > 4 ? fitting - fitting % 4 : fitting;
  for (let start = 0; start < rows; start += step) {
    run(start, Math.min(step, rows - start));
  }
}
