/** Slices of a tensor by index. */

import type { AxisLayout } from "../backend.ts";
import { type DType, dtypeInfo } from "../dtype.ts";
import type { GpuView } from "./_buffer.ts";
import { movedTypeOf } from "./_element_type.ts";
import { type Kernel, kernelFamily } from "./_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;

/** The layout of gather and scatter-add: how many indices there are too. */
export type IndexedLayout = AxisLayout & { readonly count: number };

const gatherKernel = kernelFamily((
  type: "u32" | "f16",
  vector: boolean,
): Kernel => {
  const missing = type === "f16" ? "f16(nan())" : "u.missing";
  const four = vector ? "4" : "";
  return {
    name: `gather-${type}-${vector ? 4 : 1}`,
    operands: {
      x: { access: "read", type, vector },
      indices: { access: "read", type: "i32" },
      out: { access: "read_write", type, vector },
    },
    uniforms: {
      size: "u32",
      count: "u32",
      inner: "u32",
      length: "u32",
      // Which indices x holds here.
      first: "u32",
      held: "u32",
      // What stands for indices outside of x.
      missing: "u32",
    },
    workgroupSize: WORKGROUP_SIZE,
    body: `
  let at = index${vector ? " * 4u" : ""};
  if (at >= u.size) {
    return;
  }
  let i = at % u.inner;
  let k = at / u.inner % u.count;
  let o = at / u.inner / u.count;
  // Negative indices are large without their sign.
  let wanted = u32(indices_load(k));
  if (wanted >= u.length) {
    out_store${four}(at, ${vector ? `vec4<${type}>(${missing})` : missing});
  } else if (wanted - u.first < u.held) {
    out_store${four}(at, x_load${four}((o * u.held + wanted - u.first) * u.inner + i));
  }`,
  };
});

/** The bits of what stands for elements of 4 bytes that are not there: NaN of floats, else 0. */
function missingBits(dtype: DType): number {
  return dtypeInfo(dtype).kind === "float" ? 0x7fc00000 : 0;
}

/** `out[o, i, :] = x[o, indices[i], :]`; NaN or 0 where there is no such index. */
export function gather(
  runtime: Runtime,
  x: GpuView,
  indices: GpuView,
  out: GpuView,
  layout: IndexedLayout,
): void {
  const missing = missingBits(x.dtype);
  const vector = layout.inner % 4 === 0;
  forIndexedRanges(runtime, layout, (range) => {
    const { outer, inner, count, held } = range;
    const size = outer * count * inner;
    runtime.run(
      gatherKernel(movedTypeOf(x.dtype), vector),
      {
        x: rowsOf(x, inner, range.firstRow, outer * held),
        indices: rowsOf(indices, 1, range.firstIndex, count),
        out: rowsOf(out, inner, range.firstIndexedRow, outer * count),
      },
      {
        size,
        count,
        inner,
        length: layout.length,
        first: range.first,
        held,
        missing,
      },
      Math.ceil(size / (WORKGROUP_SIZE * (vector ? 4 : 1))),
    );
  });
}

/** A part of the work of gather or scatter-add in which no operand exceeds one binding. */
export interface IndexedRange {
  /** How many outer slices it covers; all of the rest is of each of them. */
  readonly outer: number;
  /** The elements of a row. */
  readonly inner: number;
  /** The indices that it looks at. */
  readonly firstIndex: number;
  readonly count: number;
  /** The positions along the axis that it sees. */
  readonly first: number;
  readonly held: number;
  /** The first row of the tensor along the axis, and of the one along the indices. */
  readonly firstRow: number;
  readonly firstIndexedRow: number;
}

/** Whether a slice of the outer axis fits a binding, so that each index is looked at once. */
export function slicesFit(
  { binding }: Pick<Runtime, "binding">,
  { length, inner, count }: Pick<IndexedLayout, "length" | "inner" | "count">,
): boolean {
  return 4 * Math.max(length, count) * inner <=
    binding.maxBindingBytes - binding.alignment;
}

/** Calls `run` for ranges of the outer axis if one slice fits a binding; else, slice by slice, for ranges of indices and, within, of positions. */
export function forIndexedRanges(
  { binding }: Runtime,
  { outer, length, inner, count }: IndexedLayout,
  run: (range: IndexedRange) => void,
): void {
  const rowBytes = 4 * inner;
  const sliceBytes = Math.max(length, count) * rowBytes;
  if (slicesFit({ binding }, { length, inner, count })) {
    forRowRanges(outer, sliceBytes, binding, (firstOuter, slices) => {
      run({
        outer: slices,
        inner,
        firstIndex: 0,
        count,
        first: 0,
        held: length,
        firstRow: firstOuter * length,
        firstIndexedRow: firstOuter * count,
      });
    });
    return;
  }
  for (let o = 0; o < outer; o++) {
    forRowRanges(count, rowBytes, binding, (firstIndex, indices) => {
      forRowRanges(length, rowBytes, binding, (first, held) => {
        run({
          outer: 1,
          inner,
          firstIndex,
          count: indices,
          first,
          held,
          firstRow: o * length + first,
          firstIndexedRow: o * count + firstIndex,
        });
      });
    });
  }
}
