import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { PoolGeometry } from "../backend.ts";
import { dot, empty, noise, numbers, view } from "./_testing.ts";
import {
  averagePool2d,
  averagePool2dBackward,
  maxPool2d,
  maxPool2dBackward,
} from "./pooling.ts";

const WINDOW: PoolGeometry = {
  batch: 1,
  height: 2,
  width: 2,
  channels: 1,
  kernelHeight: 2,
  kernelWidth: 2,
  outHeight: 1,
  outWidth: 1,
  strideHeight: 2,
  strideWidth: 2,
  padTop: 0,
  padLeft: 0,
  countIncludePad: false,
};
/** Two images of two channels, with overlapping windows over borders. */
const RICH: PoolGeometry = {
  ...WINDOW,
  batch: 2,
  height: 5,
  width: 4,
  channels: 2,
  kernelHeight: 3,
  kernelWidth: 3,
  outHeight: 3,
  outWidth: 2,
  padTop: 1,
  padLeft: 1,
};

function maxPoolOf(values: number[]): [number, number] {
  const out = empty([1, 1, 1, 1]);
  const indices = empty([1, 1, 1, 1], "int32");
  maxPool2d(view(values), out, indices, WINDOW);
  return [numbers(out)[0], numbers(indices)[0]];
}

Deno.test("maxPool2d() takes the first of equals, NaN always, and -∞ if there is nothing else", () => {
  assertEquals(maxPoolOf([1, 3, 3, 2]), [3, 1]);
  assertEquals(maxPoolOf([1, NaN, Infinity, NaN]), [NaN, 1]);
  assertEquals(maxPoolOf([-Infinity, -Infinity, -Infinity, -Infinity]), [
    -Infinity,
    0,
  ]);
});

Deno.test("maxPool2d() never takes the padding", () => {
  const out = empty([1, 2, 2, 1]);
  const indices = empty([1, 2, 2, 1], "int32");
  maxPool2d(view([-1, -2, -3, -4]), out, indices, {
    ...WINDOW,
    outHeight: 2,
    outWidth: 2,
    padTop: 1,
    padLeft: 1,
  });
  assertEquals(numbers(out), [-1, -2, -3, -4]);
  assertEquals(numbers(indices), [0, 1, 2, 3]);
});

Deno.test("maxPool2dBackward() gives each gradient to the winner", () => {
  const x = noise([2, 5, 4, 2], 1);
  const out = empty([2, 3, 2, 2], "float64");
  const indices = empty([2, 3, 2, 2], "int32");
  const dy = noise([2, 3, 2, 2], 2);
  const dx = empty(x.shape, "float64");
  maxPool2d(x, out, indices, RICH);
  maxPool2dBackward(dy, indices, dx, RICH);
  // Maxima are linear as long as the winners stay.
  assertAlmostEquals(dot(dx, x), dot(dy, out), 1e-12);
});

Deno.test("averagePool2d() divides by what a window sees, or by its size", () => {
  const geometry = { ...WINDOW, outWidth: 2, padTop: 1, padLeft: 1 };
  for (
    const [countIncludePad, expected] of [
      [false, [1, 2]],
      [true, [0.25, 0.5]],
    ] as const
  ) {
    const out = empty([1, 1, 2, 1]);
    averagePool2d(view([1, 2, 3, 4]), out, { ...geometry, countIncludePad });
    assertEquals(numbers(out), [...expected]);
  }
});

Deno.test("averagePool2dBackward() is the adjoint of averagePool2d()", () => {
  for (const countIncludePad of [false, true]) {
    const geometry = { ...RICH, countIncludePad };
    const x = noise([2, 5, 4, 2], 3);
    const out = empty([2, 3, 2, 2], "float64");
    const dy = noise([2, 3, 2, 2], 4);
    const dx = empty(x.shape, "float64");
    averagePool2d(x, out, geometry);
    averagePool2dBackward(dy, dx, geometry);
    assertAlmostEquals(dot(dx, x), dot(dy, out), 1e-12);
  }
});
