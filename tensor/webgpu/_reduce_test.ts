import { assertEquals } from "@std/assert";
import type { AxisLayout, ReduceOp } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import { assertAgrees, floats, integers, noise } from "./_compare.ts";
import { choosePieces } from "./_reduce.ts";
import { testOnWebGpu } from "./_testing.ts";

const OPS: readonly ReduceOp[] = [
  ...["sum", "mean", "max", "min", "logSumExp", "l2Norm"] as const,
];

/** Lines that are whole, cut, side by side, many, and more than 65,535 workgroups of them. */
const LAYOUTS: readonly AxisLayout[] = [
  { outer: 1, length: 1, inner: 1 },
  { outer: 5, length: 7, inner: 1 },
  { outer: 3, length: 1000, inner: 1 },
  { outer: 1, length: 70_001, inner: 1 },
  { outer: 1, length: 5003, inner: 3 },
  { outer: 2, length: 33, inner: 130 },
  { outer: 700, length: 65, inner: 1 },
  { outer: 3, length: 0, inner: 5 },
];

async function assertReduces(
  gpu: Parameters<typeof assertAgrees>[0],
  op: ReduceOp | "argmax",
  layout: AxisLayout,
  values: (i: number) => number,
  dtype: "float32" | "int32" | "uint32" = "float32",
): Promise<void> {
  const { outer, length, inner } = layout;
  const shape = [outer, length, inner];
  const outShape = [outer, inner];
  await assertAgrees(
    gpu,
    {
      x: { ...floats(shape, values), dtype, byteOffset: 4 },
      out: op === "argmax"
        ? integers(outShape, [])
        : { ...floats(outShape, []), dtype },
    },
    (backend, { x, out }) =>
      op === "argmax"
        ? backend.argmax(x, out, layout)
        : backend.reduce(op, x, out, layout),
    { relative: 1e-5, absolute: 1e-5 * Math.sqrt(length) },
  );
}

for (const op of OPS) {
  testOnWebGpu(`reduce() "${op}" agrees for all layouts`, async (gpu) => {
    for (const layout of LAYOUTS) {
      const { outer, length, inner } = layout;
      const values = noise(outer * length * inner);
      await assertReduces(gpu, op, layout, (i) => values[i]);
    }
  });

  testOnWebGpu(`reduce() "${op}" agrees beyond one binding`, async (gpu) => {
    const layouts = [
      { outer: 50, length: 7, inner: 3 },
      { outer: 3, length: 1000, inner: 1 },
      { outer: 2, length: 100, inner: 5 },
    ];
    for (const layout of layouts) {
      const { outer, length, inner } = layout;
      const values = noise(outer * length * inner);
      await assertReduces(gpu, op, layout, (i) => values[i]);
    }
  }, { maxBindingBytes: 512 });

  testOnWebGpu(`reduce() "${op}" agrees on special values`, async (gpu) => {
    const lines = [
      ...[[NaN, 1], [1, NaN], [Infinity, 1], [-Infinity, 1]],
      ...[[Infinity, -Infinity], [-Infinity, -Infinity], [Infinity, Infinity]],
      ...[[NaN, Infinity], [1e35, 1e35], [-1e35, -1e35], [100, 0], [0, -0]],
    ];
    for (const length of [2, 500]) {
      await assertReduces(
        gpu,
        op,
        { outer: lines.length, length, inner: 1 },
        (i) => lines[Math.floor(i / length)][i % length < length - 1 ? 0 : 1],
      );
    }
  });
}

testOnWebGpu("l2Norm keeps very small and very large numbers", async (gpu) => {
  const lines = [1e-30, 1e-16, 1e16, 1e30, 1e-20, 1e20];
  for (const length of [10, 999]) {
    const layout = { outer: lines.length, length, inner: 1 };
    const shape = [lines.length, length];
    await assertAgrees(
      gpu,
      {
        x: floats(shape, (i) => lines[Math.floor(i / length)] * (i % 7 - 3)),
        out: floats([lines.length], []),
      },
      (backend, { x, out }) => backend.reduce("l2Norm", x, out, layout),
      { relative: 1e-5 },
    );
  }
});

testOnWebGpu("reduce() works on integers", async (gpu) => {
  for (const dtype of ["int32", "uint32"] as const) {
    for (const op of ["sum", "max", "min"] as const) {
      for (const layout of LAYOUTS) {
        await assertReduces(
          gpu,
          op,
          layout,
          (i) => Math.imul(i + 1, 0x9e3779b1),
          dtype,
        );
      }
    }
  }
});

testOnWebGpu("argmax() finds the first of the largest", async (gpu) => {
  for (const layout of LAYOUTS) {
    if (layout.length === 0) continue;
    const size = sizeOf(Object.values(layout));
    const values = noise(size);
    await assertReduces(gpu, "argmax", layout, (i) => values[i]);
    await assertReduces(gpu, "argmax", layout, (i) => i * 7 % 5);
    await assertReduces(gpu, "argmax", layout, () => -Infinity);
    await assertReduces(
      gpu,
      "argmax",
      layout,
      (i) => i % 11 > 7 ? NaN : Infinity,
    );
    await assertReduces(gpu, "argmax", layout, (i) => -i, "int32");
    await assertReduces(gpu, "argmax", layout, (i) => i % 999, "uint32");
  }
});

testOnWebGpu("reduce() runs more than 65,535 workgroups", async (gpu) => {
  const layout = { outer: 65_536 * 64 + 7, length: 2, inner: 1 };
  await assertReduces(gpu, "sum", layout, (i) => i % 5, "int32");
});

Deno.test("choosePieces() cuts few long lines and leaves many short ones whole", () => {
  assertEquals(choosePieces(1, 0, 1, true), 1);
  assertEquals(choosePieces(1, 1, 1, false), 1);
  assertEquals(choosePieces(100_000, 64, 1, true), 1);
  assertEquals(choosePieces(100_000, 2048, 1, true), 2);
  assertEquals(choosePieces(1, 2 ** 20, 1, false), 2 ** 15);
  assertEquals(choosePieces(64, 401_408, 64, true), 392);
  assertEquals(choosePieces(100_000, 1024, 1, false), 32);
});
