import { assertEquals } from "@std/assert";
import type { DType } from "../dtype.ts";
import { toFloat16 } from "../float16.ts";
import { assertAgrees, floats, integers, type TestTensor } from "./_compare.ts";
import type { WebGpuBackend } from "./backend.ts";
import { testOnWebGpu } from "./_testing.ts";

/** Bit patterns of all kinds: zeros, subnormal and normal numbers, infinities, NaN. */
function patterns(length: number, byteOffset = 0): TestTensor {
  const values = Array.from({ length }, (_, i) => (i * 40503 + 7) & 0xffff);
  return { dtype: "float16", shape: [length], values, byteOffset };
}

/** Eighths of small whole numbers around another one, whose sums are exact in float32. */
function eighths(length: number, byteOffset = 0, around = 0): TestTensor {
  const numbers = Array.from(
    { length },
    (_, i) => around + (i * 7 % 19 - 9) / 8,
  );
  return {
    dtype: "float16",
    shape: [length],
    values: toFloat16(numbers),
    byteOffset,
  };
}

/** A tensor to be written, with something in it before. */
function output(
  length: number,
  dtype: DType = "float16",
  byteOffset = 0,
): TestTensor {
  const values = new Array(length).fill(77);
  return { dtype, shape: [length], values, byteOffset };
}

/** Registers a test with the adapter's rounding, and with that of the kernels for adapters whose own is another. */
function testHalf(
  name: string,
  test: (backend: WebGpuBackend) => Promise<void>,
  maxBindingBytes?: number,
): void {
  for (const traits of [{}, { roundsHalf: false }]) {
    testOnWebGpu(
      `${name}${"roundsHalf" in traits ? ", rounded by kernels" : ""}`,
      async (backend) => {
        if (backend.info.floatDTypes.includes("float16")) await test(backend);
      },
      maxBindingBytes === undefined ? {} : { maxBindingBytes },
      traits,
    );
  }
}

testHalf("kernels read and round every float16", async (gpu) => {
  const length = 2 ** 16;
  const layout = { shape: [length], strides: [[1], [0]] };
  for (const factor of [-1, 3, 379 / 1024, 2 ** -9]) {
    await assertAgrees(
      gpu,
      { x: patterns(length), out: output(length) },
      (backend, { x, out }) => backend.binary("mul", x, factor, out, layout),
    );
  }
});

testHalf(
  "cast() between float32 and float16 rounds ties to even, keeps subnormal numbers and overflows to infinity",
  async (gpu) => {
    const numbers = Array.from(
      { length: 4099 },
      (_, i) =>
        (1 + (i * 769 % 4096) / 4096) * 2 ** (i % 50 - 32) * (i % 2 ? -1 : 1),
    );
    numbers.push(65519.99609375, 65520, -65520, NaN, -0);
    const x = floats([numbers.length], numbers);
    const out = output(numbers.length, "float16", 4);
    await assertAgrees(gpu, { x, out }, (backend, { x, out }) => {
      backend.cast(x, out);
      backend.cast(out, x);
    });
  },
);

testHalf(
  "kernels work on float16 of any length, from any element on, in place",
  async (gpu) => {
    for (const offset of [0, 2, 6, 8]) {
      for (const length of [1, 3, 8, 33]) {
        await assertAgrees(
          gpu,
          {
            x: patterns(length, offset),
            y: eighths(length, 14 - offset),
          },
          (backend, { x, y }) =>
            backend.binary("add", x, y, x, {
              shape: [length],
              strides: [[1], [1]],
            }),
        );
      }
    }
  },
);

testHalf(
  "stridedCopy() copies float16 that do not begin with a word",
  async (gpu) => {
    for (
      const [from, to, length] of [[1, 3, 5], [1, 1, 4], [2, 0, 3], [2, 4, 6]]
    ) {
      await assertAgrees(
        gpu,
        { x: patterns(8), out: output(11) },
        (backend, { x, out }) =>
          backend.stridedCopy(x, out, {
            shape: [length],
            sourceOffset: from,
            sourceStrides: [1],
            targetOffset: to,
            targetStrides: [1],
          }),
      );
    }
  },
);

testHalf(
  "scatterAdd() rounds float16 once, however many bindings it takes",
  async (gpu) => {
    await assertAgrees(
      gpu,
      {
        indices: integers([200], (i) => i % 3),
        updates: eighths(200 * 5),
        out: eighths(15, 0, 1024),
      },
      (backend, { indices, updates, out }) =>
        backend.scatterAdd(indices, updates, out, {
          ...{ outer: 1, length: 3, inner: 5, count: 200 },
        }),
    );
  },
  1024,
);

testHalf("kernels work on float16 in several bindings", async (gpu) => {
  const [rows, columns] = [61, 51];
  const length = rows * columns;
  await assertAgrees(
    gpu,
    { x: patterns(length), out: output(length) },
    (backend, { x, out }) => backend.unary("relu", x, out),
  );
  await assertAgrees(
    gpu,
    { x: eighths(length), out: output(columns), wide: output(1, "float32") },
    (backend, { x, out, wide }) => {
      const inner = { outer: 1, length: rows, inner: columns };
      backend.reduce("sum", x, out, inner);
      backend.reduce("sum", x, wide, { outer: 1, length, inner: 1 });
    },
  );
  await assertAgrees(
    gpu,
    { x: patterns(length), out: output(length) },
    (backend, { x, out }) =>
      backend.stridedCopy(x, out, {
        shape: [columns, rows - 1],
        sourceOffset: columns - 1,
        sourceStrides: [-1, columns],
        targetOffset: 1,
        targetStrides: [rows, 1],
      }),
  );
  await assertAgrees(
    gpu,
    { x: eighths(length), out: output(length) },
    (backend, { x, out }) =>
      backend.softmax(x, out, { rows, columns, log: false }),
    { relative: 2 ** -10 },
  );
  await assertAgrees(
    gpu,
    {
      x: patterns(length),
      indices: integers([9], (i) => i * 13 - 20),
      out: output(9 * columns),
    },
    (backend, { x, indices, out }) =>
      backend.gather(x, indices, out, {
        ...{ outer: 1, length: rows, inner: columns, count: 9 },
      }),
  );
}, 1024);

testOnWebGpu("devices compute with float16 where shaders know it", (gpu) => {
  assertEquals(
    gpu.info.floatDTypes.includes("float16"),
    gpu.runtime.gpu.features.has("shader-f16"),
  );
  return Promise.resolve();
});
