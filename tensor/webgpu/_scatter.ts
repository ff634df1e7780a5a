/** Slices added to a tensor by index. */

import type { GpuView } from "./_buffer.ts";
import { cast } from "./_cast.ts";
import { elementTypeOf } from "./_element_type.ts";
import { forIndexedRanges, type IndexedLayout, slicesFit } from "./_gather.ts";
import { withSortedPositions } from "./_index_sort.ts";
import { type ElementType, type Kernel, kernelFamily } from "./_kernel.ts";
import { rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;

/**
 * Adds updates whose positions are sorted by index. The first position of
 * each index does the work of all that share it, in ascending order.
 */
const scatterKernel = kernelFamily(
  (type: ElementType, vector: boolean): Kernel => {
    const four = vector ? "4" : "";
    return {
      name: `scatter-add-${type}-${vector ? 4 : 1}`,
      operands: {
        order: { access: "read", type: "u32" },
        indices: { access: "read", type: "i32" },
        updates: { access: "read", type, vector },
        out: { access: "read_write", type, vector },
      },
      uniforms: {
        size: "u32",
        count: "u32",
        inner: "u32",
        // Which indices out holds here.
        first: "u32",
        held: "u32",
      },
      workgroupSize: WORKGROUP_SIZE,
      body: `
  let at = index${vector ? " * 4u" : ""};
  if (at >= u.size) {
    return;
  }
  let i = at % u.inner;
  var p = at / u.inner % u.count;
  let o = at / u.inner / u.count;
  let wanted = indices_load(order_load(p));
  if (u32(wanted) - u.first >= u.held) {
    return;
  }
  if (p > 0u && indices_load(order_load(p - 1u)) == wanted) {
    return;
  }
  let target_at = (o * u.held + u32(wanted) - u.first) * u.inner + i;
  var total = out_load${four}(target_at);
  while (p < u.count) {
    let k = order_load(p);
    if (indices_load(k) != wanted) {
      break;
    }
    total += updates_load${four}((o * u.count + k) * u.inner + i);
    p++;
  }
  out_store${four}(target_at, total);`,
    };
  },
);

/** `out[o, indices[i], :] += updates[o, i, :]`, in ascending order of i. */
export function scatterAdd(
  runtime: Runtime,
  indices: GpuView,
  updates: GpuView,
  out: GpuView,
  layout: IndexedLayout,
): void {
  if (layout.count === 0) return;
  if (out.dtype === "float16" && !slicesFit(runtime, layout)) {
    // What several dispatches add to is rounded behind the last.
    runtime.temporary(out.shape, (sums) => {
      cast(runtime, out, sums);
      scatterAdd(runtime, indices, updates, sums, layout);
      cast(runtime, sums, out);
    });
    return;
  }
  const vector = layout.inner % 4 === 0;
  const kernel = scatterKernel(elementTypeOf(out.dtype), vector);
  forIndexedRanges(runtime, layout, (range) => {
    const { outer, inner, count, first, held } = range;
    const some = rowsOf(indices, 1, range.firstIndex, count);
    const size = outer * count * inner;
    withSortedPositions(runtime, some, layout.length, (order) => {
      runtime.run(
        kernel,
        {
          order,
          indices: some,
          updates: rowsOf(updates, inner, range.firstIndexedRow, outer * count),
          out: rowsOf(out, inner, range.firstRow, outer * held),
        },
        { size, count, inner, first, held },
        Math.ceil(size / (WORKGROUP_SIZE * (vector ? 4 : 1))),
      );
    });
  });
}
