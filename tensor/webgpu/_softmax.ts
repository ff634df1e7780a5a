/** Softmax over rows, its logarithm, and their gradients. */

import type { MatrixLayout } from "../backend.ts";
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

/** The layout of softmax: whether its logarithm is wanted too. */
export type SoftmaxLayout = MatrixLayout & { readonly log: boolean };

const softmaxKernel = kernelFamily(
  (log: boolean, lanes: RowLanes, vector: boolean): Kernel => {
    const source = rowSource(lanes, vector);
    const { type, suffix, begin, loop } = source;
    const x = (j: string) => `x_load${suffix}(begin + ${j})`;
    const body = `${begin}
  let begin = row * u.columns;
  ${normalizerSource(source, x)}
  let factor = ${log ? "log_f32(total)" : "1.0 / total"};
  ${loop} {
    let centered = ${x("j")} - largest;
    out_store${suffix}(begin + j, ${
      log ? "centered - factor" : `decay${suffix}(centered) * factor`
    });
  }`;
    return {
      name: `${log ? "log-" : ""}softmax-${lanes}-${type}`,
      operands: {
        x: { access: "read", type: "f32", vector },
        out: { access: "read_write", type: "f32", vector },
      },
      uniforms: { rows: "u32", columns: "u32" },
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: rowFunctions(lanes, vector, body),
      body,
    };
  },
);

/** dx = y · (dy - Σ y · dy), or dy - e^y · Σ dy for the logarithm. */
const softmaxBackwardKernel = kernelFamily(
  (log: boolean, lanes: RowLanes, vector: boolean): Kernel => {
    const { type, suffix, begin, loop } = rowSource(lanes, vector);
    const body = `${begin}
  let begin = row * u.columns;
  var seen = ${type}();
  ${loop} {
    seen += dy_load${suffix}(begin + j)${
      log ? "" : ` * y_load${suffix}(begin + j)`
    };
  }
  let total = row_sum(seen, lane);
  ${loop} {
    let y = y_load${suffix}(begin + j);
    let dy = dy_load${suffix}(begin + j);
    dx_store${suffix}(begin + j, ${
      log ? `dy - decay${suffix}(y) * total` : "y * (dy - total)"
    });
  }`;
    return {
      name: `${log ? "log-" : ""}softmax-backward-${lanes}-${type}`,
      operands: {
        y: { access: "read", type: "f32", vector },
        dy: { access: "read", type: "f32", vector },
        dx: { access: "read_write", type: "f32", vector },
      },
      uniforms: { rows: "u32", columns: "u32" },
      workgroupSize: ROW_WORKGROUP_SIZE,
      declarations: rowFunctions(lanes, vector, body),
      body,
    };
  },
);

/** Softmax of each row, or its logarithm. */
export function softmax(
  runtime: Runtime,
  x: GpuView,
  out: GpuView,
  { rows, columns, log }: SoftmaxLayout,
): void {
  const lanes = chooseRowLanes(columns, runtime.traits);
  const kernel = softmaxKernel(log, lanes, readsVectors(columns));
  forRowRanges(rows, 4 * columns, runtime.binding, (start, count) => {
    runtime.run(
      kernel,
      {
        x: rowsOf(x, columns, start, count),
        out: rowsOf(out, columns, start, count),
      },
      { rows: count, columns },
      rowGroups(count, lanes),
    );
  });
}

/** Gradient of {@linkcode softmax} from its output. */
export function softmaxBackward(
  runtime: Runtime,
  y: GpuView,
  dy: GpuView,
  dx: GpuView,
  { rows, columns, log }: SoftmaxLayout,
): void {
  const lanes = chooseRowLanes(columns, runtime.traits);
  const kernel = softmaxBackwardKernel(log, lanes, readsVectors(columns));
  forRowRanges(rows, 4 * columns, runtime.binding, (start, count) => {
    runtime.run(
      kernel,
      {
        y: rowsOf(y, columns, start, count),
        dy: rowsOf(dy, columns, start, count),
        dx: rowsOf(dx, columns, start, count),
      },
      { rows: count, columns },
      rowGroups(count, lanes),
    );
  });
}
