/** Softmax cross-entropy from integer labels, and its gradient. */

import type { CrossEntropyLayout } from "../backend.ts";
import type { GpuView } from "./_buffer.ts";
import { type Kernel, kernelFamily } from "./_kernel.ts";
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

const UNIFORMS = {
  rows: "u32",
  columns: "u32",
  smoothing: "f32",
  has_ignored: "u32",
  ignored: "i32",
} as const;

const crossEntropyKernel = kernelFamily(
  (smooth: boolean, lanes: RowLanes, vector: boolean): Kernel => {
    const source = rowSource(lanes, vector);
    const { type, suffix, begin, loop } = source;
    const logits = (j: string) => `logits_load${suffix}(begin + ${j})`;
    const body = `${begin}
  let begin = row * u.columns;
  ${normalizerSource(source, logits)}
  // Where the largest is infinite, the differences are not defined.
  let log_sum_exp = select(largest + log_f32(total), largest, abs(largest) == inf());
  ${
      smooth
        ? `var distance_seen = ${type}();
  ${loop} {
    distance_seen += log_sum_exp - ${logits("j")};
  }
  let distance = row_sum(distance_seen, lane);`
        : ""
    }
  if (first != 0u) {
    return;
  }
  let label = labels_load(row);
  var loss = nan();
  if (u.has_ignored != 0u && label == u.ignored) {
    loss = 0.0;
  } else if (u32(label) < u.columns) {
    loss = log_sum_exp - logits_load(begin + u32(label));
    ${
      smooth
        ? "loss = (1.0 - u.smoothing) * loss + u.smoothing / f32(u.columns) * distance;"
        : ""
    }
  }
  losses_store(row, loss);
  totals_store(row, log_sum_exp);`;
    return {
      name: `cross-entropy-${smooth ? "smooth-" : ""}${lanes}-${type}`,
      operands: {
        logits: { access: "read", type: "f32", vector },
        labels: { access: "read", type: "i32" },
        losses: { access: "read_write", type: "f32" },
        totals: { access: "read_write", type: "f32" },
      },
      uniforms: UNIFORMS,
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: rowFunctions(lanes, vector, body),
      body,
    };
  },
);

const crossEntropyBackwardKernel = kernelFamily(
  (lanes: RowLanes, vector: boolean): Kernel => {
    const { type, suffix, begin, loop } = rowSource(lanes, vector);
    const [columns, wanted] = vector
      ? ["vec4<u32>(j, j + 1u, j + 2u, j + 3u)", "vec4<u32>(u32(label))"]
      : ["j", "u32(label)"];
    const body = `${begin}
  let begin = row * u.columns;
  let label = labels_load(row);
  let log_sum_exp = totals_load(row);
  let ignored = u.has_ignored != 0u && label == u.ignored;
  let factor = select(losses_load(row), nan(), u32(label) >= u.columns);
  let share = u.smoothing / f32(u.columns);
  ${loop} {
    let probability = decay${suffix}(logits_load${suffix}(begin + j) - log_sum_exp);
    let wanted = share + select(${type}(), ${type}(1.0 - u.smoothing), ${columns} == ${wanted});
    gradients_store${suffix}(begin + j, select(factor * (probability - wanted), ${type}(), ignored));
  }`;
    return {
      name: `cross-entropy-backward-${lanes}-${type}`,
      operands: {
        logits: { access: "read", type: "f32", vector },
        labels: { access: "read", type: "i32" },
        totals: { access: "read", type: "f32" },
        losses: { access: "read", type: "f32" },
        gradients: { access: "read_write", type: "f32", vector },
      },
      uniforms: UNIFORMS,
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: wgslFunctions(body),
      body,
    };
  },
);

function uniformsOf(
  { columns, labelSmoothing, ignoreIndex }: CrossEntropyLayout,
  rows: number,
): Record<string, number> {
  return {
    rows,
    columns,
    smoothing: labelSmoothing,
    has_ignored: Number(ignoreIndex !== undefined),
    ignored: ignoreIndex ?? 0,
  };
}

/** Loss and log Σ exp of each row. */
export function crossEntropy(
  runtime: Runtime,
  logits: GpuView,
  labels: GpuView,
  losses: GpuView,
  logSumExp: GpuView,
  layout: CrossEntropyLayout,
): void {
  const { rows, columns, labelSmoothing } = layout;
  const lanes = chooseRowLanes(columns, runtime.traits);
  const kernel = crossEntropyKernel(
    labelSmoothing > 0,
    lanes,
    readsVectors(columns),
  );
  forRowRanges(rows, 4 * columns, runtime.binding, (start, count) => {
    runtime.run(
      kernel,
      {
        logits: rowsOf(logits, columns, start, count),
        labels: rowsOf(labels, 1, start, count),
        losses: rowsOf(losses, 1, start, count),
        totals: rowsOf(logSumExp, 1, start, count),
      },
      uniformsOf(layout, count),
      rowGroups(count, lanes),
    );
  });
}

/** Gradient of {@linkcode crossEntropy}. */
export function crossEntropyBackward(
  runtime: Runtime,
  logits: GpuView,
  labels: GpuView,
  logSumExp: GpuView,
  dLosses: GpuView,
  dLogits: GpuView,
  layout: CrossEntropyLayout,
): void {
  const { rows, columns } = layout;
  const lanes = chooseRowLanes(columns, runtime.traits);
  const kernel = crossEntropyBackwardKernel(lanes, readsVectors(columns));
  forRowRanges(rows, 4 * columns, runtime.binding, (start, count) => {
    runtime.run(
      kernel,
      {
        logits: rowsOf(logits, columns, start, count),
        labels: rowsOf(labels, 1, start, count),
        totals: rowsOf(logSumExp, 1, start, count),
        losses: rowsOf(dLosses, 1, start, count),
        gradients: rowsOf(dLogits, columns, start, count),
      },
      uniformsOf(layout, count),
      rowGroups(count, lanes),
    );
  });
}
