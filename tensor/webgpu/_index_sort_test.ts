import { assertEquals } from "@std/assert";
import { stridedCopy } from "./_copy.ts";
import { withSortedPositions } from "./_index_sort.ts";
import { testOnWebGpu, viewOfValues } from "./_testing.ts";

testOnWebGpu(
  "withSortedPositions() sorts stably, with what is out of range last",
  async ({ runtime }) => {
    for (
      const [count, length] of [[1, 1], [100, 7], [1000, 40_000], [40_000, 300]]
    ) {
      const indices = Int32Array.from(
        { length: count },
        (_, i) => i % 13 === 12 ? -i : Math.imul(i, 0x9e3779b1) >>> 8,
      ).map((index) => index < 0 ? index : index % (length + 2));
      const view = viewOfValues(runtime, indices);
      const result = viewOfValues(runtime, new Uint32Array(count));
      withSortedPositions(runtime, view, length, (order) => {
        stridedCopy(runtime, order, result, {
          shape: [count],
          sourceOffset: 0,
          sourceStrides: [1],
          targetOffset: 0,
          targetStrides: [1],
        });
      });
      const bytes = await runtime.read(result.buffer, 0, 4 * count);
      const key = (i: number) => Math.min(indices[i] >>> 0, length);
      const expected = Array.from({ length: count }, (_, i) => i)
        .sort((a, b) => key(a) - key(b) || a - b);
      assertEquals([...new Uint32Array(bytes.buffer)], expected);
    }
  },
);
