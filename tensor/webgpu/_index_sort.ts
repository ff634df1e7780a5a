/**
 * A stable radix sort of indices. Blocks of positions are counted and moved
 * by one invocation each, so that the order is certain without atomics or
 * barriers.
 */

import { sizeOf } from "../shape.ts";
import type { GpuView } from "./_buffer.ts";
import type { Kernel } from "./_kernel.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;
/** Bits of an index that one pass sorts by, and how many digits they make. */
const DIGIT_BITS = 4;
const DIGITS = 2 ** DIGIT_BITS;
/** Positions of a block, unless that makes too many blocks to scan. */
const BLOCK = 64;
const MAX_BLOCKS = 512;

const OPERANDS = {
  indices: { access: "read", type: "i32" },
  order: { access: "read", type: "u32" },
} as const;

const UNIFORMS = {
  count: "u32",
  length: "u32",
  blocks: "u32",
  block_size: "u32",
  shift: "u32",
  // Whether positions are still in their own order, and `order` unwritten.
  is_first: "u32",
} as const;

/** Indices out of range, negative ones among them, sort behind all others. */
const DECLARATIONS = `
fn position(i: u32) -> u32 {
  if (u.is_first != 0u) { return i; }
  return order_load(i);
}
fn digit(position: u32) -> u32 {
  return (min(u32(indices_load(position)), u.length) >> u.shift) & ${
  DIGITS - 1
}u;
}`;

const countKernel: Kernel = {
  name: "sort-count",
  operands: { ...OPERANDS, counts: { access: "read_write", type: "u32" } },
  uniforms: UNIFORMS,
  workgroupSize: WORKGROUP_SIZE,
  declarations: DECLARATIONS,
  body: `
  if (index >= u.blocks) {
    return;
  }
  var counts: array<u32, ${DIGITS}>;
  let end = min((index + 1u) * u.block_size, u.count);
  for (var i = index * u.block_size; i < end; i++) {
    counts[digit(position(i))]++;
  }
  for (var d = 0u; d < ${DIGITS}u; d++) {
    counts_store(d * u.blocks + index, counts[d]);
  }`,
};

/** Where each block's elements of each digit begin: an exclusive scan, by one invocation a digit. */
const scanKernel: Kernel = {
  name: "sort-scan",
  operands: {
    counts: { access: "read", type: "u32" },
    starts: { access: "read_write", type: "u32" },
  },
  uniforms: { blocks: "u32" },
  workgroupSize: DIGITS,
  body: `
  var start = 0u;
  for (var i = 0u; i < lane * u.blocks; i++) {
    start += counts_load(i);
  }
  for (var i = lane * u.blocks; i < (lane + 1u) * u.blocks; i++) {
    starts_store(i, start);
    start += counts_load(i);
  }`,
};

const moveKernel: Kernel = {
  name: "sort-move",
  operands: {
    ...OPERANDS,
    starts: { access: "read", type: "u32" },
    moved: { access: "read_write", type: "u32" },
  },
  uniforms: UNIFORMS,
  workgroupSize: WORKGROUP_SIZE,
  declarations: DECLARATIONS,
  body: `
  if (index >= u.blocks) {
    return;
  }
  var starts: array<u32, ${DIGITS}>;
  for (var d = 0u; d < ${DIGITS}u; d++) {
    starts[d] = starts_load(d * u.blocks + index);
  }
  let end = min((index + 1u) * u.block_size, u.count);
  for (var i = index * u.block_size; i < end; i++) {
    let moving = position(i);
    let d = digit(moving);
    moved_store(starts[d], moving);
    starts[d]++;
  }`,
};

/**
 * Sorts the positions of indices by index, equal ones in ascending order.
 *
 * @param runtime Where it runs.
 * @param indices The indices.
 * @param length Indices are in `[0, length)`; others come last.
 * @param use Records what is done with the sorted positions (`u32`), which are gone when it returns.
 */
export function withSortedPositions(
  runtime: Runtime,
  indices: GpuView,
  length: number,
  use: (order: GpuView) => void,
): void {
  const count = sizeOf(indices.shape);
  const blocks = Math.min(MAX_BLOCKS, Math.ceil(count / BLOCK));
  const block_size = Math.ceil(count / blocks);
  const passes = Math.ceil(Math.log2(length + 1) / DIGIT_BITS) || 1;
  const groups = Math.ceil(blocks / WORKGROUP_SIZE);
  runtime.temporary([DIGITS, blocks], (counts) => {
    runtime.temporary([DIGITS, blocks], (starts) => {
      runtime.temporary([count], (a) => {
        runtime.temporary([count], (b) => {
          let [order, moved] = [a, b];
          for (let pass = 0; pass < passes; pass++) {
            const uniforms = {
              count,
              length,
              blocks,
              block_size,
              shift: pass * DIGIT_BITS,
              is_first: Number(pass === 0),
            };
            runtime.run(
              countKernel,
              { indices, order, counts },
              uniforms,
              groups,
            );
            runtime.run(scanKernel, { counts, starts }, { blocks }, 1);
            runtime.run(
              moveKernel,
              { indices, order, starts, moved },
              uniforms,
              groups,
            );
            [order, moved] = [moved, order];
          }
          use(order);
        });
      });
    });
  });
}
