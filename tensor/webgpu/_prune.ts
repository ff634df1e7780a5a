/** Pruning in place: by a threshold, and n of every m. */

import type { FlatKernels, MagnitudePart } from "../flat_kernels.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { stridedCopy } from "./_copy.ts";
import { flatKernel, runFlat } from "./_flat_kernel.ts";
import { type Kernel, kernelFamily, type OperandSpec } from "./_kernel.ts";
import { MAGNITUDE } from "./_magnitude.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

/** Weights are moved as bits: those that are kept stay exactly what they are. */
const BITS: OperandSpec = { access: "read_write", type: "u32" };

const pruneBelowKernel = flatKernel({
  name: "prune-below",
  operands: {
    x: { use: "update", type: "u32" },
    mask: { use: "write", type: "u32" },
  },
  shared: { thresholds: { access: "read", type: "u32" } },
  uniforms: { base: "u32", segment: "u32" },
  declarations: MAGNITUDE,
  statements: `
  let threshold = bitcast<i32>(thresholds_load(2u * u.segment));
  let bound = thresholds_load(2u * u.segment + 1u);
  for (var k = 0u; k < 4u; k++) {
    let size = magnitude(x[k]);
    let tie_kept = size == threshold && u.base + i + k < bound;
    mask[k] = select(0u, 1u, size > threshold || tie_kept);
  }
  x = select(vec4<u32>(), x, mask != vec4<u32>());`,
});

/** Prunes one part by its segment's threshold. */
export function pruneBelow(
  runtime: Runtime,
  { x, segment, base }: MagnitudePart<GpuBuffer>,
  thresholds: GpuView,
  mask: GpuView,
): void {
  runFlat(runtime, pruneBelowKernel, { x, mask }, { thresholds }, {
    segment,
    base,
  });
}

const WORKGROUP_SIZE = 64;

/** Prunes one group an invocation; groups of one column each are taken row by row, so that neighbours read neighbours. */
const pruneNMKernel = kernelFamily((m: number): Kernel => ({
  name: `prune-nm-${m}`,
  operands: { x: BITS, mask: BITS },
  uniforms: { size: "u32", rows: "u32", columns: "u32", n: "u32" },
  workgroupSize: WORKGROUP_SIZE,
  declarations: MAGNITUDE,
  body: `
  var start = index * ${m}u;
  if (start >= u.size) {
    return;
  }
  if (u.rows % ${m}u == 0u) {
    start = index % u.columns * u.rows + index / u.columns * ${m}u;
  }
  let count = min(${m}u, u.size - start);
  var positions: array<u32, ${m}>;
  var magnitudes: array<i32, ${m}>;
  for (var k = 0u; k < count; k++) {
    let q = start + k;
    positions[k] = q % u.rows * u.columns + q / u.rows;
    magnitudes[k] = magnitude(x_load(positions[k]));
  }
  for (var k = 0u; k < count; k++) {
    var better = 0u;
    for (var other = 0u; other < count; other++) {
      let is_better = magnitudes[other] > magnitudes[k] ||
        (other > k && magnitudes[other] == magnitudes[k]);
      better += select(0u, 1u, is_better);
    }
    mask_store(positions[k], select(0u, 1u, better < u.n));
    if (better >= u.n) {
      x_store(positions[k], 0u);
    }
  }`,
}));

/** N:M pruning down the columns of a matrix. */
export function pruneNM(
  runtime: Runtime,
  x: GpuView,
  mask: GpuView,
  layout: Parameters<FlatKernels["pruneNM"]>[2],
): void {
  const { rows, columns, n, m } = layout;
  const size = rows * columns;
  const { maxBindingBytes, alignment } = runtime.binding;
  if (columns === 1) {
    const groups = Math.ceil(size / m);
    forRowRanges(groups, 4 * m, runtime.binding, (first, count) => {
      const start = first * m;
      const part = Math.min(count * m, size - start);
      pruneMatrix(
        runtime,
        rowsOf(x, 1, start, part),
        rowsOf(mask, 1, start, part),
        { rows: part, columns, n, m },
      );
    });
  } else if (4 * size + alignment <= maxBindingBytes) {
    pruneMatrix(runtime, x, mask, layout);
  } else {
    // Rows of a matrix that is too large have parts of groups. Those of its
    // transpose have whole ones.
    runtime.temporary([columns, rows], (columnwise) => {
      runtime.temporary([columns, rows], (columnwiseMask) => {
        transpose(runtime, x, columnwise, rows, columns);
        const line = { rows: size, columns: 1, n, m };
        pruneNM(runtime, columnwise, columnwiseMask, line);
        transpose(runtime, columnwise, x, columns, rows);
        transpose(runtime, columnwiseMask, mask, columns, rows);
      });
    });
  }
}

/** Prunes a matrix that fits one binding. */
function pruneMatrix(
  runtime: Runtime,
  x: GpuView,
  mask: GpuView,
  { rows, columns, n, m }: Parameters<FlatKernels["pruneNM"]>[2],
): void {
  const size = rows * columns;
  runtime.run(
    pruneNMKernel(m),
    { x, mask },
    { size, rows, columns, n },
    Math.ceil(size / m / WORKGROUP_SIZE),
  );
}

/** `target[j, i] = source[i, j]`, for a source of these rows and columns. */
function transpose(
  runtime: Runtime,
  source: GpuView,
  target: GpuView,
  rows: number,
  columns: number,
): void {
  stridedCopy(runtime, source, target, {
    shape: [columns, rows],
    sourceOffset: 0,
    sourceStrides: [1, columns],
    targetOffset: 0,
    targetStrides: [rows, 1],
  });
}
