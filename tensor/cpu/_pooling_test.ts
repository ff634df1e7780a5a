import type { PoolGeometry } from "../backend.ts";
import { againstReference, noise, type Stage } from "./_against_reference.ts";

function geometry(
  [batch, height, width, channels]: readonly number[],
  kernel: readonly [number, number],
  stride: readonly [number, number],
  [padTop, padLeft]: readonly [number, number],
  countIncludePad = true,
): PoolGeometry {
  return {
    batch,
    height,
    width,
    channels,
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    outHeight: Math.floor((height + 2 * padTop - kernel[0]) / stride[0]) + 1,
    outWidth: Math.floor((width + 2 * padLeft - kernel[1]) / stride[1]) + 1,
    strideHeight: stride[0],
    strideWidth: stride[1],
    padTop,
    padLeft,
    countIncludePad,
  };
}

const GEOMETRIES: readonly PoolGeometry[] = [
  geometry([1, 1, 1, 1], [1, 1], [1, 1], [0, 0]),
  geometry([2, 7, 5, 3], [2, 2], [2, 2], [0, 0]),
  geometry([2, 8, 9, 6], [3, 3], [2, 2], [1, 1]),
  geometry([2, 8, 9, 6], [3, 3], [2, 2], [1, 1], false),
  geometry([3, 6, 7, 4], [3, 2], [1, 3], [1, 0], false),
  geometry([1, 9, 4, 67], [2, 3], [4, 1], [1, 1], false),
  geometry([2, 7, 7, 130], [7, 7], [1, 1], [0, 0]),
  geometry([2, 40, 41, 20], [3, 3], [2, 2], [1, 1]),
];

/** Calls a kernel with every geometry; `x` and `y` have the shapes of images and results. */
function forEach(
  body: (g: PoolGeometry, x: number[], y: number[]) => void,
): void {
  for (const g of GEOMETRIES) {
    body(
      g,
      [g.batch, g.height, g.width, g.channels],
      [g.batch, g.outHeight, g.outWidth, g.channels],
    );
  }
}

function pool(stage: Stage, values: ArrayLike<number>): void {
  forEach((g, x, y) => {
    const out = stage.output(y);
    const indices = stage.output(y, "int32");
    stage.backend.maxPool2d(stage.input(x, values), out, indices, g);
    stage.backend.maxPool2dBackward(
      stage.input(y, noise(997, 1, 3)),
      indices,
      stage.output(x),
      g,
    );
  });
}

Deno.test("maxPool2d() and its gradient on the cpu device agree", async () => {
  await againstReference(
    (stage) => pool(stage, noise(99_991)),
    { relative: 1e-6, absolute: 1e-6 },
  );
});

Deno.test("maxPool2d() of the cpu device takes the first of equals, NaN before all", async () => {
  const inf = Infinity;
  const values = [1, 1, 0, NaN, -inf, 2, 2, -inf, -inf, NaN, inf, 0, -0];
  await againstReference(
    (stage) => pool(stage, values),
    { relative: 1e-6, absolute: 1e-6 },
  );
  await againstReference(
    (stage) => pool(stage, [-inf]),
    { relative: 1e-6, absolute: 1e-6 },
  );
});

Deno.test("averagePool2d() and its gradient on the cpu device agree", async () => {
  await againstReference((stage) => {
    forEach((g, x, y) => {
      stage.backend.averagePool2d(
        stage.input(x, noise(99_991)),
        stage.output(y),
        g,
      );
      stage.backend.averagePool2dBackward(
        stage.input(y, noise(99_991, 1, 3)),
        stage.output(x),
        g,
      );
    });
  }, { relative: 1e-6, absolute: 1e-6 });
});
