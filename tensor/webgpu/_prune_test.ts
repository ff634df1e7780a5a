import { assert } from "@std/assert";
import { assertAgrees, floats, noise, type TestTensor } from "./_compare.ts";
import { testOnWebGpu, valuesOf, viewOfValues } from "./_testing.ts";

const SIZE = 1021;

function maskOf(size: number, byteOffset = 0): TestTensor {
  return {
    dtype: "bool",
    shape: [size],
    values: new Array(size).fill(9),
    byteOffset,
  };
}

const SPECIAL = [
  ...[0, -0, NaN, Infinity, -Infinity, 2 ** -149, -(2 ** -148), 0.5, -0.5],
];

/** Random weights among special ones and ties. */
const mixed = floats(
  [SIZE],
  (i) => i % 3 ? SPECIAL[i % SPECIAL.length] : noise(SIZE)[i],
);

/** Bits of thresholds, and the positions before which ties are kept. */
const THRESHOLDS = [
  ...[0x3f000000, 0, 0x3f000000, 700, 0xbf800000, 0, 0x7fffffff, 0],
  ...[0, 0, 2, 0, 1, 5000, 0x7f800000, 0, 0x7fffffff, 300],
];
const SEGMENTS = THRESHOLDS.length / 2;

for (
  const [where, byteOffset, options] of [
    ["", 0, {}],
    [" on views", 4, {}],
    [" on weights larger than one binding", 8, { maxBindingBytes: 1024 }],
  ] as const
) {
  testOnWebGpu(`pruneBelow() agrees${where}`, async (gpu) => {
    for (let segment = 0; segment < SEGMENTS; segment++) {
      await assertAgrees(
        gpu,
        {
          x: { ...mixed, byteOffset },
          mask: maskOf(SIZE, byteOffset),
          thresholds: {
            dtype: "uint32",
            shape: [SEGMENTS, 2],
            values: THRESHOLDS,
          },
        },
        (backend, { x, mask, thresholds }) =>
          backend.pruneBelow({ x, segment, base: 100 }, thresholds, mask),
      );
    }
  }, options);

  testOnWebGpu(`pruneNM() agrees${where}`, async (gpu) => {
    const matrices = [[12, 7], [10, 7], [3, 5], [1, 50], [64, 1], [51, 20]];
    for (const [rows, columns] of matrices) {
      for (const [n, m] of [[2, 4], [4, 8], [1, 32], [1, 2], [3, 5]]) {
        const size = rows * columns;
        for (const ties of [false, true]) {
          const x = ties
            ? mixed.values
            : noise(size, rows + 31 * columns + 17 * m);
          await assertAgrees(
            gpu,
            {
              x: { ...floats([size], (i) => x[i]), byteOffset },
              mask: maskOf(size, byteOffset),
            },
            (backend, { x, mask }) =>
              backend.pruneNM(x, mask, { rows, columns, n, m }),
          );
        }
      }
    }
  }, options);
}

testOnWebGpu("pruneNM() runs more than 65,535 workgroups", async (gpu) => {
  const [rows, columns] = [65_536, 129];
  const values = Float32Array.from(
    { length: rows * columns },
    (_, i) => 2 - Math.floor(i / columns) % 2,
  );
  const x = viewOfValues(gpu.runtime, values);
  const mask = viewOfValues(gpu.runtime, new Uint32Array(values.length));
  gpu.pruneNM(x, mask, { rows, columns, n: 1, m: 2 });
  const kept = await valuesOf(gpu.runtime, x);
  assert(kept.every((w, i) => w === (values[i] === 2 ? 2 : 0)));
});
