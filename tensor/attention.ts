/**
 * Scaled dot-product attention.
 *
 * @module
 */

import type { AttentionLayout } from "./backend.ts";
import { broadcastStrides } from "./_broadcast.ts";
import { greaterEqual } from "./comparison.ts";
import { arange } from "./creation.ts";
import { dropoutDraw, type DropoutOptions } from "./_dropout.ts";
import { computeWhere } from "./_elementwise.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { logicalAnd } from "./logical.ts";
import { reshape } from "./reshape.ts";
import {
  announceResult,
  checkKind,
  checkSameDType,
  commonDevice,
  produceAll,
  sumDType,
} from "./_run.ts";
import { broadcastsTo, formatShape, sameShape } from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";
import { where } from "./where.ts";

/** Options of {@linkcode scaledDotProductAttention}. */
export interface AttentionOptions {
  /**
   * What each query may see, of a shape that broadcasts to `[N, H, Lq, Lk]`:
   * `bool`, true where it may, or of the queries' dtype, which is added to
   * the scores. It has no gradient: asking for one throws.
   */
  readonly mask?: Tensor;
  /** Whether query i sees the keys 0 to i only; false if it is not given. */
  readonly causal?: boolean;
  /** What the inner products are multiplied by; `1 / √D` if it is not given. */
  readonly scale?: number;
  /**
   * Drops probabilities at random, in front of the product with the values.
   * They are drawn again for the gradient instead of being kept; the mask is
   * that of `dropout()` on `[N, H, Lq, ⌈Lk / 4⌉ · 4]`.
   */
  readonly dropout?: DropoutOptions;
}

/**
 * Attends to values by the likeness of queries and keys:
 * `softmax(scale · Q Kᵀ + mask) V` in each head (Vaswani et al., "Attention Is
 * All You Need", NeurIPS 2017). A query that may see no key gives zeros.
 *
 * @param query Float, `[N, Lq, H, D]`.
 * @param key The same dtype, `[N, Lk, H, D]`.
 * @param value The same dtype, `[N, Lk, H, Dv]`.
 * @param options Mask, scale and dropout.
 * @returns `[N, Lq, H, Dv]`.
 * @throws {ShapeError} If the shapes do not fit.
 * @throws {DTypeError} If the dtypes do not fit.
 * @throws {ArgumentError} If the scale is not finite, the dropout rate not in [0, 1), or its seed or stream not a bigint of 64 bits.
 *
 * @example The first query sees one key, the second the mean of both
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, scaledDotProductAttention, tensor, zeros } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const query = zeros(device, [1, 2, 1, 1]);
 * const value = tensor(device, [2, 4], { shape: [1, 2, 1, 1] });
 * const y = scaledDotProductAttention(query, query, value, { causal: true });
 * assertEquals([...await y.data()], [2, 3]);
 * ```
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const op = "scaledDotProductAttention";
  const device = commonDevice(op, query, key, value, options.mask);
  checkKind(op, query, "float");
  checkSameDType(op, query, key, value);
  const sizes = attentionSizes(query, key, value, options);
  using mask = additiveMask(query, sizes, options);
  const maskShape = [sizes.batch, sizes.heads, sizes.queries, sizes.keys];
  const [n, h, q, k] = broadcastStrides(maskShape, mask?.shape);
  const layout: AttentionLayout = { ...sizes, maskStrides: [n, h, q, k] };
  const { batch, heads, queries, valueDepth } = layout;
  const outs = produceAll(
    device,
    op,
    [
      [[batch, queries, heads, valueDepth], query.dtype],
      [[batch, heads, queries], sumDType(query.dtype)],
    ],
    (out, logSumExp) =>
      device.backend.attention({
        query: viewOf(query),
        key: viewOf(key),
        value: viewOf(value),
        mask: mask && viewOf(mask),
        out,
        logSumExp,
      }, layout),
  );
  return announceResult(op, [query, key, value, mask], outs, { layout });
}

function attentionSizes(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions,
): Omit<AttentionLayout, "maskStrides"> {
  const call = `attend with queries ${query}, keys ${key} and values ${value}`;
  if ([query, key, value].some((x) => x.rank !== 4)) {
    throw new ShapeError(
      `Cannot ${call}: expected [N, Lq, H, D], [N, Lk, H, D] and [N, Lk, H, Dv]`,
    );
  }
  const [batch, queries, heads, depth] = query.shape;
  const [, keys] = key.shape;
  const valueDepth = value.shape[3];
  const keyShape = [batch, keys, heads, depth];
  const valueShape = [batch, keys, heads, valueDepth];
  if (
    !sameShape(key.shape, keyShape) || !sameShape(value.shape, valueShape) ||
    depth === 0
  ) {
    throw new ShapeError(
      `Cannot ${call}: expected keys ${formatShape(keyShape)} and values ${
        formatShape(valueShape)
      }, with at least one number in each head`,
    );
  }
  const { mask, scale = 1 / Math.sqrt(depth) } = options;
  if (!Number.isFinite(scale)) {
    throw new ArgumentError(
      `Cannot ${call}: expected a finite scale, not ${scale}`,
    );
  }
  if (mask !== undefined) {
    const maskShape = [batch, heads, queries, keys];
    if (!broadcastsTo(mask.shape, maskShape)) {
      throw new ShapeError(
        `Cannot ${call} and mask ${mask}: it does not broadcast to ${
          formatShape(maskShape)
        }`,
      );
    }
    if (mask.dtype !== "bool" && mask.dtype !== query.dtype) {
      throw new DTypeError(
        `Cannot ${call} and mask ${mask}: expected bool or ${query.dtype}`,
      );
    }
  }
  const dropout = options.dropout &&
    dropoutDraw("scaledDotProductAttention", options.dropout);
  if (dropout && batch * heads * queries * Math.ceil(keys / 4) > 2 ** 32) {
    throw new ShapeError(
      `Cannot ${call} and dropout: expected at most 2^34 probabilities`,
    );
  }
  return {
    ...{ batch, heads, queries, keys, depth, valueDepth, scale },
    ...(dropout && { dropout }),
  };
}

/**
 * What is added to the scores, as a handle of its own. What is made of an
 * additive mask is announced, so that a tape refuses to give its gradient
 * instead of forgetting it.
 */
function additiveMask(
  query: Tensor,
  { queries, keys }: Pick<AttentionLayout, "queries" | "keys">,
  { mask, causal = false }: AttentionOptions,
): Tensor | undefined {
  const { dtype } = query;
  const additive = mask?.dtype === "bool" ? undefined : mask;
  if (!causal) {
    if (additive !== undefined) return reshape(additive, additive.shape);
    return mask && computeWhere(mask, 0, -Infinity, dtype);
  }
  using past = causalMask(query, queries, keys);
  if (additive !== undefined) return where(past, additive, -Infinity);
  if (mask === undefined) return computeWhere(past, 0, -Infinity, dtype);
  using both = logicalAnd(past, mask);
  return computeWhere(both, 0, -Infinity, dtype);
}

/** `[queries, keys]`, true where a query comes after a key or with it. */
function causalMask(x: Tensor, queries: number, keys: number): Tensor {
  using positions = arange(x.device, queries, { dtype: "int32" });
  using rows = reshape(positions, [queries, 1]);
  using columns = arange(x.device, keys, { dtype: "int32" });
  return greaterEqual(rows, columns);
}
