import type { AttentionLayout } from "../backend.ts";
import { againstReference, noise, type Stage } from "./_against_reference.ts";

type Sizes = readonly [
  batch: number,
  heads: number,
  queries: number,
  keys: number,
  depth: number,
  valueDepth: number,
];

const SIZES: readonly Sizes[] = [
  [1, 1, 1, 1, 1, 1],
  [2, 3, 5, 7, 3, 2],
  [1, 2, 4, 16, 16, 16],
  [2, 2, 67, 33, 8, 20],
  [1, 1, 300, 130, 32, 33],
  [3, 4, 20, 20, 64, 64],
  [1, 2, 140, 150, 72, 64],
  [1, 2, 9, 70_000, 2, 3],
];

function layoutOf(
  [batch, heads, queries, keys, depth, valueDepth]: Sizes,
  maskStrides: readonly [number, number, number, number] = [0, 0, 0, 0],
): AttentionLayout {
  return {
    ...{ batch, heads, queries, keys, depth, valueDepth },
    scale: 1 / Math.sqrt(depth),
    maskStrides,
  };
}

const DROPOUT = {
  rate: 0.3,
  state: { seedLow: 1, seedHigh: 2, streamLow: 0xffff_fffe, streamHigh: 3 },
};

/** Attention and its gradient, all results of which are compared. */
function attend(
  stage: Stage,
  layout: AttentionLayout,
  mask?: { readonly shape: number[]; readonly elements: ArrayLike<number> },
): void {
  const { batch, heads, queries, keys, depth, valueDepth } = layout;
  const queryShape = [batch, queries, heads, depth];
  const keyShape = [batch, keys, heads, depth];
  const valueShape = [batch, keys, heads, valueDepth];
  const outShape = [batch, queries, heads, valueDepth];
  const views = {
    query: stage.input(queryShape, noise(9973, 2, 2)),
    key: stage.input(keyShape, noise(99_991, 2, 3)),
    value: stage.input(valueShape, noise(99_989, 2, 4)),
    mask: mask && stage.input(mask.shape, mask.elements),
    out: stage.output(outShape),
    logSumExp: stage.output([batch, heads, queries]),
  };
  stage.backend.attention(views, layout);
  if (keys > 10_000) return;
  stage.backend.attentionBackward({
    ...views,
    dOut: stage.input(outShape, noise(9967, 1, 5)),
    dQuery: stage.output(queryShape),
    dKey: stage.output(keyShape),
    dValue: stage.output(valueShape),
  }, layout);
}

for (const sizes of SIZES) {
  Deno.test(`attention() and its gradient on the cpu device agree for sizes ${sizes}`, async () => {
    await againstReference(
      (stage) => attend(stage, layoutOf(sizes)),
      { relative: 5e-6, absolute: 1e-5 },
    );
  });

  Deno.test(`attention() and its gradient on the cpu device drop the same probabilities for sizes ${sizes}`, async () => {
    await againstReference(
      (stage) => attend(stage, { ...layoutOf(sizes), dropout: DROPOUT }),
      { relative: 5e-6, absolute: 1e-5 },
    );
  });
}

Deno.test("attention() of the cpu device adds masks of any stride", async () => {
  const sizes = [2, 3, 5, 18, 4, 6] as const;
  const [batch, heads, queries, keys] = sizes;
  const inf = Infinity;
  const elements = [0, -inf, -1, 0, 0.5, 0, -inf];
  await againstReference((stage) => {
    for (
      const [strides, shape] of [
        [[heads * queries * keys, queries * keys, keys, 1], [
          batch,
          heads,
          queries,
          keys,
        ]],
        [[0, 0, keys, 1], [1, 1, queries, keys]],
        [[keys, 0, 0, 1], [batch, 1, 1, keys]],
        [[0, queries, 1, 0], [1, heads, queries, 1]],
      ] as const
    ) {
      const mask = { shape: [...shape], elements };
      attend(stage, layoutOf(sizes, strides), mask);
    }
  }, { relative: 5e-6, absolute: 1e-5 });
});

Deno.test("attention() of the cpu device gives zeros for queries that no key is open to", async () => {
  await againstReference((stage) => {
    const layout = layoutOf([1, 2, 6, 5, 4, 4], [0, 0, 0, 1]);
    attend(stage, layout, { shape: [1, 1, 1, 5], elements: [-Infinity] });
  });
});

Deno.test("attention() of the cpu device keeps numbers that are none", async () => {
  for (const keys of [1, 15, 16, 40]) {
    const shape = [1, 1, keys, keys];
    // Query q is open to the keys up to q, of which the first one is NaN.
    const causal = Array.from(
      { length: keys * keys },
      (_, i) => i % keys <= Math.floor(i / keys) ? 0 : -Infinity,
    );
    await againstReference((stage) => {
      for (const mask of [undefined, stage.input(shape, causal)]) {
        const layout = layoutOf(
          [1, 1, keys, keys, 1, 1],
          mask && [0, 0, keys, 1],
        );
        const of = [1, keys, 1, 1];
        stage.backend.attention({
          query: stage.input(of, noise(keys)),
          key: stage.input(of, [NaN, ...noise(keys - 1, 1, 2)]),
          value: stage.input(of, noise(keys, 1, 3)),
          mask,
          out: stage.output(of),
          logSumExp: stage.output([1, 1, keys]),
        }, layout);
      }
    });
  }
});

Deno.test("attention() of the cpu device does not add up rounding errors of many keys", async () => {
  const keys = 65_536;
  await againstReference((stage) => {
    const of = [1, keys, 1, 16];
    stage.backend.attention({
      query: stage.input([1, 1, 1, 16], [0]),
      key: stage.input(of, [1]),
      value: stage.input(of, [0.1]),
      mask: undefined,
      out: stage.output([1, 1, 1, 16]),
      logSumExp: stage.output([1, 1, 1]),
    }, layoutOf([1, 1, 1, keys, 16, 16]));
  }, { relative: 2e-5 });
});
