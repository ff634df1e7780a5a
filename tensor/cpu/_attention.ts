/** Scaled dot-product attention on the cpu device. */

import type { Attention, AttentionLayout, Backend } from "../backend.ts";
import { alignUp } from "./_allocator.ts";
import { PANEL_COLUMNS } from "./_gemm.ts";
import { dropoutArguments } from "./_random.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** Scores of a block of queries fill at most so many floats: a part of the second level of the cache. */
const BLOCK_SCORES = 65_536;

/** A block has at most so many queries. */
const MOST_QUERIES = 64;

/** Queries of one tile of a product. */
const TILE_ROWS = 4;

/** More parts would need more room and balance the work no better. */
const MOST_PARTS = 16;

function padded(columns: number): number {
  return Math.ceil(columns / PANEL_COLUMNS) * PANEL_COLUMNS;
}

/** How many queries are worked on at once; whole tiles. */
function blockQueries({ queries, keys }: AttentionLayout): number {
  const fitting = Math.floor(BLOCK_SCORES / Math.max(padded(keys), 1));
  const wanted = Math.min(fitting, MOST_QUERIES, queries);
  return Math.max(1, Math.ceil(wanted / TILE_ROWS)) * TILE_ROWS;
}

/** The kernels of attention. */
export function attention(
  runtime: Runtime,
): Pick<Backend<CpuBuffer>, "attention" | "attentionBackward"> {
  /** Arguments 0 to 5 and 10 to 20, with the gradients in between. */
  function sharedArguments(
    views: Attention<CpuBuffer>,
    gradients: readonly number[],
    layout: AttentionLayout,
  ): number[] {
    const { batch, heads, queries, keys, depth, valueDepth } = layout;
    return [
      addressOf(views.query),
      addressOf(views.key),
      addressOf(views.value),
      addressOf(views.mask),
      addressOf(views.out),
      addressOf(views.logSumExp),
      ...gradients,
      ...[batch, heads, queries, keys, depth, valueDepth],
      layout.scale,
      ...layout.maskStrides,
    ];
  }

  /** Arguments 25 to 30. */
  function dropArguments({ dropout }: AttentionLayout): number[] {
    return dropout === undefined
      ? [0, 1, 0, 0, 0, 0]
      : dropoutArguments(dropout.rate, dropout.state);
  }

  /** Elementary steps of the products, counted in vectors. */
  function work(
    { batch, heads, queries, keys, depth, valueDepth }: AttentionLayout,
  ): number {
    return batch * heads * queries * keys * (depth + valueDepth + 16) / 4;
  }

  return {
    attention(views, layout) {
      const { batch, heads, queries, keys, depth, valueDepth } = layout;
      const block = blockQueries(layout);
      // A few heads are split, though each split packs all keys.
      const splits = Math.min(
        Math.ceil(MOST_PARTS / (batch * heads)),
        Math.ceil(queries / block),
      );
      const parts = runtime.parts(
        work(layout),
        Math.min(MOST_PARTS, batch * heads * splits),
      );
      const room = alignUp(
        4 * (PANEL_COLUMNS + depth * padded(keys) + keys * padded(valueDepth) +
          block * (padded(keys) + padded(valueDepth) + 1)),
      );
      runtime.withScratch(parts * room, (address) => {
        runtime.run("attention", [
          ...sharedArguments(views, [0, 0, 0, 0], layout),
          ...[address, room, block, splits],
          ...dropArguments(layout),
        ], parts);
      });
    },

    attentionBackward(views, layout) {
      const { batch, heads, keys, depth, valueDepth } = layout;
      const block = blockQueries(layout);
      const parts = runtime.parts(
        work(layout) * 2.5,
        Math.min(MOST_PARTS, batch * heads),
      );
      const columns = padded(depth) + padded(valueDepth);
      const room = alignUp(
        4 * (PANEL_COLUMNS + (depth + valueDepth) * padded(keys) +
          keys * padded(depth) + padded(keys) * columns +
          block * (2 * padded(keys) + padded(depth) + columns)),
      );
      const gradients = [views.dOut, views.dQuery, views.dKey, views.dValue];
      runtime.withScratch(parts * room, (address) => {
        runtime.run("attentionBackward", [
          ...sharedArguments(views, gradients.map(addressOf), layout),
          ...[address, room, block, 1],
          ...dropArguments(layout),
        ], parts);
      });
    },
  };
}
