// @ts-nocheck: AssemblyScript, compiled by ../build.ts
import { address, int, slice } from "./_kernel.ts";
import { transposeBlock } from "./_pack.ts";

/** Columns of the source that are read at once: 4 cache lines of each row. */
const BLOCK_COLUMNS: i32 = 64;

/** (source, target, batch, rows, columns): transposes matrices that lie one after the other. */
export function transposeMatrices(
  params: usize,
  part: i32,
  parts: i32,
): void {
  const rows = int(params, 3);
  const columns = int(params, 4);
  const blocks = (columns + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
  const end = slice(int(params, 2) * blocks, part + 1, parts);
  for (
    let item = slice(int(params, 2) * blocks, part, parts);
    item < end;
    item++
  ) {
    const matrix = <usize> (item / blocks) * <usize> rows * <usize> columns;
    const first = item % blocks * BLOCK_COLUMNS;
    transposeBlock(
      address(params, 0) + ((matrix + first) << 2),
      <usize> columns << 2,
      rows,
      min(BLOCK_COLUMNS, columns - first),
      address(params, 1) + ((matrix + <usize> first * <usize> rows) << 2),
      <usize> rows << 2,
    );
  }
}
