import type { AttentionLayout } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import { assertAgrees, floats, randomFloats } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

type Sizes = Omit<AttentionLayout, "maskStrides">;

/** Whole vectors and not, one query, more keys than queries, values of another depth. */
const SIZES: readonly Sizes[] = [
  {
    batch: 2,
    heads: 3,
    queries: 5,
    keys: 7,
    depth: 6,
    valueDepth: 3,
    scale: 0.4,
  },
  {
    batch: 1,
    heads: 2,
    queries: 16,
    keys: 16,
    depth: 8,
    valueDepth: 8,
    scale: 1,
  },
  {
    batch: 3,
    heads: 1,
    queries: 1,
    keys: 130,
    depth: 4,
    valueDepth: 5,
    scale: 0.5,
  },
  {
    batch: 2,
    heads: 2,
    queries: 70,
    keys: 68,
    depth: 16,
    valueDepth: 16,
    scale: 0.25,
  },
  {
    batch: 1,
    heads: 1,
    queries: 1,
    keys: 1,
    depth: 1,
    valueDepth: 1,
    scale: 2,
  },
];

const DROPOUT = {
  rate: 0.3,
  state: { seedLow: 1, seedHigh: 2, streamLow: 0xffff_fffe, streamHigh: 3 },
};

/** Which axes a mask has, and which it is stretched along. */
const MASKS: readonly (readonly [number, number, number, number])[] = [
  [1, 1, 1, 1],
  [1, 0, 0, 1],
  [0, 0, 1, 1],
  [0, 1, 1, 0],
];

function maskOf(
  sizes: Sizes,
  axes: readonly [number, number, number, number] | undefined,
): { shape: number[]; layout: AttentionLayout } {
  const full = [sizes.batch, sizes.heads, sizes.queries, sizes.keys];
  const shape = full.map((size, axis) => axes?.[axis] ? size : 1);
  const stride = (axis: number) =>
    axes?.[axis] ? sizeOf(shape.slice(axis + 1)) : 0;
  const maskStrides = [stride(0), stride(1), stride(2), stride(3)] as const;
  return { shape, layout: { ...sizes, maskStrides } };
}

async function assertAttends(
  gpu: Parameters<typeof assertAgrees>[0],
  sizes: Sizes,
  axes: readonly [number, number, number, number] | undefined,
  maskValue: (i: number) => number,
): Promise<void> {
  const { batch, heads, queries, keys, depth, valueDepth } = sizes;
  const { shape, layout } = maskOf(sizes, axes);
  const queryShape = [batch, queries, heads, depth];
  const keyShape = [batch, keys, heads, depth];
  const valueShape = [batch, keys, heads, valueDepth];
  const outShape = [batch, queries, heads, valueDepth];
  await assertAgrees(
    gpu,
    {
      query: randomFloats(queryShape, 1),
      key: randomFloats(keyShape, 2),
      value: randomFloats(valueShape, 3),
      mask: floats(shape, maskValue),
      out: floats(outShape, []),
      logSumExp: floats([batch, heads, queries], []),
      dOut: randomFloats(outShape, 4),
      dQuery: floats(queryShape, []),
      dKey: floats(keyShape, []),
      dValue: floats(valueShape, []),
    },
    (backend, { mask, ...views }) => {
      const all = { ...views, mask: axes && mask };
      backend.attention(all, layout);
      backend.attentionBackward(all, layout);
    },
    { relative: 1e-5, absolute: 2e-5 },
  );
}

for (
  const [name, options, traits] of [
    ["", {}, {}],
    [" with shared rows and tiles", {}, { software: false }],
    [" beyond one binding", { maxBindingBytes: 16384 }, {}],
  ] as const
) {
  testOnWebGpu(
    `attention() and its gradient agree${name}`,
    async (gpu) => {
      for (const sizes of SIZES) {
        await assertAttends(gpu, sizes, undefined, () => 0);
        for (const axes of MASKS) {
          await assertAttends(gpu, sizes, axes, (i) => Math.sin(i));
        }
      }
      for (const sizes of [SIZES[0], SIZES[3]]) {
        const dropping = { ...sizes, dropout: DROPOUT };
        await assertAttends(gpu, dropping, undefined, () => 0);
      }
    },
    options,
    traits,
  );
}

testOnWebGpu("attention() gives zeros where no key is open", async (gpu) => {
  for (const sizes of SIZES) {
    const perQuery = [1, 1, 1, 1] as const;
    await assertAttends(
      gpu,
      sizes,
      perQuery,
      (i) =>
        Math.floor(i / sizes.keys) % 3 === 0 || i % 4 === 1 ? -Infinity : 0,
    );
  }
});

testOnWebGpu("attention() gives zeros where there are no keys", async (gpu) => {
  const layout = { ...SIZES[0], keys: 0, maskStrides: [0, 0, 0, 0] } as const;
  const { batch, heads, queries, depth, valueDepth } = layout;
  const outShape = [batch, queries, heads, valueDepth];
  await assertAgrees(
    gpu,
    {
      query: randomFloats([batch, queries, heads, depth], 1),
      key: floats([batch, 0, heads, depth], []),
      value: floats([batch, 0, heads, valueDepth], []),
      out: floats(outShape, []),
      logSumExp: floats([batch, heads, queries], []),
      dOut: randomFloats(outShape, 2),
      dQuery: floats([batch, queries, heads, depth], []),
      dKey: floats([batch, 0, heads, depth], []),
      dValue: floats([batch, 0, heads, valueDepth], []),
    },
    (backend, views) => {
      backend.attention({ ...views, mask: undefined }, layout);
      backend.attentionBackward({ ...views, mask: undefined }, layout);
    },
  );
});
