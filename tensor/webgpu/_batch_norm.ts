/** Batch normalization and its gradient: S. Ioffe and C. Szegedy, arXiv:1502.03167, algorithm 1. */

import type {
  BatchNormBackward,
  BatchNormInference,
  BatchNormTraining,
  MatrixLayout,
} from "../backend.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { type Kernel, kernelFamily, type OperandSpec } from "./_kernel.ts";
import { choosePieces, reduce } from "./_reduce.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";
import { wgslFunctions } from "./_wgsl_math.ts";

const WORKGROUP_SIZE = 64;

/** Rows that an invocation normalizes on a software adapter, where it costs as much to load what belongs to a channel as an element. */
const SOFTWARE_ROWS = 8;

const INPUT: OperandSpec = { access: "read", type: "f32" };
const OUTPUT: OperandSpec = { access: "read_write", type: "f32" };

/** Operands and WGSL for one channel or four neighbouring ones an invocation. */
function channelSource(vector: boolean): {
  readonly input: OperandSpec;
  readonly output: OperandSpec;
  readonly type: string;
  readonly suffix: string;
  readonly width: number;
} {
  return {
    input: { ...INPUT, vector },
    output: { ...OUTPUT, vector },
    type: vector ? "vec4<f32>" : "f32",
    suffix: vector ? "4" : "",
    width: vector ? 4 : 1,
  };
}

/** Statements that begin a kernel whose invocations take every `pieces`-th row of a channel: `to` is their number among all, times `width`. */
function beginSource(width: number): string {
  return `
  let to = index * ${width}u;
  if (to >= u.pieces * u.columns) {
    return;
  }
  let column = to % u.columns;`;
}

const ROW_LOOP =
  "for (var row = to / u.columns; row < u.rows; row += u.pieces)";

/**
 * Count, mean and sum of squared deviations of every `pieces`-th row, for
 * each channel: B. Welford, "Note on a Method for Calculating Corrected Sums
 * of Squares and Products", 1962.
 */
const momentsKernel = kernelFamily((vector: boolean): Kernel => {
  const { input, output, type, suffix, width } = channelSource(vector);
  return {
    name: `batch-norm-moments-${width}`,
    operands: { x: input, moments: output },
    uniforms: {
      rows: "u32",
      columns: "u32",
      pieces: "u32",
      first_piece: "u32",
      plane: "u32",
    },
    workgroupSize: WORKGROUP_SIZE,
    body: `${beginSource(width)}
  var count = 0.0;
  var mean = ${type}();
  var deviation = ${type}();
  ${ROW_LOOP} {
    let x = x_load${suffix}(row * u.columns + column);
    count += 1.0;
    let delta = x - mean;
    mean += delta * (1.0 / count);
    deviation += delta * (x - mean);
  }
  let first = u.first_piece * u.columns + to;
  moments_store${suffix}(first, ${type}(count));
  moments_store${suffix}(u.plane + first, mean);
  moments_store${suffix}(2u * u.plane + first, deviation);`,
  };
});

/**
 * Joins the moments of all pieces: T. Chan, G. Golub, R. LeVeque, "Updating
 * Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
 */
const finishKernel = kernelFamily((running: boolean): Kernel => ({
  name: `batch-norm-finish${running ? "-running" : ""}`,
  operands: {
    moments: INPUT,
    mean: OUTPUT,
    rstd: OUTPUT,
    ...(running ? { running_mean: OUTPUT, running_variance: OUTPUT } : {}),
  },
  uniforms: {
    columns: "u32",
    pieces: "u32",
    epsilon: "f32",
    momentum: "f32",
  },
  workgroupSize: WORKGROUP_SIZE,
  body: `
  if (index >= u.columns) {
    return;
  }
  let plane = u.pieces * u.columns;
  var count = 0.0;
  var mean = 0.0;
  var deviation = 0.0;
  for (var at = index; at < plane; at += u.columns) {
    let other_count = moments_load(at);
    let delta = moments_load(plane + at) - mean;
    let sum = count + other_count;
    mean += delta * (other_count / sum);
    deviation += moments_load(2u * plane + at) + delta * delta * (count * other_count / sum);
    count = sum;
  }
  let variance = deviation / count;
  mean_store(index, mean);
  rstd_store(index, 1.0 / sqrt(variance + u.epsilon));
${
    running
      ? `
  let unbiased = deviation / max(count - 1.0, 1.0);
  let old_mean = running_mean_load(index);
  let old_variance = running_variance_load(index);
  running_mean_store(index, old_mean + u.momentum * (mean - old_mean));
  running_variance_store(index, old_variance + u.momentum * (unbiased - old_variance));`
      : ""
  }`,
}));

/** `(x - mean) · rstd · γ + β`, plus residual, behind a ReLU. `spread` is rstd in training, else the variance. */
const normalizeKernel = kernelFamily((
  training: boolean,
  residual: boolean,
  relu: boolean,
  vector: boolean,
): Kernel => {
  const { input, output, type, suffix, width } = channelSource(vector);
  const sum = `normalized * scale + bias${
    residual ? ` + residual_load${suffix}(at)` : ""
  }`;
  const result = relu ? `maximum${suffix}(${sum}, ${type}())` : sum;
  const flags = `${residual ? "-residual" : ""}${relu ? "-relu" : ""}`;
  return {
    name: `batch-norm-${training ? "training" : "inference"}${flags}-${width}`,
    operands: {
      x: input,
      mean: input,
      spread: input,
      scale: input,
      bias: input,
      ...(residual ? { residual: input } : {}),
      out: output,
    },
    uniforms: { rows: "u32", columns: "u32", pieces: "u32", epsilon: "f32" },
    workgroupSize: WORKGROUP_SIZE,
    declarations: wgslFunctions(result),
    body: `${beginSource(width)}
  let mean = mean_load${suffix}(column);
  let spread = ${
      training
        ? `spread_load${suffix}(column)`
        : `sqrt(spread_load${suffix}(column) + u.epsilon)`
    };
  let scale = scale_load${suffix}(column);
  let bias = bias_load${suffix}(column);
  ${ROW_LOOP} {
    let at = row * u.columns + column;
    let normalized = (x_load${suffix}(at) - mean) ${
      training ? "*" : "/"
    } spread;
    out_store${suffix}(at, ${result});
  }`,
  };
});

/** The gradient behind the ReLU, as an expression of what is stored at `at`. */
function gradientSource(relu: boolean, type: string, suffix: string): string {
  const dy = `dy_load${suffix}(at)`;
  return relu
    ? `select(${type}(), ${dy}, y_load${suffix}(at) > ${type}())`
    : dy;
}

/** Sums of g · x̂ and of g over every `pieces`-th row, for each channel. */
const sumsKernel = kernelFamily((relu: boolean, vector: boolean): Kernel => {
  const { input, output, type, suffix, width } = channelSource(vector);
  return {
    name: `batch-norm-gradient-sums${relu ? "-relu" : ""}-${width}`,
    operands: {
      x: input,
      ...(relu ? { y: input } : {}),
      dy: input,
      mean: input,
      rstd: input,
      products: output,
      gradients: output,
    },
    uniforms: { rows: "u32", columns: "u32", pieces: "u32" },
    workgroupSize: WORKGROUP_SIZE,
    body: `${beginSource(width)}
  let mean = mean_load${suffix}(column);
  let rstd = rstd_load${suffix}(column);
  var product = ${type}();
  var gradient = ${type}();
  ${ROW_LOOP} {
    let at = row * u.columns + column;
    let g = ${gradientSource(relu, type, suffix)};
    product += g * ((x_load${suffix}(at) - mean) * rstd);
    gradient += g;
  }
  products_store${suffix}(to, product);
  gradients_store${suffix}(to, gradient);`,
  };
});

/** What the gradient of the input needs of each channel, in one operand: a kernel may not have more than eight. */
const coefficientsKernel: Kernel = {
  name: "batch-norm-gradient-coefficients",
  operands: {
    scale: INPUT,
    mean: INPUT,
    rstd: INPUT,
    d_scale: INPUT,
    d_bias: INPUT,
    coefficients: OUTPUT,
  },
  uniforms: { rows: "f32", columns: "u32" },
  workgroupSize: WORKGROUP_SIZE,
  body: `
  if (index >= u.columns) {
    return;
  }
  let rstd = rstd_load(index);
  coefficients_store(index, mean_load(index));
  coefficients_store(u.columns + index, rstd);
  coefficients_store(2u * u.columns + index, scale_load(index) * rstd);
  coefficients_store(3u * u.columns + index, d_bias_load(index) / u.rows);
  coefficients_store(4u * u.columns + index, d_scale_load(index) / u.rows);`,
};
const COEFFICIENTS = 5;

/** dx = γ · rstd · (g - mean of g - x̂ · mean of g · x̂). */
const inputGradientKernel = kernelFamily((
  relu: boolean,
  residual: boolean,
  vector: boolean,
): Kernel => {
  const { input, output, type, suffix, width } = channelSource(vector);
  const coefficient = (i: number) =>
    `coefficients_load${suffix}(${i}u * u.columns + column)`;
  const flags = `${relu ? "-relu" : ""}${residual ? "-residual" : ""}`;
  return {
    name: `batch-norm-input-gradient${flags}-${width}`,
    operands: {
      x: input,
      ...(relu ? { y: input } : {}),
      dy: input,
      coefficients: input,
      dx: output,
      ...(residual ? { d_residual: output } : {}),
    },
    uniforms: { rows: "u32", columns: "u32", pieces: "u32" },
    workgroupSize: WORKGROUP_SIZE,
    body: `${beginSource(width)}
  let mean = ${coefficient(0)};
  let rstd = ${coefficient(1)};
  let factor = ${coefficient(2)};
  let mean_gradient = ${coefficient(3)};
  let mean_product = ${coefficient(4)};
  ${ROW_LOOP} {
    let at = row * u.columns + column;
    let g = ${gradientSource(relu, type, suffix)};
    let normalized = (x_load${suffix}(at) - mean) * rstd;
    dx_store${suffix}(at, factor * ((g - mean_gradient) - normalized * mean_product));
    ${residual ? `d_residual_store${suffix}(at, g);` : ""}
  }`,
  };
});

/** Rows that are worked on together, as all operands with rows see them. */
interface RowRange {
  readonly start: number;
  readonly rows: number;
  readonly part: (view: GpuView) => GpuView;
  readonly partIfAny: (view: GpuView | undefined) => GpuView | undefined;
}

function rangesOf(
  runtime: Runtime,
  { rows, columns }: MatrixLayout,
): RowRange[] {
  const ranges: RowRange[] = [];
  forRowRanges(rows, 4 * columns, runtime.binding, (start, count) => {
    const part = (view: GpuView) => rowsOf(view, columns, start, count);
    ranges.push({
      start,
      rows: count,
      part,
      partIfAny: (view) => view && part(view),
    });
  });
  return ranges;
}

/** How many invocations take elements or channels, four at a time if they can. */
function groupsOf(size: number, vector: boolean): number {
  return Math.ceil(size / (WORKGROUP_SIZE * (vector ? 4 : 1)));
}

/** Batch normalization with batch statistics. */
export function batchNormTraining(
  runtime: Runtime,
  views: BatchNormTraining<GpuBuffer>,
  layout: MatrixLayout,
): void {
  const { x, mean, rstd, running, epsilon } = views;
  const { columns } = layout;
  const vector = columns % 4 === 0;
  const ranges = rangesOf(runtime, layout);
  const pieces = piecesOf(runtime, ranges, columns);
  const allPieces = pieces * ranges.length;
  runtime.temporary([3, allPieces, columns], (moments) => {
    for (const [i, { rows, part }] of ranges.entries()) {
      runtime.run(
        momentsKernel(vector),
        { x: part(x), moments },
        {
          rows,
          columns,
          pieces,
          first_piece: i * pieces,
          plane: allPieces * columns,
        },
        groupsOf(pieces * columns, vector),
      );
    }
    runtime.run(
      finishKernel(running !== undefined),
      {
        moments,
        mean,
        rstd,
        running_mean: running?.mean,
        running_variance: running?.variance,
      },
      {
        columns,
        pieces: allPieces,
        epsilon,
        momentum: running?.momentum ?? 0,
      },
      Math.ceil(columns / WORKGROUP_SIZE),
    );
  });
  normalize(runtime, true, { ...views, spread: rstd }, layout);
}

/** Batch normalization with given statistics. */
export function batchNormInference(
  runtime: Runtime,
  views: BatchNormInference<GpuBuffer>,
  layout: MatrixLayout,
): void {
  normalize(runtime, false, { ...views, spread: views.variance }, layout);
}

function normalize(
  runtime: Runtime,
  training: boolean,
  views: Omit<BatchNormInference<GpuBuffer>, "variance"> & {
    readonly spread: GpuView;
  },
  layout: MatrixLayout,
): void {
  const { x, residual, out, scale, bias, mean, spread, epsilon, relu } = views;
  const { columns } = layout;
  const vector = columns % 4 === 0;
  const kernel = normalizeKernel(
    training,
    residual !== undefined,
    relu,
    vector,
  );
  for (const { rows, part, partIfAny } of rangesOf(runtime, layout)) {
    const pieces = normalizedPieces(runtime, rows);
    runtime.run(
      kernel,
      {
        x: part(x),
        residual: partIfAny(residual),
        out: part(out),
        scale,
        bias,
        mean,
        spread,
      },
      { rows, columns, pieces, epsilon },
      groupsOf(pieces * columns, vector),
    );
  }
}

/** Gradient of {@linkcode batchNormTraining}. */
export function batchNormBackward(
  runtime: Runtime,
  views: BatchNormBackward<GpuBuffer>,
  layout: MatrixLayout,
): void {
  const { x, y, dy, scale, mean, rstd, dx, dScale, dBias, dResidual } = views;
  const { columns } = layout;
  const vector = columns % 4 === 0;
  const relu = y !== undefined;
  const ranges = rangesOf(runtime, layout);
  const pieces = piecesOf(runtime, ranges, columns);
  const allPieces = pieces * ranges.length;
  const sums: MatrixLayout = { rows: allPieces, columns };
  withTwo(runtime, sums, (products, gradients) => {
    for (const [i, { rows, part, partIfAny }] of ranges.entries()) {
      runtime.run(
        sumsKernel(relu, vector),
        {
          x: part(x),
          y: partIfAny(y),
          dy: part(dy),
          mean,
          rstd,
          products: rowsOf(products, columns, i * pieces, pieces),
          gradients: rowsOf(gradients, columns, i * pieces, pieces),
        },
        { rows, columns, pieces },
        groupsOf(pieces * columns, vector),
      );
    }
    const axis = { outer: 1, length: allPieces, inner: columns };
    reduce(runtime, "sum", products, dScale, axis);
    reduce(runtime, "sum", gradients, dBias, axis);
  });
  runtime.temporary([COEFFICIENTS, columns], (coefficients) => {
    runtime.run(
      coefficientsKernel,
      { scale, mean, rstd, d_scale: dScale, d_bias: dBias, coefficients },
      { rows: layout.rows, columns },
      Math.ceil(columns / WORKGROUP_SIZE),
    );
    for (const { rows, part, partIfAny } of ranges) {
      const pieces = normalizedPieces(runtime, rows);
      runtime.run(
        inputGradientKernel(relu, dResidual !== undefined, vector),
        {
          x: part(x),
          y: partIfAny(y),
          dy: part(dy),
          coefficients,
          dx: part(dx),
          d_residual: partIfAny(dResidual),
        },
        { rows, columns, pieces },
        groupsOf(pieces * columns, vector),
      );
    }
  });
}

/** Into how many pieces rows are cut that are normalized, not summed. */
function normalizedPieces({ traits }: Runtime, rows: number): number {
  return traits.software ? Math.ceil(rows / SOFTWARE_ROWS) : rows;
}

/** Into how many pieces the rows of each range are cut, every channel for itself. */
function piecesOf(
  { traits }: Runtime,
  ranges: readonly RowRange[],
  columns: number,
): number {
  const lines = columns * ranges.length;
  return choosePieces(lines, ranges[0].rows, columns, traits.software);
}

function withTwo(
  runtime: Runtime,
  { rows, columns }: MatrixLayout,
  use: (a: GpuView, b: GpuView) => void,
): void {
  runtime.temporary([rows, columns], (a) => {
    runtime.temporary([rows, columns], (b) => use(a, b));
  });
}
