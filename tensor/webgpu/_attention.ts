/**
 * Scaled dot-product attention and its gradient: A. Vaswani et al.,
 * arXiv:1706.03762, equation 1. Scores are products that are kept for some
 * heads at a time; softmax and its gradient work on them in place.
 */

import type {
  Attention,
  AttentionBackward,
  AttentionLayout,
} from "../backend.ts";
import { sizeOf } from "../shape.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { fill } from "./_fill.ts";
import { runGemm } from "./_gemm.ts";
import type { GemmSource } from "./_gemm_kernel.ts";
import { type ElementType, type Kernel, kernelFamily } from "./_kernel.ts";
import { DROPOUT_UNIFORMS, dropoutUniforms, PHILOX } from "./_random.ts";
import {
  chooseRowLanes,
  readsVectors,
  ROW_WORKGROUP_SIZE,
  rowFunctions,
  rowGroups,
  type RowLanes,
  rowSource,
} from "./_row_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";
import { normalizerSource } from "./_softmax_source.ts";
import { wgslFunctions } from "./_wgsl_math.ts";

/** The scores of so many bytes are kept at a time, unless those of one head take more. */
const MAX_SCORE_BYTES = 64 * 2 ** 20;

/** Matrices of all heads, some of which a product takes. */
interface HeadMatrices {
  readonly view: GpuView;
  /** The first head, counted through all sequences. */
  readonly first: number;
  /** Elements from one sequence, head, row to the next; columns are neighbours. */
  readonly batchStride: number;
  readonly headStride: number;
  readonly rowStride: number;
}

/** Products of the matrices of each head. A problem is a head of a sequence. */
const SOURCE: GemmSource = {
  name: "attention-product",
  uniforms: {
    heads: "u32",
    a_first: "u32",
    a_batch: "u32",
    a_head: "u32",
    a_row: "u32",
    b_first: "u32",
    b_batch: "u32",
    b_head: "u32",
    out_first: "u32",
    out_batch: "u32",
    out_head: "u32",
    out_row: "u32",
  },
  declarations: `
fn head_start(head: u32, batch_stride: u32, head_stride: u32) -> u32 {
  return head / u.heads * batch_stride + head % u.heads * head_stride;
}
fn a_row(problem: u32, row: u32) -> Row {
  return Row(head_start(u.a_first + problem, u.a_batch, u.a_head) + row * u.a_row, 0, 0, 0u, 0u);
}
fn a_run(row: Row, segment: u32) -> Run {
  return Run(row.base, 0u, u.length);
}
fn b_start(problem: u32, segment: u32) -> u32 {
  return head_start(u.b_first + problem, u.b_batch, u.b_head);
}
fn row_exists(row: u32) -> bool {
  return true;
}
fn out_start(problem: u32, row: u32) -> u32 {
  return head_start(u.out_first + problem, u.out_batch, u.out_head) + row * u.out_row;
}
`,
};

/** Sizes of the products of each head. */
interface ProductSizes {
  /** How many heads, and how many there are in a sequence. */
  readonly count: number;
  readonly heads: number;
  /** Rows and columns of the result, and what is summed over. */
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** `out = A · B` for each head, with A `[m, k]` or `[k, m]` and B `[k, n]` or `[n, k]` as stored. */
function multiplyHeads(
  runtime: Runtime,
  a: HeadMatrices,
  transposeA: boolean,
  b: HeadMatrices,
  transposeB: boolean,
  out: HeadMatrices,
  { count, heads, m, n, k }: ProductSizes,
): void {
  const aligned = (matrices: HeadMatrices) =>
    [matrices.batchStride, matrices.headStride, matrices.rowStride]
      .every((stride) => stride % 4 === 0);
  runGemm(
    runtime,
    {
      source: SOURCE,
      // Heads of the result lie between those of other calls.
      sizes: {
        ...{ problems: count, m, n, rowsAlike: m, segments: 1, length: k },
        whole: true,
      },
      parts: () => [{
        m,
        segments: 1,
        uniforms: {
          heads,
          a_first: a.first,
          a_batch: a.batchStride,
          a_head: a.headStride,
          a_row: transposeA ? 1 : a.rowStride,
          b_first: b.first,
          b_batch: b.batchStride,
          b_head: b.headStride,
          out_first: out.first,
          out_batch: out.batchStride,
          out_head: out.headStride,
          out_row: out.rowStride,
        },
      }],
      a: a.view,
      aAlong: transposeA ? "m" : "k",
      aVector: aligned(a),
      aMasked: false,
      aStepK: transposeA ? a.rowStride : 1,
      b: b.view,
      bAlong: transposeB ? "k" : "n",
      bVector: aligned(b),
      bStep: b.rowStride,
      out: out.view,
      outVector: aligned(out) && n % 4 === 0,
      bias: undefined,
      biasStep: 0,
      activation: undefined,
      preActivation: undefined,
    },
  );
}

const SCORE_UNIFORMS = {
  rows: "u32",
  columns: "u32",
  row_stride: "u32",
  first_row: "u32",
  scale: "f32",
  heads: "u32",
  queries: "u32",
  mask_batch: "u32",
  mask_head: "u32",
  mask_query: "u32",
  mask_key: "u32",
} as const satisfies Record<string, ElementType>;

/** Statements that find a row's head, query and mask, and the expression of its scaled and masked scores at a column. */
function scoreSource(
  masked: boolean,
  vector: boolean,
): { readonly begin: string; score(column: string): string } {
  const scaled = (j: string) =>
    `scores_load${vector ? "4" : ""}(begin + ${j}) * u.scale`;
  const begin = `
  let begin = row * u.row_stride;
  let head = (u.first_row + row) / u.queries;
  let query = (u.first_row + row) % u.queries;`;
  if (!masked) return { begin, score: scaled };
  const mask = (j: string) => `mask_load(mask_at + (${j}) * u.mask_key)`;
  return {
    begin: `${begin}
  let mask_at = head / u.heads * u.mask_batch + head % u.heads * u.mask_head + query * u.mask_query;`,
    score: (j) =>
      `${scaled(j)} + ${
        vector
          ? `vec4<f32>(${
            [0, 1, 2, 3].map((i) => mask(`${j} + ${i}u`)).join(", ")
          })`
          : mask(j)
      }`,
  };
}

/** A function that drops what stands in column `j` of a row, or the four from there on. A row begins with a whole block. */
function dropSource(dropping: boolean, vector: boolean): string {
  if (!dropping) return "";
  const type = vector ? "vec4<f32>" : "f32";
  return `${PHILOX}
fn dropped(value: ${type}, row: u32, j: u32) -> ${type} {
  let upper = philox(u.first_block + row * (u.row_stride / 4u) + j / 4u) >> vec4<u32>(8u);
  return select(value * u.factor, ${type}(), upper${
    vector ? " < vec4<u32>(u.threshold)" : "[j % 4u] < u.threshold"
  });
}`;
}

/** Turns products into probabilities. A row of -∞ gives zeros. */
const probabilityKernel = kernelFamily(
  (
    masked: boolean,
    dropping: boolean,
    lanes: RowLanes,
    vector: boolean,
  ): Kernel => {
    const source = rowSource(lanes, vector);
    const { type, suffix, begin, loop } = source;
    const { begin: scoreBegin, score } = scoreSource(masked, vector);
    const drops = dropSource(dropping, vector);
    const body = `${begin}${scoreBegin}
  ${normalizerSource(source, score)}
  let factor = 1.0 / select(total, 1.0, total == 0.0);
  ${loop} {
    let p = decay${suffix}(${score("j")} - shift) * factor;
    scores_store${suffix}(begin + j, ${dropping ? "dropped(p, row, j)" : "p"});
  }
  if (first == 0u) {
    totals_store(row, select(largest + log_f32(total), largest, abs(largest) == inf()));
  }`;
    return {
      name: `attention-probabilities${masked ? "-masked" : ""}${
        dropping ? "-dropping" : ""
      }-${lanes}-${type}`,
      operands: {
        scores: { access: "read_write", type: "f32", vector },
        ...(masked
          ? { mask: { access: "read" as const, type: "f32" as const } }
          : {}),
        totals: { access: "read_write", type: "f32" },
      },
      uniforms: dropping
        ? { ...SCORE_UNIFORMS, ...DROPOUT_UNIFORMS }
        : SCORE_UNIFORMS,
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: rowFunctions(lanes, vector, body + drops) + drops,
      body,
    };
  },
);

/** For each row log Σ exp, and the inner product of the output and its gradient: one operand, since bindings are few. */
const statisticsKernel = kernelFamily(
  (lanes: RowLanes, vector: boolean): Kernel => {
    const { type, suffix, begin, loop } = rowSource(lanes, vector);
    const body = `${begin}
  let head = (u.first_row + row) / u.queries;
  let query = (u.first_row + row) % u.queries;
  let begin = ((head / u.heads * u.queries + query) * u.heads + head % u.heads) * u.columns;
  var seen = ${type}();
  ${loop} {
    seen += out_load${suffix}(begin + j) * gradient_load${suffix}(begin + j);
  }
  let product = row_sum(seen, lane);
  if (first == 0u) {
    statistics_store(2u * row, totals_load(row));
    statistics_store(2u * row + 1u, product);
  }`;
    const input = { access: "read", type: "f32", vector } as const;
    return {
      name: `attention-statistics-${lanes}-${type}`,
      operands: {
        out: input,
        gradient: input,
        totals: { access: "read", type: "f32" },
        statistics: { access: "read_write", type: "f32" },
      },
      uniforms: {
        ...{ rows: "u32", columns: "u32", first_row: "u32" },
        ...{ heads: "u32", queries: "u32" },
      },
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: rowFunctions(lanes, vector, body),
      body,
    };
  },
);

/**
 * Turns products into probabilities p, and their gradients dp into gradients
 * of the products: p · (dp - Σ p · dp) · scale. With dropout, dp is dropped
 * first, and p at the end. The sum is the inner product of the output and its
 * gradient: T. Dao et al., "FlashAttention", arXiv:2205.14135, equation 4.
 */
const scoreGradientKernel = kernelFamily(
  (
    masked: boolean,
    dropping: boolean,
    lanes: RowLanes,
    vector: boolean,
  ): Kernel => {
    const { type, suffix, begin, loop } = rowSource(lanes, vector);
    const { begin: scoreBegin, score } = scoreSource(masked, vector);
    const drops = dropSource(dropping, vector);
    const dropped = (value: string) =>
      dropping ? `dropped(${value}, row, j)` : value;
    const body = `${begin}${scoreBegin}
  let total = statistics_load(2u * row);
  let mean = statistics_load(2u * row + 1u);
  let nothing_open = total == -inf();
  ${loop} {
    let p = select(decay${suffix}(${
      score("j")
    } - total), ${type}(), nothing_open);
    let dp = ${dropped(`gradients_load${suffix}(begin + j)`)};
    scores_store${suffix}(begin + j, ${dropped("p")});
    gradients_store${suffix}(begin + j, p * (dp - mean) * u.scale);
  }`;
    const input = { access: "read", type: "f32" } as const;
    const output = { access: "read_write", type: "f32", vector } as const;
    return {
      name: `attention-score-gradient${masked ? "-masked" : ""}${
        dropping ? "-dropping" : ""
      }-${lanes}-${type}`,
      operands: {
        scores: output,
        gradients: output,
        ...(masked ? { mask: input } : {}),
        statistics: input,
      },
      uniforms: dropping
        ? { ...SCORE_UNIFORMS, ...DROPOUT_UNIFORMS }
        : SCORE_UNIFORMS,
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: wgslFunctions(body + drops) + drops,
      body,
    };
  },
);

/** Some heads, counted through some sequences, whose scores are kept at a time. */
interface HeadRange {
  /** The first sequence and how many: operands are cut to these. */
  readonly firstBatch: number;
  readonly batch: number;
  /** The first head of them, and how many. */
  readonly first: number;
  readonly count: number;
}

function forHeadRanges(
  { binding }: Runtime,
  layout: AttentionLayout,
  run: (range: HeadRange) => void,
): void {
  const { batch, heads, queries, keys, depth, valueDepth } = layout;
  const sequenceBytes = 4 * heads * Math.max(queries, keys) *
    Math.max(depth, valueDepth);
  const scoreBytes = Math.min(MAX_SCORE_BYTES, binding.maxBindingBytes);
  const step = Math.max(
    1,
    Math.floor(scoreBytes / (4 * queries * scoreStride(layout))),
  );
  forRowRanges(batch, sequenceBytes, binding, (firstBatch, sequences) => {
    const all = sequences * heads;
    for (let first = 0; first < all; first += step) {
      const count = Math.min(step, all - first);
      run({ firstBatch, batch: sequences, first, count });
    }
  });
}

/** From one row of scores to the next: whole vectors. */
function scoreStride({ keys }: AttentionLayout): number {
  return Math.ceil(keys / 4) * 4;
}

/** The operands of some heads. */
function headsOf(
  layout: AttentionLayout,
  { firstBatch, batch, first, count }: HeadRange,
) {
  const { heads, queries, keys, dropout } = layout;
  const stride = scoreStride(layout);
  return {
    /** Of `[batch, positions, heads, depth]`. */
    matrices: (
      view: GpuView,
      positions: number,
      depth: number,
    ): HeadMatrices => ({
      view: rowsOf(view, positions * heads * depth, firstBatch, batch),
      first,
      batchStride: positions * heads * depth,
      headStride: depth,
      rowStride: heads * depth,
    }),
    /** Of scores, which are kept of these heads only. */
    scores: (view: GpuView): HeadMatrices => ({
      view,
      first: 0,
      batchStride: heads * queries * stride,
      headStride: queries * stride,
      rowStride: stride,
    }),
    /** Of `[batch, heads, queries]`. */
    rows: (view: GpuView): GpuView =>
      rowsOf(view, queries, firstBatch * heads + first, count),
    /** Of the mask, unless all sequences share it. */
    mask: (view: GpuView | undefined): GpuView | undefined =>
      view && rowsOf(view, layout.maskStrides[0], firstBatch, batch),
    scoreShape: [count, queries, stride] as const,
    sizes: (m: number, n: number, k: number): ProductSizes => ({
      count,
      heads,
      m,
      n,
      k,
    }),
    scoreUniforms: {
      rows: count * queries,
      columns: keys,
      row_stride: stride,
      first_row: first * queries,
      scale: layout.scale,
      heads,
      queries,
      mask_batch: layout.maskStrides[0],
      mask_head: layout.maskStrides[1],
      mask_query: layout.maskStrides[2],
      mask_key: layout.maskStrides[3],
      ...(dropout && dropoutUniforms(
        dropout.rate,
        dropout.state,
        (firstBatch * heads + first) * queries * stride / 4,
      )),
    },
  };
}

/** Scaled dot-product attention. */
export function attention(
  runtime: Runtime,
  { query, key, value, mask, out, logSumExp }: Attention<GpuBuffer>,
  layout: AttentionLayout,
): void {
  const { queries, keys, depth, valueDepth } = layout;
  if (keys === 0) {
    fill(runtime, out, 0);
    fill(runtime, logSumExp, -Infinity);
    return;
  }
  const lanes = chooseRowLanes(keys, runtime.traits);
  const kernel = probabilityKernel(
    mask !== undefined,
    layout.dropout !== undefined,
    lanes,
    readsVectors(keys),
  );
  forHeadRanges(runtime, layout, (range) => {
    const heads = headsOf(layout, range);
    runtime.temporary(heads.scoreShape, (view) => {
      const scores = heads.scores(view);
      multiplyHeads(
        runtime,
        heads.matrices(query, queries, depth),
        false,
        heads.matrices(key, keys, depth),
        true,
        scores,
        heads.sizes(queries, keys, depth),
      );
      runtime.run(
        kernel,
        {
          scores: view,
          mask: heads.mask(mask),
          totals: heads.rows(logSumExp),
        },
        heads.scoreUniforms,
        rowGroups(heads.scoreUniforms.rows, lanes),
      );
      multiplyHeads(
        runtime,
        scores,
        false,
        heads.matrices(value, keys, valueDepth),
        false,
        heads.matrices(out, queries, valueDepth),
        heads.sizes(queries, valueDepth, keys),
      );
    });
  });
}

/** Gradient of {@linkcode attention}. */
export function attentionBackward(
  runtime: Runtime,
  views: AttentionBackward<GpuBuffer>,
  layout: AttentionLayout,
): void {
  const { mask, logSumExp, dQuery, dKey, dValue } = views;
  const { queries, keys, depth, valueDepth } = layout;
  if (keys === 0 || queries === 0) {
    for (const gradient of [dQuery, dKey, dValue]) {
      if (sizeOf(gradient.shape) > 0) fill(runtime, gradient, 0);
    }
    return;
  }
  const lanes = chooseRowLanes(keys, runtime.traits);
  const kernel = scoreGradientKernel(
    mask !== undefined,
    layout.dropout !== undefined,
    lanes,
    readsVectors(keys),
  );
  const valueLanes = chooseRowLanes(valueDepth, runtime.traits);
  const rowKernel = statisticsKernel(valueLanes, readsVectors(valueDepth));
  forHeadRanges(runtime, layout, (range) => {
    const heads = headsOf(layout, range);
    const query = heads.matrices(views.query, queries, depth);
    const key = heads.matrices(views.key, keys, depth);
    const value = heads.matrices(views.value, keys, valueDepth);
    const dOut = heads.matrices(views.dOut, queries, valueDepth);
    runtime.temporary(heads.scoreShape, (scoreView) => {
      runtime.temporary(heads.scoreShape, (gradientView) => {
        const scores = heads.scores(scoreView);
        const gradients = heads.scores(gradientView);
        const product = (
          a: HeadMatrices,
          transposeA: boolean,
          b: HeadMatrices,
          transposeB: boolean,
          out: HeadMatrices,
          ...[m, n, k]: readonly [number, number, number]
        ) => {
          const sizes = heads.sizes(m, n, k);
          multiplyHeads(runtime, a, transposeA, b, transposeB, out, sizes);
        };
        product(query, false, key, true, scores, queries, keys, depth);
        product(dOut, false, value, true, gradients, queries, keys, valueDepth);
        const { rows } = heads.scoreUniforms;
        runtime.temporary([rows, 2], (statistics) => {
          runtime.run(
            rowKernel,
            {
              out: heads.matrices(views.out, queries, valueDepth).view,
              gradient: dOut.view,
              totals: heads.rows(logSumExp),
              statistics,
            },
            { ...heads.scoreUniforms, columns: valueDepth },
            rowGroups(rows, valueLanes),
          );
          runtime.run(
            kernel,
            {
              scores: scoreView,
              gradients: gradientView,
              mask: heads.mask(mask),
              statistics,
            },
            heads.scoreUniforms,
            rowGroups(rows, lanes),
          );
        });
        product(
          ...[gradients, false, key, false] as const,
          heads.matrices(dQuery, queries, depth),
          ...[queries, depth, keys] as const,
        );
        product(
          ...[gradients, true, query, false] as const,
          heads.matrices(dKey, keys, depth),
          ...[keys, depth, queries] as const,
        );
        product(
          ...[scores, true, dOut, false] as const,
          heads.matrices(dValue, keys, valueDepth),
          ...[keys, valueDepth, queries] as const,
        );
      });
    });
  });
}
