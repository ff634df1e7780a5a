import { assertEquals } from "@std/assert";
import type { Backend, BackendBuffer, View } from "../backend.ts";
import type { MagnitudePart } from "../flat_kernels.ts";
import { sizeOf } from "../shape.ts";
import { assertAgrees, floats, noise, type TestTensor } from "./_compare.ts";
import type { WebGpuBackend } from "./backend.ts";
import { testOnWebGpu, viewOfValues } from "./_testing.ts";

const SIZE = 1021;

/** The smallest number above 0. */
const DENORMAL = 2 ** -149;

const WEIGHTS: Readonly<Record<string, TestTensor>> = {
  "random weights": floats([SIZE]),
  "weights of all sizes": floats(
    [SIZE],
    (i) => noise(SIZE)[i] * 2 ** (i % 200 - 100),
  ),
  "weights with many ties": floats([SIZE], (i) => (i * 7 % 5 - 2) / 4),
  "equal weights": floats([SIZE], (i) => i % 2 ? 0.25 : -0.25),
  "zeros": floats([SIZE], (i) => i % 2 ? 0 : -0),
  "mostly zeros": floats([SIZE], (i) => i % 100 ? 0 : i),
  "NaN and infinities": floats(
    [SIZE],
    (i) => [NaN, Infinity, -Infinity, -NaN, 3.4e38, 1][i % 6],
  ),
  "denormals": floats([SIZE], (i) => (i * 7 % 300 - 150) * DENORMAL),
  "one weight": floats([1], [-3]),
  "three weights": floats([3], [2, -2, 1]),
};

/** Counts of every kind for so many weights. */
function countsFor(size: number): number[] {
  const some = [1, 2, size >> 2, size >> 1, size - 1, size, size + 5];
  return [-1, 0, ...some.filter((count) => count > 0)];
}

/** Cuts weights into parts, of which the last comes first, and finds their thresholds. */
function find(
  backend: Backend,
  x: View<BackendBuffer>,
  out: View<BackendBuffer>,
  count: number,
  exact: boolean,
  cuts: readonly number[] = [0, sizeOf(x.shape)],
): void {
  const parts: MagnitudePart[] = cuts.slice(1).map((end, i) => ({
    x: {
      ...x,
      byteOffset: x.byteOffset + 4 * cuts[i],
      shape: [end - cuts[i]],
    },
    segment: 0,
    base: cuts[i],
  })).reverse();
  backend.magnitudeThresholds(parts, [count], exact, out);
}

const THRESHOLD: TestTensor = {
  dtype: "uint32",
  shape: [1, 2],
  values: [9, 9],
};

async function check(
  gpu: WebGpuBackend,
  x: TestTensor,
  cuts?: readonly number[],
): Promise<void> {
  for (const exact of [false, true]) {
    for (const count of countsFor(sizeOf(x.shape))) {
      await assertAgrees(
        gpu,
        { x, out: THRESHOLD },
        (backend, { x, out }) => find(backend, x, out, count, exact, cuts),
      );
    }
  }
}

for (const [kind, x] of Object.entries(WEIGHTS)) {
  testOnWebGpu(`magnitudeThresholds() is exact on ${kind}`, async (gpu) => {
    await check(gpu, x);
  });
}

testOnWebGpu("magnitudeThresholds() joins parts and views", async (gpu) => {
  for (const kind of ["random weights", "weights with many ties"]) {
    const x = { ...WEIGHTS[kind], byteOffset: 12 };
    await check(gpu, x, [0, 1, 300, 302, SIZE]);
  }
});

testOnWebGpu(
  "magnitudeThresholds() takes weights larger than one binding",
  async (gpu) => {
    const values = noise(20_000, 3);
    for (const byteOffset of [0, 8]) {
      await assertAgrees(
        gpu,
        { x: { ...floats([20_000], values), byteOffset }, out: THRESHOLD },
        (backend, { x, out }) => find(backend, x, out, 7001, true),
      );
    }
  },
  { maxBindingBytes: 16384 },
);

testOnWebGpu("magnitudeThresholds() keeps segments apart", async (gpu) => {
  const counts = [100, 0, 33, -1, 5, 1000];
  const sizes = [200, 50, 100, 30, 5, 700];
  for (const exact of [false, true]) {
    await assertAgrees(
      gpu,
      {
        x: floats([1085], (i) => (i * 31 % 97 - 48) / 8),
        out: {
          dtype: "uint32",
          shape: [6, 2],
          values: new Array(12).fill(9),
          byteOffset: 4,
        },
      },
      (backend, { x, out }) => {
        let first = 0;
        const parts = sizes.flatMap((size, segment): MagnitudePart[] => {
          const half = size >> 1;
          const part = (base: number, end: number): MagnitudePart => ({
            x: { ...x, byteOffset: 4 * (first + base), shape: [end - base] },
            segment,
            base,
          });
          const both = [part(0, half), part(half, size)];
          first += size;
          return both;
        });
        backend.magnitudeThresholds(parts, counts, exact, out);
      },
    );
  }
});

testOnWebGpu(
  "magnitudeThresholds() counts more weights than its workgroups take at once",
  async (gpu) => {
    const size = 3_000_001;
    const values = noise(size, 5);
    const sorted = values.map(Math.abs).sort();
    const count = 1_234_567;
    const expected = new Uint32Array(
      Float32Array.of(sorted[size - count]).buffer,
    )[0];
    const x = viewOfValues(gpu.runtime, values);
    const out = viewOfValues(gpu.runtime, new Uint32Array(2), [1, 2]);
    gpu.magnitudeThresholds([{ x, segment: 0, base: 0 }], [count], false, out);
    const found = await gpu.read(out.buffer, 0, 8);
    assertEquals(new Uint32Array(found.buffer)[0], expected);
  },
);
