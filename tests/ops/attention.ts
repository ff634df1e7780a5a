/**
 * Rows of the operation table: attention and dropout.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { AttentionOptions, Shape } from "@cram/tensor";
import { type HostTensor, Samples } from "../host_tensor.ts";
import type { Op, OpCase } from "./op.ts";

const samples = new Samples(601);

interface Sizes {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  readonly depth: number;
  readonly valueDepth: number;
}

const SMALL: Sizes = {
  batch: 2,
  queries: 2,
  keys: 3,
  heads: 2,
  depth: 2,
  valueDepth: 3,
};

function attention(
  name: string,
  sizes: Partial<Sizes>,
  options: Omit<AttentionOptions, "mask"> = {},
  mask?: HostTensor,
): OpCase {
  const { batch, queries, keys, heads, depth, valueDepth } = {
    ...SMALL,
    ...sizes,
  };
  return {
    name,
    inputs: [
      samples.floats([batch, queries, heads, depth], -2, 2),
      samples.floats([batch, keys, heads, depth], -2, 2),
      samples.floats([batch, keys, heads, valueDepth]),
      ...(mask ? [mask] : []),
    ],
    run: (query, key, value, mask) =>
      t.scaledDotProductAttention(query, key, value, { ...options, mask }),
    // A float mask would count as an operand that has no gradient.
    gradients: mask?.dtype !== "float32",
  };
}

/** A seed and stream of two words each. */
const DROPPING = {
  dropout: { rate: 0.4, seed: 2n ** 33n + 7n, stream: 2n ** 34n + 3n },
};

function open(shape: Shape, closed: (index: number) => boolean): HostTensor {
  return samples.from(shape, (i) => closed(i) ? 0 : 1, "bool");
}

const small = [
  attention("plain", {}),
  attention("scaled", {}, { scale: 0.3 }),
  attention("causal", { keys: 2 }, { causal: true }),
  attention("causal with fewer queries", {}, { causal: true }),
  attention("key padding", {}, {}, open([2, 1, 1, 3], (i) => i === 2)),
  attention("mask of each head", {}, {}, open([2, 2, 3], (i) => i % 5 === 1)),
  attention(
    "causal key padding",
    {},
    { causal: true },
    open([2, 1, 1, 3], (i) => i === 4),
  ),
  attention("a query without keys", {}, {}, open([2, 3], (i) => i < 3)),
  attention("with dropout", {}, DROPPING),
  attention(
    "with dropout and key padding",
    { keys: 5 },
    DROPPING,
    open([2, 1, 1, 5], (i) => i === 2),
  ),
];

const attentionOp: Op = {
  name: "scaledDotProductAttention",
  half: (name) => /padding|^an additive|transformer|of odd|no /.test(name),
  tolerance: {
    cpu: 5e-6,
    webgpu: 5e-6,
    scale: 1,
    reason: "exponentials and sums of up to 130 products in float32",
  },
  cases: [
    ...small,
    attention("no sequences", { batch: 0 }),
    attention("no queries", { queries: 0 }),
    attention("no keys", { keys: 0 }),
    attention("one of each", {
      batch: 1,
      queries: 1,
      keys: 1,
      heads: 1,
      depth: 1,
      valueDepth: 1,
    }),
    attention("an additive mask", {}, {}, samples.floats([1, 2, 2, 3])),
    attention(
      "an additive mask with -∞",
      {},
      { causal: true },
      samples.from([3], (i) => i === 0 ? -Infinity : i),
    ),
    attention(
      "of a transformer",
      {
        batch: 2,
        queries: 67,
        keys: 67,
        heads: 3,
        depth: 64,
        valueDepth: 64,
      },
      {},
      open([2, 1, 1, 67], (i) => i > 110),
    ),
    attention(
      "of whole vectors, with dropout",
      { queries: 9, keys: 68, depth: 8, valueDepth: 8 },
      DROPPING,
      open([2, 1, 1, 68], (i) => i > 110),
    ),
    attention(
      "of odd sizes, with dropout",
      { queries: 5, keys: 131, depth: 3, valueDepth: 5 },
      DROPPING,
    ),
    attention("of odd sizes", {
      batch: 1,
      queries: 33,
      keys: 130,
      heads: 2,
      depth: 19,
      valueDepth: 5,
    }, { causal: true }),
  ],
  gradchecks: small,
};

function dropping(shape: Shape, rate: number, training = true): OpCase {
  return {
    name: `[${shape}] at ${rate}${training ? "" : ", not training"}`,
    inputs: [samples.floats(shape)],
    run: (x) =>
      t.dropout(x, { rate, seed: 2n ** 33n + 7n, stream: 3n, training }),
    gradients: true,
  };
}

const dropoutOp: Op = {
  name: "dropout",
  tolerance: {
    cpu: 2e-7,
    webgpu: 2e-7,
    scale: 2 ** -126,
    reason: "the factor 1 / (1 - rate) is rounded to float32",
  },
  cases: [
    dropping([0], 0.5),
    dropping([], 0.5),
    dropping([7], 0.1),
    dropping([3, 5], 0),
    dropping([3, 5], 0.9),
    dropping([3, 5], 0.5, false),
    dropping([1030], 0.3),
    dropping([67, 129], 0.1),
  ],
  gradchecks: [dropping([2, 5], 0.4)],
};

/** Attention and dropout. */
export const attentionOps: readonly Op[] = [attentionOp, dropoutOp];
