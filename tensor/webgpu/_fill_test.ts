import { assertEquals } from "@std/assert";
import { DTYPES } from "../dtype.ts";
import { assertAgrees } from "./_compare.ts";
import { testOnWebGpu, viewOfValues } from "./_testing.ts";
import { fill } from "./_fill.ts";

testOnWebGpu(
  "fill() sets odd sizes, views and nothing beside them",
  async ({ runtime }) => {
    const view = viewOfValues(runtime, new Float32Array(1031).fill(-1));
    fill(runtime, { ...view, byteOffset: 4 * 3, shape: [1021] }, 0.5);
    const bytes = await runtime.read(view.buffer, 0, 4 * 1031);
    const expected = new Float32Array(1031).fill(0.5, 3, 1024);
    expected.fill(-1, 0, 3).fill(-1, 1024);
    assertEquals([...new Float32Array(bytes.buffer)], [...expected]);
  },
);

testOnWebGpu("fill() works on more than one binding", async ({ runtime }) => {
  const size = 3 * 2 ** 14 + 5;
  const view = viewOfValues(runtime, new Int32Array(size + 2));
  fill(runtime, { ...view, byteOffset: 4, shape: [size] }, -7);
  const bytes = await runtime.read(view.buffer, 0, 4 * (size + 2));
  const expected = new Int32Array(size + 2).fill(-7, 1, size + 1);
  assertEquals([...new Int32Array(bytes.buffer)], [...expected]);
}, { maxBindingBytes: 2 ** 16 });

testOnWebGpu("fill() agrees for every dtype", async (gpu) => {
  for (const dtype of DTYPES) {
    if (dtype === "float64") continue;
    for (const size of [1, 2, 3, 4, 5, 6, 7, 1031]) {
      const out = { dtype, shape: [size], values: [], byteOffset: 8 };
      for (const value of [1, 200]) {
        await assertAgrees(
          gpu,
          { out },
          (backend, { out }) => backend.fill(out, value),
        );
      }
    }
  }
  for (const value of [NaN, Infinity, -Infinity, -0.1]) {
    await assertAgrees(
      gpu,
      { out: { dtype: "float32", shape: [9], values: [] } },
      (backend, { out }) => backend.fill(out, value),
    );
  }
});
