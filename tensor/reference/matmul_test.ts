import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { MatmulLayout } from "../backend.ts";
import { empty, numbers, view } from "./_testing.ts";
import { matmul } from "./matmul.ts";

const PLAIN: MatmulLayout = {
  batch: 1,
  m: 2,
  n: 2,
  k: 3,
  aBatchStride: 6,
  bBatchStride: 6,
  transposeA: false,
  transposeB: false,
  activation: undefined,
};
// [[1, 2, 3], [4, 5, 6]] · [[7, 8], [9, 10], [11, 12]]
const A = [1, 2, 3, 4, 5, 6];
const B = [7, 8, 9, 10, 11, 12];
const PRODUCT = [58, 64, 139, 154];

Deno.test("matmul() multiplies operands stored either way", () => {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      const out = empty([1, 2, 2]);
      matmul(
        view(transposeA ? [1, 4, 2, 5, 3, 6] : A),
        view(transposeB ? [7, 9, 11, 8, 10, 12] : B),
        out,
        { ...PLAIN, transposeA, transposeB },
        undefined,
        undefined,
      );
      assertEquals(numbers(out), PRODUCT);
    }
  }
});

Deno.test("matmul() shares an operand whose batch stride is 0", () => {
  const out = empty([2, 2, 2]);
  const layout = { ...PLAIN, batch: 2, bBatchStride: 0 };
  const a = view([...A, ...A.map((x) => 2 * x)]);
  matmul(a, view(B), out, layout, undefined, undefined);
  assertEquals(numbers(out), [...PRODUCT, ...PRODUCT.map((x) => 2 * x)]);
});

Deno.test("matmul() adds the bias, keeps the sum and applies the activation", () => {
  const expected = {
    relu: [0, 1],
    tanh: [Math.tanh(-1), Math.tanh(1)],
    gelu: [-0.15865525393145705, 0.8413447460685429],
    geluTanh: [-0.15880800939172324, 0.8411919906082768],
  };
  for (const activation of ["relu", "tanh", "gelu", "geluTanh"] as const) {
    const layout = { ...PLAIN, m: 1, activation };
    const out = empty([1, 1, 2], "float64");
    const before = empty([1, 1, 2], "float64");
    const bias = view([-59, -63], "float64");
    matmul(view(A, "float64"), view(B, "float64"), out, layout, bias, before);
    assertEquals(numbers(before), [-1, 1]);
    numbers(out).forEach((y, i) =>
      assertAlmostEquals(y, expected[activation][i], 1e-15)
    );
  }
});

Deno.test("matmul() gives the bias when inner products are empty", () => {
  const out = empty([1, 2, 2]);
  const layout = { ...PLAIN, k: 0, aBatchStride: 0, bBatchStride: 0 };
  matmul(view([]), view([]), out, layout, view([1, 2]), undefined);
  assertEquals(numbers(out), [1, 2, 1, 2]);
});
