import type { Activation, MatmulLayout } from "../backend.ts";
import type { DeviceOptions } from "../open_device.ts";
import { matmul } from "./_matmul.ts";
import type { Traits } from "./_runtime.ts";
import { testOnWebGpu, Twins } from "./_testing.ts";

interface Case extends Partial<MatmulLayout> {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly bias?: boolean;
  readonly preActivation?: boolean;
  /** Elements in front of every operand in its buffer. */
  readonly offset?: number;
  /** Whether it is enough to have no operand stored transposed. */
  readonly plain?: boolean;
}

const ACTIVATIONS: readonly Activation[] = ["relu", "gelu", "geluTanh", "tanh"];

const CASES: readonly Case[] = [
  { m: 1, n: 1, k: 1 },
  { m: 3, n: 5, k: 7 },
  { m: 64, n: 64, k: 64 },
  { m: 67, n: 61, k: 35, bias: true },
  { m: 130, n: 36, k: 20 },
  { m: 5, n: 7, k: 0, bias: true },
  { m: 40, n: 24, k: 16, offset: 1 },
  { m: 33, n: 130, k: 65, batch: 3, aBatchStride: 33 * 65, bBatchStride: 0 },
  { m: 12, n: 20, k: 24, batch: 5, aBatchStride: 0, bBatchStride: 24 * 20 },
  // Few results of long sums: split.
  { m: 8, n: 8, k: 4096, bias: true, activation: "relu", preActivation: true },
  { m: 7, n: 9, k: 3001 },
  ...ACTIVATIONS.map((activation): Case => ({
    m: 9,
    n: 12,
    k: 10,
    bias: true,
    activation,
    preActivation: true,
    plain: true,
  })),
];

function testMatmul(
  name: string,
  cases: readonly Case[],
  options: DeviceOptions,
  traits: Partial<Traits>,
  dtype: "float32" | "float16" = "float32",
): void {
  testOnWebGpu(
    name,
    async ({ runtime, info }) => {
      if (!info.floatDTypes.includes(dtype)) return;
      const twins = new Twins(runtime, dtype);
      for (const one of cases) {
        for (const transposeA of one.plain ? [false] : [false, true]) {
          for (const transposeB of one.plain ? [false] : [false, true]) {
            const { m, n, k, offset = 0 } = one;
            const layout: MatmulLayout = {
              batch: 1,
              aBatchStride: 0,
              bBatchStride: 0,
              activation: undefined,
              ...one,
              transposeA,
              transposeB,
            };
            const { batch, aBatchStride, bBatchStride } = layout;
            const a = twins.random(
              [
                aBatchStride ? batch : 1,
                transposeA ? k : m,
                transposeA ? m : k,
              ],
              offset,
            );
            const b = twins.random(
              [
                bBatchStride ? batch : 1,
                transposeB ? n : k,
                transposeB ? k : n,
              ],
              offset,
            );
            const bias = one.bias ? twins.random([n], offset) : undefined;
            const out = twins.output([batch, m, n], offset);
            const before = one.preActivation
              ? twins.output([batch, m, n], offset)
              : undefined;
            twins.reference.matmul(
              a.reference,
              b.reference,
              out.reference,
              layout,
              bias?.reference,
              before?.reference,
            );
            matmul(
              runtime,
              a.gpu,
              b.gpu,
              out.gpu,
              layout,
              bias?.gpu,
              before?.gpu,
            );
            // Rounding errors of k additions to sums of about √k.
            const tolerance = 2 ** -24 * (k + 8);
            const message = JSON.stringify(layout);
            await twins.assertClose(out, tolerance, message);
            if (before) await twins.assertClose(before, tolerance, message);
          }
        }
      }
    },
    options,
    traits,
  );
}

const VARIANTS: Readonly<Record<string, Partial<Traits>>> = {
  registers: { software: true },
  "small tiles": { software: false, busyGroups: 256 },
};

/** Compiling these takes long: the cases that fill more than one tile must do. */
const LARGE_TILES: Readonly<Record<string, Partial<Traits>>> = {
  "larger tiles": { software: false, busyGroups: 3 },
  "the largest tiles": { software: false, busyGroups: 1 },
};

for (const [variant, traits] of Object.entries(VARIANTS)) {
  testMatmul(
    `matmul() in ${variant} equals the reference`,
    CASES,
    {},
    traits,
  );
  testMatmul(
    `matmul() in ${variant} works on more than one binding`,
    [
      { m: 50, n: 33, k: 40 },
      { m: 9, n: 16, k: 12, batch: 7, aBatchStride: 108, bBatchStride: 192 },
      { m: 40, n: 44, k: 24, batch: 3, aBatchStride: 960, bBatchStride: 0 },
    ],
    { maxBindingBytes: 4096 },
    traits,
  );
}

for (const [variant, traits] of Object.entries(LARGE_TILES)) {
  testMatmul(
    `matmul() in ${variant} equals the reference`,
    CASES.filter(({ m }) => m === 67 || m === 130),
    {},
    traits,
  );
}

testMatmul(
  "matmul() of float16 in tiles of float16 equals the reference",
  CASES.filter(({ m }) => m === 67 || m === 40),
  {},
  VARIANTS["small tiles"],
  "float16",
);
