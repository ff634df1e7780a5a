/** Layer normalization and its gradient: J. Ba, J. Kiros, G. Hinton, arXiv:1607.06450. */

import type { LayerNorm, LayerNormBackward, MatrixLayout } from "../backend.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { type Kernel, kernelFamily } from "./_kernel.ts";
import { choosePieces, reduce } from "./_reduce.ts";
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

/**
 * Mean and sum of squares in one pass, from those of a few columns at a time: T.
 * Chan, G. Golub, R. LeVeque, "Updating Formulae and a Pairwise Algorithm for
 * Computing Sample Variances", 1979.
 */
const layerNormKernel = kernelFamily(
  (residual: boolean, lanes: RowLanes, vector: boolean): Kernel => {
    const { type, suffix, begin, loop, chunks } = rowSource(lanes, vector);
    const normalized = residual ? "sum" : "x";
    const load = (j: string, i: number) => {
      const x = `x_load${suffix}(begin + ${j})`;
      return residual
        ? `let value${i} = sum_rounded${suffix}(${x} + residual_load${suffix}(begin + ${j}));
    sum_store${suffix}(begin + ${j}, value${i});`
        : `let value${i} = ${x};`;
    };
    const gather = (columns: readonly string[]) => {
      const count = `${columns.length}.0`;
      const values = columns.map((_, i) => `value${i}`);
      const squares = values.map((value) =>
        `(${value} - middle) * (${value} - middle)`
      );
      return `${columns.map(load).join("\n    ")}
    let middle = (${values.join(" + ")}) / ${count};
    let distance = middle - mean_seen;
    let share = ${count} / (count_seen + ${count});
    mean_seen += distance * share;
    squares_seen += (${
        squares.join(" + ")
      }) + distance * distance * (count_seen * share);
    count_seen += ${count};`;
    };
    const body = `${begin}
  let begin = row * u.columns;
  var count_seen = 0.0;
  var mean_seen = ${type}();
  var squares_seen = ${type}();
  ${chunks(gather)}
  let mean = row_sum(mean_seen * count_seen, lane) / f32(u.columns);
  let distance_seen = mean_seen - mean;
  let variance = row_sum(squares_seen + distance_seen * distance_seen * count_seen, lane) / f32(u.columns);
  let rstd = 1.0 / sqrt(variance + u.epsilon);
  ${loop} {
    let value = (${normalized}_load${suffix}(begin + j) - mean) * rstd;
    out_store${suffix}(begin + j, value * scale_load${suffix}(j) + bias_load${suffix}(j));
  }
  if (first == 0u) {
    mean_store(row, mean);
    rstd_store(row, rstd);
  }`;
    const input = { access: "read", type: "f32", vector } as const;
    const output = { access: "read_write", type: "f32", vector } as const;
    return {
      name: `layer-norm-${residual ? "residual-" : ""}${lanes}-${type}`,
      operands: {
        x: input,
        ...(residual ? { residual: input, sum: output } : {}),
        scale: input,
        bias: input,
        out: output,
        mean: { access: "read_write", type: "f32" },
        rstd: { access: "read_write", type: "f32" },
      },
      uniforms: { rows: "u32", columns: "u32", epsilon: "f32" },
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: rowFunctions(lanes, vector, body),
      body,
    };
  },
);

/** With g = dy · γ: dx = rstd · (g - mean of g - x̂ · mean of g · x̂). */
const inputGradientKernel = kernelFamily(
  (lanes: RowLanes, vector: boolean): Kernel => {
    const { type, suffix, begin, loop } = rowSource(lanes, vector);
    const load = `let g = dy_load${suffix}(begin + j) * scale_load${suffix}(j);
    let normalized = (x_load${suffix}(begin + j) - mean) * rstd;`;
    const body = `${begin}
  let begin = row * u.columns;
  let mean = mean_load(row);
  let rstd = rstd_load(row);
  var gradients_seen = ${type}();
  var products_seen = ${type}();
  ${loop} {
    ${load}
    gradients_seen += g;
    products_seen += g * normalized;
  }
  let mean_gradient = row_sum(gradients_seen, lane) / f32(u.columns);
  let mean_product = row_sum(products_seen, lane) / f32(u.columns);
  ${loop} {
    ${load}
    dx_store${suffix}(begin + j, rstd * ((g - mean_gradient) - normalized * mean_product));
  }`;
    const input = { access: "read", type: "f32", vector } as const;
    return {
      name: `layer-norm-input-gradient-${lanes}-${type}`,
      operands: {
        x: input,
        dy: input,
        scale: input,
        mean: { access: "read", type: "f32" },
        rstd: { access: "read", type: "f32" },
        dx: { access: "read_write", type: "f32", vector },
      },
      uniforms: { rows: "u32", columns: "u32" },
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: rowFunctions(lanes, vector, body),
      body,
    };
  },
);

/** Sums of dy · x̂ and of dy over every `pieces`-th row, for each column (or four at a time). */
const parameterGradientKernel = kernelFamily((vector: boolean): Kernel => {
  const suffix = vector ? "4" : "";
  const type = vector ? "vec4<f32>" : "f32";
  const input = { access: "read", type: "f32", vector } as const;
  const output = { access: "read_write", type: "f32", vector } as const;
  return {
    name: `layer-norm-parameter-gradient-${type}`,
    operands: {
      x: input,
      dy: input,
      mean: { access: "read", type: "f32" },
      rstd: { access: "read", type: "f32" },
      products: output,
      gradients: output,
    },
    uniforms: { rows: "u32", columns: "u32", pieces: "u32" },
    workgroupSize: ROW_WORKGROUP_SIZE,
    body: `
  let to = index${vector ? " * 4u" : ""};
  if (to >= u.pieces * u.columns) {
    return;
  }
  let column = to % u.columns;
  var product = ${type}();
  var gradient = ${type}();
  for (var row = to / u.columns; row < u.rows; row += u.pieces) {
    let at = row * u.columns + column;
    let dy = dy_load${suffix}(at);
    product += dy * ((x_load${suffix}(at) - mean_load(row)) * rstd_load(row));
    gradient += dy;
  }
  products_store${suffix}(to, product);
  gradients_store${suffix}(to, gradient);`,
  };
});

/** Layer normalization over the columns of each row. */
export function layerNorm(
  runtime: Runtime,
  views: LayerNorm<GpuBuffer>,
  { rows, columns }: MatrixLayout,
): void {
  const { x, residual, scale, bias, out, sum, mean, rstd, epsilon } = views;
  const lanes = chooseRowLanes(columns, runtime.traits);
  const kernel = layerNormKernel(
    residual !== undefined,
    lanes,
    readsVectors(columns),
  );
  forRowRanges(rows, 4 * columns, runtime.binding, (start, count) => {
    const part = (view: GpuView | undefined) =>
      view && rowsOf(view, columns, start, count);
    runtime.run(
      kernel,
      {
        x: part(x),
        residual: part(residual),
        sum: part(sum),
        scale,
        bias,
        out: part(out),
        mean: rowsOf(mean, 1, start, count),
        rstd: rowsOf(rstd, 1, start, count),
      },
      { rows: count, columns, epsilon },
      rowGroups(count, lanes),
    );
  });
}

/** Gradient of {@linkcode layerNorm}. */
export function layerNormBackward(
  runtime: Runtime,
  views: LayerNormBackward<GpuBuffer>,
  { rows, columns }: MatrixLayout,
): void {
  const { x, dy, scale, mean, rstd, dx, dScale, dBias } = views;
  const lanes = chooseRowLanes(columns, runtime.traits);
  const vector = readsVectors(columns);
  const ranges: { start: number; count: number }[] = [];
  forRowRanges(rows, 4 * columns, runtime.binding, (start, count) => {
    ranges.push({ start, count });
  });
  const viewsOf = ({ start, count }: { start: number; count: number }) => ({
    x: rowsOf(x, columns, start, count),
    dy: rowsOf(dy, columns, start, count),
    mean: rowsOf(mean, 1, start, count),
    rstd: rowsOf(rstd, 1, start, count),
  });
  const pieces = choosePieces(
    columns,
    ranges[0].count,
    columns,
    runtime.traits.software,
  );
  const allPieces = pieces * ranges.length;
  runtime.temporary([allPieces, columns], (products) => {
    runtime.temporary([allPieces, columns], (gradients) => {
      for (const [i, range] of ranges.entries()) {
        runtime.run(
          inputGradientKernel(lanes, vector),
          {
            ...viewsOf(range),
            scale,
            dx: rowsOf(dx, columns, range.start, range.count),
          },
          { rows: range.count, columns },
          rowGroups(range.count, lanes),
        );
        runtime.run(
          parameterGradientKernel(vector),
          {
            ...viewsOf(range),
            products: rowsOf(products, columns, i * pieces, pieces),
            gradients: rowsOf(gradients, columns, i * pieces, pieces),
          },
          { rows: range.count, columns, pieces },
          Math.ceil(
            pieces * columns / (ROW_WORKGROUP_SIZE * (vector ? 4 : 1)),
          ),
        );
      }
      const layout = { outer: 1, length: allPieces, inner: columns };
      reduce(runtime, "sum", products, dScale, layout);
      reduce(runtime, "sum", gradients, dBias, layout);
    });
  });
}
