import { assertEquals } from "@std/assert";
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
