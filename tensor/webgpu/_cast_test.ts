import { type DType, DTYPES } from "../dtype.ts";
import { assertAgrees, type TestTensor } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

const DEVICE_DTYPES = DTYPES.filter((dtype) => dtype !== "float64");

/** Values at which something happens: ties, carries, subnormals, limits of every dtype. */
const FLOATS = [
  ...[0, -0, 1, -1, 0.5, 1.5, -1.5, 2.5, 255, 255.5, 256, 1e10, -1e10],
  ...[NaN, Infinity, -Infinity, 65504, 65519, 65520, -65520, 2049, 2051],
  ...[2 ** -14, 2 ** -24, 2 ** -25, 1.5 * 2 ** -25, 3 * 2 ** -25, -(2 ** -26)],
  ...[2 ** -14 - 2 ** -25, 2 ** -126, 2 ** -149, -(2 ** -133), 2 ** -130 * 1.1],
  ...[
    2 ** 31,
    -(2 ** 31),
    2 ** 31 - 128,
    2 ** 32,
    2 ** 32 - 256,
    -(2 ** 31) - 256,
  ],
  ...[
    3.4028234e38,
    3.3961775e38,
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    1 + 2 ** -8 + 2 ** -20,
  ],
];
const INTEGERS = [
  ...[0, 1, -1, 2, 127, 128, 255, 256, 257, 65519, 65520, -65520, 2049, 2051],
  ...[
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 24 + 1,
    2 ** 25 + 2 ** 17,
    2 ** 25 + 2 ** 17 + 1,
  ],
  ...[
    -(2 ** 25) - 2 ** 17 - 1,
    2 ** 25 + 3 * 2 ** 17,
    2 ** 25 + 3 * 2 ** 17 - 1,
  ],
];
const ALL_HALVES = Array.from({ length: 2 ** 12 }, (_, i) => i * 16 + i % 16);

const VALUES: Readonly<Record<string, readonly number[]>> = {
  float32: FLOATS,
  int32: INTEGERS,
  uint32: [...INTEGERS, 2 ** 32 - 1, 2 ** 31 + 129],
  bool: [0, 1, 1, 0, 1],
  uint8: [0, 1, 2, 127, 128, 254, 255],
  float16: [...ALL_HALVES, 0x7c01, 0xfc00, 0x7c00],
  bfloat16: [...ALL_HALVES, 0x7f81, 0xff80, 0x7f80],
};

function tensorOf(dtype: DType, length: number): TestTensor {
  const list = VALUES[dtype];
  return {
    dtype,
    shape: [length],
    values: Array.from({ length }, (_, i) => list[i % list.length]),
  };
}

for (const from of DEVICE_DTYPES) {
  testOnWebGpu(`cast() from ${from} agrees with the reference`, async (gpu) => {
    for (const to of DEVICE_DTYPES) {
      for (const length of [1, 2, 3, VALUES[from].length, 301]) {
        const out = { ...tensorOf(to, length), byteOffset: 4 };
        await assertAgrees(
          gpu,
          { x: tensorOf(from, length), out },
          (backend, { x, out }) => backend.cast(x, out),
        );
      }
    }
  });
}

testOnWebGpu("cast() works on more than one binding", async (gpu) => {
  for (const [from, to] of [["uint8", "float32"], ["float32", "float16"]]) {
    await assertAgrees(
      gpu,
      {
        x: tensorOf(from as DType, 2001),
        out: tensorOf(to as DType, 2001),
      },
      (backend, { x, out }) => backend.cast(x, out),
    );
  }
}, { maxBindingBytes: 1024 });
