import type { Activation, MatmulLayout } from "../backend.ts";
import { againstReference, noise } from "./_against_reference.ts";

const PLAIN: Omit<MatmulLayout, "batch" | "m" | "n" | "k"> = {
  aBatchStride: 0,
  bBatchStride: 0,
  transposeA: false,
  transposeB: false,
  activation: undefined,
};

/** Sums of k products of numbers below 1, each rounded to float32: partial sums grow with √k, and so does the number of their errors. */
function tolerance(k: number): { absolute: number; relative: number } {
  return { absolute: 1e-7 * (k + 1), relative: 1e-6 };
}

interface Options {
  readonly batch?: number;
  readonly sharedA?: boolean;
  readonly sharedB?: boolean;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly bias?: boolean;
  readonly activation?: Activation;
  readonly preActivation?: boolean;
}

async function check(
  m: number,
  n: number,
  k: number,
  options: Options = {},
): Promise<void> {
  const { batch = 1, transposeA = false, transposeB = false } = options;
  const layout = {
    ...PLAIN,
    ...{ batch, m, n, k, transposeA, transposeB },
    aBatchStride: options.sharedA ? 0 : m * k,
    bBatchStride: options.sharedB ? 0 : k * n,
    activation: options.activation,
  };
  await againstReference(({ backend, input, output }) => {
    const a = input(
      [options.sharedA ? 1 : batch, ...transposeA ? [k, m] : [m, k]],
      noise(Math.max(1, batch * m * k), 1, 1),
    );
    const b = input(
      [options.sharedB ? 1 : batch, ...transposeB ? [n, k] : [k, n]],
      noise(Math.max(1, batch * k * n), 1, 2),
    );
    const out = output([batch, m, n]);
    const bias = options.bias ? input([n], noise(n, 1, 3)) : undefined;
    const before = options.preActivation ? output([batch, m, n]) : undefined;
    backend.matmul(a, b, out, layout, bias, before);
  }, tolerance(k));
}

const TRANSPOSES = [
  {},
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
];

Deno.test("matmul() does not add up rounding errors of long sums", async () => {
  for (const [m, n, k] of [[16, 256, 1024], [600, 32, 4096], [40, 48, 4096]]) {
    const layout = { ...PLAIN, batch: 1, m, n, k };
    await againstReference((stage) => {
      const a = stage.input([m, k], [0.1]);
      const b = stage.input([k, n], [0.1]);
      stage.backend.matmul(
        a,
        b,
        stage.output([1, m, n]),
        layout,
        undefined,
        undefined,
      );
    }, { relative: 1.5e-5 });
  }
});

Deno.test("matmul() agrees with the reference for sizes around the tile's", async () => {
  for (const m of [1, 2, 3, 4, 5, 8, 63, 64, 65, 130]) {
    for (const n of [1, 3, 4, 5, 15, 16, 17, 33]) {
      for (const k of [1, 2, 3, 5, 16]) await check(m, n, k);
    }
  }
});

Deno.test("matmul() agrees with the reference for transposed operands", async () => {
  for (const transposes of TRANSPOSES) {
    for (const [m, n, k] of [[1, 1, 1], [1, 70, 33], [70, 1, 33], [4, 16, 4]]) {
      await check(m, n, k, transposes);
    }
    for (const [m, n, k] of [[67, 37, 29], [129, 18, 65], [3, 5, 1030]]) {
      await check(m, n, k, transposes);
    }
  }
});

Deno.test("matmul() agrees with the reference when k takes several segments and slices", async () => {
  for (const k of [64, 65, 128, 1023, 1024, 2048, 2049, 3100, 5000]) {
    for (const transposes of TRANSPOSES) {
      await check(7, 19, k, { bias: true, ...transposes });
      await check(70, 32, k, transposes);
    }
  }
});

Deno.test("matmul() gives zeros, plus bias, when k is 0", async () => {
  for (const transposes of TRANSPOSES) {
    await check(5, 18, 0, transposes);
    await check(5, 18, 0, { bias: true, ...transposes });
    await check(1, 18, 0, { bias: true, ...transposes });
  }
});

Deno.test("matmul() agrees with the reference for batches, of which either operand may be shared", async () => {
  for (const transposes of TRANSPOSES) {
    for (const [m, n, k] of [[1, 7, 5], [9, 1, 5], [17, 18, 19]]) {
      await check(m, n, k, { batch: 3, ...transposes });
      await check(m, n, k, { batch: 3, sharedA: true, ...transposes });
      await check(m, n, k, { batch: 3, sharedB: true, ...transposes });
      await check(m, n, k, { batch: 300, bias: true, ...transposes });
    }
  }
});

Deno.test("matmul() agrees with the reference for bias, activation and the sum before it", async () => {
  for (const activation of ["relu", "gelu", "geluTanh", "tanh"] as const) {
    for (const [m, n, k] of [[1, 5, 7], [6, 1, 7], [66, 23, 9], [8, 32, 9]]) {
      await check(m, n, k, { activation });
      await check(m, n, k, { activation, bias: true });
      await check(m, n, k, { activation, bias: true, preActivation: true });
    }
  }
});

Deno.test("matmul() agrees with the reference for few rows and columns that fill many panels", async () => {
  const options = { bias: true, activation: "gelu" } as const;
  // One row of a tile and more, several slices, and the most rows.
  for (const [m, n, k] of [[5, 256, 64], [49, 272, 128], [8, 256, 2176]]) {
    await check(m, n, k);
    await check(m, n, k, { ...options, preActivation: true });
  }
  await check(256, 256, 64, options);
  await check(257, 256, 64, options);
  // The same where products are machine code.
  await check(512, 256, 128, { ...options, preActivation: true });
  await check(513, 256, 64, options);
  await check(300, 256, 1088, options);
});

Deno.test("matmul() agrees with the reference for many rows and many columns", async () => {
  await check(700, 300, 80);
  await check(5, 2000, 300);
  await check(2000, 5, 300, { transposeA: true });
});
