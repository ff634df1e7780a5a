import type { StridedLayout } from "../backend.ts";
import { assertAgrees, floats, integers } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

const COPIES: Readonly<Record<string, StridedLayout>> = {
  "all": {
    shape: [4, 15, 8],
    sourceOffset: 0,
    sourceStrides: [120, 8, 1],
    targetOffset: 0,
    targetStrides: [120, 8, 1],
  },
  "a transposed matrix": {
    shape: [24, 20],
    sourceOffset: 0,
    sourceStrides: [1, 24],
    targetOffset: 0,
    targetStrides: [20, 1],
  },
  "a box of whole vectors into a box": {
    shape: [3, 5, 4],
    sourceOffset: 8,
    sourceStrides: [120, 8, 1],
    targetOffset: 4,
    targetStrides: [80, 16, 1],
  },
  "every third element backwards": {
    shape: [100],
    sourceOffset: 299,
    sourceStrides: [-3],
    targetOffset: 1,
    targetStrides: [4],
  },
  "one element to many": {
    shape: [7, 9],
    sourceOffset: 5,
    sourceStrides: [0, 0],
    targetOffset: 2,
    targetStrides: [9, 1],
  },
  "eight axes, some backwards": {
    shape: [2, 3, 1, 2, 2, 2, 2, 3],
    sourceOffset: 100,
    sourceStrides: [-3, 11, 7, 40, -20, 5, 2, -9],
    targetOffset: 0,
    targetStrides: [144, 48, 0, 24, 12, 6, 3, 1],
  },
};

for (const options of [{}, { maxBindingBytes: 256 }]) {
  const where = "maxBindingBytes" in options ? " beyond one binding" : "";
  for (const [name, layout] of Object.entries(COPIES)) {
    testOnWebGpu(`stridedCopy() copies ${name}${where}`, async (gpu) => {
      await assertAgrees(
        gpu,
        {
          source: integers([480], (i) => i + 1000),
          target: integers([480], (i) => -i),
        },
        (backend, { source, target }) =>
          backend.stridedCopy(source, target, layout),
      );
    }, options);
  }
}

testOnWebGpu("stridedCopy() moves within one buffer", async (gpu) => {
  await assertAgrees(gpu, { x: floats([64]) }, (backend, { x }) => {
    const part = { ...x, shape: [24] };
    const layout = {
      shape: [6, 4],
      sourceOffset: 0,
      sourceStrides: [4, 1],
      targetOffset: 0,
      targetStrides: [1, 6],
    };
    backend.stridedCopy(part, { ...part, byteOffset: 128 }, layout);
  });
});

testOnWebGpu("stridedCopy() runs more than 65,535 workgroups", async (gpu) => {
  const shape = [2, 65_536 * 32 + 1];
  await assertAgrees(
    gpu,
    { source: integers(shape, (i) => i), target: integers(shape, [0]) },
    (backend, { source, target }) =>
      backend.stridedCopy(source, target, {
        shape,
        sourceOffset: 0,
        sourceStrides: [1, 2],
        targetOffset: 0,
        targetStrides: [shape[1], 1],
      }),
  );
});
