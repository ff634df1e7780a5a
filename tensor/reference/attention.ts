/** Scaled dot-product attention and its gradient: A. Vaswani et al., arXiv:1706.03762, equation 1. */

import type {
  Attention,
  AttentionBackward,
  AttentionLayout,
} from "../backend.ts";
import type { DType } from "../dtype.ts";
import { philoxWords } from "../_philox.ts";
import {
  elementsOf,
  type ReferenceBuffer,
  type ReferenceView,
} from "./buffer.ts";
import { dropoutFactors } from "./random.ts";
import { logSumExp } from "./reduce.ts";

export function attention(
  views: Attention<ReferenceBuffer>,
  layout: AttentionLayout,
): void {
  const value = elementsOf(views.value);
  const out = elementsOf(views.out);
  const totals = elementsOf(views.logSumExp);
  forEachQuery(views, layout, (at, scores) => {
    const total = logSumExp(scores);
    totals[at.row] = total;
    const factors = keptFactors(layout, at.row, views.query.dtype);
    for (let d = 0; d < layout.valueDepth; d++) {
      let sum = 0;
      for (let k = 0; k < layout.keys; k++) {
        const p = probability(scores[k], total);
        sum += p * factors[k] * value[at.value(k) + d];
      }
      out[at.out + d] = sum;
    }
  });
}

export function attentionBackward(
  views: AttentionBackward<ReferenceBuffer>,
  layout: AttentionLayout,
): void {
  const { keys, depth, valueDepth, scale } = layout;
  const query = elementsOf(views.query);
  const key = elementsOf(views.key);
  const value = elementsOf(views.value);
  const out = elementsOf(views.out);
  const totals = elementsOf(views.logSumExp);
  const dOut = elementsOf(views.dOut);
  const dQuery = sumsFor(views.dQuery);
  const dKey = sumsFor(views.dKey);
  const dValue = sumsFor(views.dValue);
  forEachQuery(views, layout, (at, scores) => {
    const factors = keptFactors(layout, at.row, views.query.dtype);
    // Σₖ pₖ·dpₖ, which the gradient of softmax subtracts, is dOut · out.
    let mean = 0;
    for (let d = 0; d < valueDepth; d++) {
      mean += dOut[at.out + d] * out[at.out + d];
    }
    for (let k = 0; k < keys; k++) {
      const p = probability(scores[k], totals[at.row]);
      let dp = 0;
      for (let d = 0; d < valueDepth; d++) {
        dp += factors[k] * dOut[at.out + d] * value[at.value(k) + d];
        dValue[at.value(k) + d] += p * factors[k] * dOut[at.out + d];
      }
      const dProduct = p * (dp - mean) * scale;
      for (let d = 0; d < depth; d++) {
        dQuery[at.query + d] += dProduct * key[at.key(k) + d];
        dKey[at.key(k) + d] += dProduct * query[at.query + d];
      }
    }
  });
  elementsOf(views.dQuery).set(dQuery);
  elementsOf(views.dKey).set(dKey);
  elementsOf(views.dValue).set(dValue);
}

function sumsFor(view: ReferenceView): Float64Array {
  return new Float64Array(elementsOf(view).length);
}

/** Softmax of one score; a query that no key is open to gives zeros. */
function probability(score: number, total: number): number {
  return total === -Infinity ? 0 : Math.exp(score - total);
}

/** What the probabilities of a query are multiplied by. */
function keptFactors(
  { keys, dropout }: AttentionLayout,
  row: number,
  dtype: DType,
): Float64Array {
  if (dropout === undefined) return new Float64Array(keys).fill(1);
  const words = philoxWords(dropout.state, keys, row * Math.ceil(keys / 4));
  return dropoutFactors(words, dropout.rate, dtype);
}

/** Where the elements of one query and of its keys begin. */
interface Place {
  readonly row: number;
  readonly query: number;
  readonly out: number;
  key(k: number): number;
  value(k: number): number;
}

/** Visits every query with its scores: scaled products with all keys, plus mask. */
function forEachQuery(
  views: Attention<ReferenceBuffer>,
  layout: AttentionLayout,
  visit: (at: Place, scores: Float64Array) => void,
): void {
  const { batch, heads, queries, keys, depth, valueDepth } = layout;
  const query = elementsOf(views.query);
  const key = elementsOf(views.key);
  const mask = views.mask && elementsOf(views.mask);
  const [batchStride, headStride, queryStride, keyStride] = layout.maskStrides;
  const scores = new Float64Array(keys);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let q = 0; q < queries; q++) {
        const position = (b * queries + q) * heads + h;
        const at: Place = {
          row: (b * heads + h) * queries + q,
          query: position * depth,
          out: position * valueDepth,
          key: (k) => ((b * keys + k) * heads + h) * depth,
          value: (k) => ((b * keys + k) * heads + h) * valueDepth,
        };
        for (let k = 0; k < keys; k++) {
          let product = 0;
          for (let d = 0; d < depth; d++) {
            product += query[at.query + d] * key[at.key(k) + d];
          }
          scores[k] = product * layout.scale;
          if (mask) {
            scores[k] += mask[
              b * batchStride + h * headStride + q * queryStride + k * keyStride
            ];
          }
        }
        visit(at, scores);
      }
    }
  }
}
