import type { PoolGeometry } from "../backend.ts";
import { assertAgrees, floats, integers, randomFloats } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

function geometryOf(
  [batch, height, width, channels]: readonly number[],
  kernel: readonly [number, number],
  stride: readonly [number, number],
  pad: readonly [number, number],
  outPadded = pad,
): PoolGeometry {
  const outOf = (i: 0 | 1, size: number) =>
    Math.floor((size + pad[i] + outPadded[i] - kernel[i]) / stride[i]) + 1;
  return {
    batch,
    height,
    width,
    channels,
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    outHeight: outOf(0, height),
    outWidth: outOf(1, width),
    strideHeight: stride[0],
    strideWidth: stride[1],
    padTop: pad[0],
    padLeft: pad[1],
    countIncludePad: false,
  };
}

/** Overlapping, touching and apart windows, borders, one window, windows with nothing inside. */
const GEOMETRIES: readonly PoolGeometry[] = [
  geometryOf([2, 9, 7, 8], [3, 3], [2, 2], [1, 1]),
  geometryOf([3, 8, 8, 3], [2, 2], [2, 2], [0, 0]),
  geometryOf([1, 7, 11, 4], [2, 1], [3, 2], [0, 0]),
  geometryOf([2, 5, 6, 5], [5, 6], [1, 1], [0, 0]),
  geometryOf([1, 6, 5, 4], [3, 2], [1, 1], [2, 1]),
  geometryOf([2, 4, 4, 3], [2, 2], [2, 2], [3, 0], [3, 2]),
];

for (const options of [{}, { maxBindingBytes: 2048 }]) {
  const where = "maxBindingBytes" in options ? " beyond one binding" : "";
  testOnWebGpu(`maxPool2d() and its gradient agree${where}`, async (gpu) => {
    for (const geometry of GEOMETRIES) {
      const { batch, height, width, channels } = geometry;
      const shape = [batch, height, width, channels];
      const outShape = [batch, geometry.outHeight, geometry.outWidth, channels];
      const random = randomFloats(shape, 1).values;
      // Few distinct values: most windows have several largest elements.
      const special = [NaN, -Infinity, Infinity];
      for (
        const x of [
          (i: number) => Math.round(random[i]),
          (i: number) => random[i] > 1 ? special[i % 3] : -Infinity,
        ]
      ) {
        await assertAgrees(
          gpu,
          {
            x: floats(shape, x),
            out: floats(outShape, []),
            indices: integers(outShape, []),
            dy: randomFloats(outShape, 2),
            dx: floats(shape, []),
          },
          (backend, { x, out, indices, dy, dx }) => {
            backend.maxPool2d(x, out, indices, geometry);
            backend.maxPool2dBackward(dy, indices, dx, geometry);
          },
          { relative: 1e-6, absolute: 1e-6 },
        );
      }
    }
  }, options);

  testOnWebGpu(
    `averagePool2d() and its gradient agree${where}`,
    async (gpu) => {
      for (const plain of GEOMETRIES) {
        for (const countIncludePad of [false, true]) {
          const geometry = { ...plain, countIncludePad };
          const { batch, height, width, channels } = geometry;
          const shape = [batch, height, width, channels];
          const outShape = [
            ...[batch, geometry.outHeight, geometry.outWidth, channels],
          ];
          await assertAgrees(
            gpu,
            {
              x: randomFloats(shape, 1),
              out: floats(outShape, []),
              dy: randomFloats(outShape, 2),
              dx: floats(shape, []),
            },
            (backend, { x, out, dy, dx }) => {
              backend.averagePool2d(x, out, geometry);
              backend.averagePool2dBackward(dy, dx, geometry);
            },
            { relative: 1e-6, absolute: 1e-6 },
          );
        }
      }
    },
    options,
  );
}
