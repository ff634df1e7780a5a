import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Feature } from "./feature.ts";
import {
  type FeatureBatch,
  FeatureLoader,
  type FeatureLoaderOptions,
} from "./loader.ts";

/** A feature of some length, with ids that are found again. */
function feature(length: number, example: number): Feature {
  return {
    example,
    ids: new Int32Array(length).fill(example + 1),
    contextStart: 3,
    starts: new Int32Array(length - 4),
    ends: new Int32Array(length - 4),
    maxContext: new Uint8Array(length - 4),
    startPosition: 3,
    endPosition: length - 2,
  };
}

const FEATURES = Array.from(
  { length: 103 },
  (_, i) => feature(6 + i * 37 % 59, i),
);

const OPTIONS: FeatureLoaderOptions = {
  batchSize: 4,
  maxLength: 64,
  seed: 1n,
  shuffle: true,
};

async function batches(
  from: number,
  to: number,
  options: Partial<FeatureLoaderOptions> = {},
): Promise<FeatureBatch[]> {
  const loader = new FeatureLoader(FEATURES, { ...OPTIONS, ...options });
  return await Array.fromAsync(loader.batches(from, to));
}

Deno.test("batches() fills features up to the same length", async () => {
  const loader = new FeatureLoader([feature(7, 0), feature(5, 1)], {
    ...OPTIONS,
    padToMultipleOf: 8,
    padId: 9,
    shuffle: false,
  });
  const [batch] = await Array.fromAsync(loader.batches(0, 1));
  assertEquals(batch, {
    step: 0,
    epoch: 0,
    size: 2,
    length: 8,
    features: Uint32Array.of(1, 0),
    inputIds: Int32Array.of(2, 2, 2, 2, 2, 9, 9, 9, 1, 1, 1, 1, 1, 1, 1, 9),
    tokenTypes: Int32Array.of(0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0),
    attentionMask: Uint8Array.of(
      ...[1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0],
    ),
    startPositions: Int32Array.of(3, 3),
    endPositions: Int32Array.of(3, 5),
  });
});

Deno.test("batches() has each feature once in an epoch, in another order in each", async () => {
  const all = await batches(0, 52);
  assertEquals(new FeatureLoader(FEATURES, OPTIONS).stepsPerEpoch, 26);
  assertEquals(
    all.map(({ step }) => step),
    Array.from({ length: 52 }, (_, i) => i),
  );
  const epochs = [all.slice(0, 26), all.slice(26)].map((part, epoch) => {
    assert(part.every((batch) => batch.epoch === epoch));
    return part.flatMap(({ features }) => [...features]);
  });
  const everyone = FEATURES.map((_, i) => i);
  for (const epoch of epochs) {
    assertEquals(epoch.toSorted((a, b) => a - b), everyone);
  }
  assertNotEquals(epochs[0], epochs[1]);
});

Deno.test("batches() depends on seed and step alone", async () => {
  const all = await batches(0, 60);
  assertEquals(await batches(33, 47), all.slice(33, 47));
  assertNotEquals(await batches(0, 5, { seed: 2n }), all.slice(0, 5));
});

Deno.test("batches() puts features of like length together", async () => {
  const padding = (list: FeatureBatch[]) =>
    list.flatMap(({ attentionMask }) => [...attentionMask])
      .filter((seen) => !seen).length;
  const all = await batches(0, 26);
  assert(all.every(({ length }) => length % 16 === 0));
  assert(new Set(all.map(({ length }) => length)).size > 2);
  // At most what the rounding up adds, and a little.
  assert(padding(all) < 103 * 10, `${padding(all)}`);
  // From short to long would be another thing to learn from.
  const lengths = all.map(({ length }) => length);
  assertNotEquals(lengths, lengths.toSorted((a, b) => a - b));
});

Deno.test("batches() goes from short to long where nothing is shuffled", async () => {
  const lengths = (await batches(0, 26, { shuffle: false })).map(
    ({ length }) => length,
  );
  assertEquals(lengths, lengths.toSorted((a, b) => a - b));
});

Deno.test("batches() is never longer than features may be", async () => {
  const all = await batches(0, 26, { maxLength: 59 + 6, padToMultipleOf: 48 });
  assertEquals(new Set(all.map(({ length }) => length)), new Set([48, 65]));
});
