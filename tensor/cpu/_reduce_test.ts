import type { AxisLayout, ReduceOp } from "../backend.ts";
import { againstReference, noise, SPECIAL } from "./_against_reference.ts";

const OPS: readonly ReduceOp[] = [
  "sum",
  "mean",
  "max",
  "min",
  "logSumExp",
  "l2Norm",
];

const LAYOUTS: readonly AxisLayout[] = [
  { outer: 1, length: 1, inner: 1 },
  { outer: 5, length: 3, inner: 1 },
  { outer: 3, length: 67, inner: 1 },
  { outer: 2, length: 1030, inner: 1 },
  { outer: 1, length: 200_003, inner: 1 },
  { outer: 100, length: 513, inner: 1 },
  { outer: 1, length: 5, inner: 7 },
  { outer: 1, length: 300, inner: 67 },
  { outer: 1, length: 3000, inner: 30 },
  { outer: 3, length: 9, inner: 1030 },
  { outer: 4, length: 5, inner: 3 },
  { outer: 3, length: 0, inner: 1 },
  { outer: 1, length: 0, inner: 5 },
];

for (const op of OPS) {
  Deno.test(`reduce() of the cpu device computes ${op} like the reference`, async () => {
    await againstReference((stage) => {
      for (const layout of LAYOUTS) {
        const { outer, length, inner } = layout;
        const x = stage.input(
          [outer, length, inner],
          noise(outer * length * inner, 3),
        );
        stage.backend.reduce(op, x, stage.output([outer, inner]), layout);
      }
      // The sum of 200,003 numbers is near 0.
    }, { relative: 1e-6, absolute: op === "sum" ? 1e-4 : 1e-6 });
  });

  Deno.test(`reduce() of the cpu device computes ${op} of special values`, async () => {
    const rows = [
      ...[[NaN, 1, 2], [1, NaN, 2], [1, 2, NaN]],
      ...[[Infinity, 1, 2], [-Infinity, 1, 2], [Infinity, -Infinity, 2]],
      ...[[-Infinity, -Infinity, -Infinity], [Infinity, Infinity, 1]],
      ...[[-0, -0, -0], [1e20, 2e20, -1e20], [1e-30, 2e-30, -2e-30]],
      ...[[88, 89, 100], [-1000, -1000, -1001], [1e30, 1e30, 3e38]],
    ].filter((row) => op !== "l2Norm" || !row.includes(3e38));
    await againstReference((stage) => {
      const outer = rows.length;
      // As rows, as columns, and as parts of long rows.
      const x = stage.input([outer, 3], rows.flat());
      const out = stage.output([outer]);
      stage.backend.reduce(op, x, out, { outer, length: 3, inner: 1 });
      const columns = [0, 1, 2].flatMap((i) => rows.map((row) => row[i]));
      stage.backend.reduce(
        op,
        stage.input([3, outer], columns),
        stage.output([outer]),
        { outer: 1, length: 3, inner: outer },
      );
    }, { relative: 1e-6, absolute: 1e-40 });
  });
}

Deno.test("reduce() of the cpu device finds NaN in any lane of long rows", async () => {
  await againstReference((stage) => {
    for (const at of [0, 1, 17, 62, 66, 130, 999]) {
      const elements = noise(1000);
      elements[at] = NaN;
      const x = stage.input([1000], elements);
      const layout = { outer: 1, length: 1000, inner: 1 };
      for (const op of OPS) {
        stage.backend.reduce(op, x, stage.output([1]), layout);
      }
      stage.backend.argmax(x, stage.output([1], "int32"), layout);
    }
  });
});

Deno.test("reduce() of the cpu device wraps sums of integers", async () => {
  await againstReference((stage) => {
    const values = [2 ** 31 - 1, 5, -(2 ** 31), 7, 2_000_000_000, -3, 0];
    for (
      const layout of [
        { outer: 1, length: 7, inner: 1 },
        { outer: 3, length: 50, inner: 11 },
        { outer: 1, length: 0, inner: 2 },
      ]
    ) {
      const { outer, length, inner } = layout;
      for (const dtype of ["int32", "uint32"] as const) {
        const x = stage.input([outer, length, inner], values, dtype);
        for (const op of ["sum", "max", "min"] as const) {
          if (length === 0 && op !== "sum") continue;
          stage.backend.reduce(
            op,
            x,
            stage.output([outer, inner], dtype),
            layout,
          );
        }
      }
    }
  });
});

Deno.test("argmax() of the cpu device finds the first of equals", async () => {
  await againstReference((stage) => {
    for (
      const layout of [
        { outer: 1, length: 1, inner: 1 },
        { outer: 24, length: 2, inner: 1 },
        { outer: 5, length: 24, inner: 7 },
        { outer: 1000, length: 100, inner: 1 },
      ]
    ) {
      const { outer, length, inner } = layout;
      const shape = [outer, length, inner];
      const out = () => stage.output([outer, inner], "int32");
      stage.backend.argmax(stage.input(shape, SPECIAL), out(), layout);
      const wholes = noise(9973, 20).map(Math.round);
      stage.backend.argmax(stage.input(shape, wholes), out(), layout);
      for (const dtype of ["int32", "uint32"] as const) {
        stage.backend.argmax(stage.input(shape, wholes, dtype), out(), layout);
      }
    }
  });
});
