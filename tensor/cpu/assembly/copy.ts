// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/* Kernels that fill and copy memory. Elements are words of 4 bytes, whatever they mean. */

import { copyWords, repeatWord } from "./_copy.ts";
import { address, int, slice, threadScratch } from "./_kernel.ts";
import { transposeBlock } from "./_pack.ts";

/** (out, count, rest, word): repeats a word `count` times, and `rest` of its bytes. */
export function fill(params: usize, part: i32, parts: i32): void {
  const count = int(params, 1);
  const word = int(params, 3);
  const first = slice(count, part, parts, 16);
  const end = slice(count, part + 1, parts, 16);
  let out = address(params, 0) + (<usize> first << 2);
  const room = threadScratch();
  store<i32>(room, word);
  repeatWord(room, out, end - first);
  if (part == parts - 1) {
    out += <usize> (end - first) << 2;
    memory.copy(out, room, int(params, 2));
  }
}

/** How a plane of the last two axes is copied; ../_structure.ts chooses. */
const CONTIGUOUS = 0;
const REPEATED = 1;
const TRANSPOSED = 2;

/** The size of the blocks that parts share; a block that is transposed fits into the cache. */
const BLOCK_ROWS = 64;
const BLOCK_COLUMNS = 4096;
const TRANSPOSED_COLUMNS = 256;

/**
 * Copies between strides. The arguments are (source, target, mode, rank) and,
 * from 4 on, shape, source strides and target strides [rank] in elements.
 *
 * - CONTIGUOUS: columns are neighbours in both ranges.
 * - REPEATED: they are neighbours in the target, and one element in the source.
 * - TRANSPOSED: columns are neighbours in the target, rows in the source.
 * - else: any strides.
 */
export function stridedCopy(params: usize, part: i32, parts: i32): void {
  const sourceStart = address(params, 0);
  const targetStart = address(params, 1);
  const mode = int(params, 2);
  const rank = int(params, 3);
  const sourceStrides = 4 + rank;
  const targetStrides = 4 + 2 * rank;
  const rows = int(params, 4 + rank - 2);
  const columns = int(params, 4 + rank - 1);
  const sourceRow = <usize> int(params, sourceStrides + rank - 2) << 2;
  const sourceColumn = <usize> int(params, sourceStrides + rank - 1) << 2;
  const targetRow = <usize> int(params, targetStrides + rank - 2) << 2;
  const targetColumn = <usize> int(params, targetStrides + rank - 1) << 2;
  const blockColumns = mode == TRANSPOSED ? TRANSPOSED_COLUMNS : BLOCK_COLUMNS;
  const rowBlocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
  const columnBlocks = (columns + blockColumns - 1) / blockColumns;
  let blocks = rowBlocks * columnBlocks;
  for (let axis = 0; axis < rank - 2; axis++) blocks *= int(params, 4 + axis);

  const end = slice(blocks, part + 1, parts);
  for (let block = slice(blocks, part, parts); block < end; block++) {
    let rest = block / columnBlocks;
    const column = (block - rest * columnBlocks) * blockColumns;
    let plane = rest / rowBlocks;
    const row = (rest - plane * rowBlocks) * BLOCK_ROWS;
    let source = sourceStart + row * sourceRow + column * sourceColumn;
    let target = targetStart + row * targetRow + column * targetColumn;
    for (let axis = rank - 3; axis >= 0; axis--) {
      const size = int(params, 4 + axis);
      rest = plane / size;
      const position = plane - rest * size;
      source += <usize> (position * int(params, sourceStrides + axis)) << 2;
      target += <usize> (position * int(params, targetStrides + axis)) << 2;
      plane = rest;
    }
    const height = min(BLOCK_ROWS, rows - row);
    const width = min(blockColumns, columns - column);
    if (mode == TRANSPOSED) {
      transpose(source, sourceColumn, target, targetRow, height, width);
    } else {
      for (let r = 0; r < height; r++) {
        if (mode == CONTIGUOUS) copyWords(source, target, width);
        else if (mode == REPEATED) repeatWord(source, target, width);
        else copyStrided(source, sourceColumn, target, targetColumn, width);
        source += sourceRow;
        target += targetRow;
      }
    }
  }
}

function copyStrided(
  source: usize,
  sourceStep: usize,
  target: usize,
  targetStep: usize,
  count: i32,
): void {
  for (let i = 0; i < count; i++) {
    store<u32>(target, load<u32>(source));
    source += sourceStep;
    target += targetStep;
  }
}

/**
 * Copies rows that are neighbours in the source to columns that are
 * neighbours in the target: eight rows at a time, few enough that the lines
 * which are written share no set of the cache.
 */
function transpose(
  source: usize,
  sourceColumn: usize,
  target: usize,
  targetRow: usize,
  rows: i32,
  columns: i32,
): void {
  for (let row = 0; row < rows; row += 8) {
    const count = min(8, rows - row);
    transposeBlock(source, sourceColumn, columns, count, target, targetRow);
    source += 32;
    target += 8 * targetRow;
  }
}
