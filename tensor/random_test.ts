import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import { erf } from "./_erf.ts";
import { Device } from "./device.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import {
  randomBernoulli,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
} from "./random.ts";
import { createReferenceBackend } from "./reference/mod.ts";
import type { Tensor } from "./tensor.ts";

const COUNT = 40_000;

function open(): Device {
  return new Device(createReferenceBackend());
}

/** The largest distance between the distribution of a sample and the one it should have (Kolmogorov and Smirnov). */
function distance(
  sample: Iterable<number>,
  cdf: (x: number) => number,
): number {
  const sorted = Float64Array.from(sample).sort();
  let largest = 0;
  sorted.forEach((x, i) => {
    const below = i / sorted.length;
    const upTo = (i + 1) / sorted.length;
    largest = Math.max(largest, cdf(x) - below, upTo - cdf(x));
  });
  return largest;
}

/** A sample of COUNT is that far off its distribution once in 1,000 times. */
const CRITICAL = 1.95 / Math.sqrt(COUNT);

function moments(sample: Iterable<number>): { mean: number; variance: number } {
  const values = [...sample];
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((a, b) => a + (b - mean) ** 2, 0);
  return { mean, variance: squares / values.length };
}

function normalCdf(x: number): number {
  return (1 + erf(x / Math.SQRT2)) / 2;
}

async function valuesOf(tensor: Tensor): Promise<number[]> {
  return [...await tensor.data()];
}

Deno.test("randomUniform() gives the upper 24 bits of Philox words", async () => {
  await using device = open();
  using _scope = device.scope();
  // Key 0, counter 0: a known answer of Random123.
  const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
  assertEquals(
    await valuesOf(randomUniform(device, [2, 2], { seed: 0n })),
    words.map((word) => (word >>> 8) / 2 ** 24),
  );
});

Deno.test("randomUniform() is even in [0, 1)", async () => {
  await using device = open();
  using _scope = device.scope();
  const sample = await valuesOf(randomUniform(device, [COUNT], { seed: 1n }));
  assert(sample.every((x) => x >= 0 && x < 1));
  assert(distance(sample, (x) => x) < CRITICAL);
});

Deno.test("randomUniform() rounds after scaling and again after shifting", async () => {
  await using device = open();
  using _scope = device.scope();
  const options = { seed: 2n, stream: 1n };
  const plain = await valuesOf(randomUniform(device, [100], options));
  const range = Math.fround(0.1 - -0.3);
  assertEquals(
    await valuesOf(
      randomUniform(device, [100], { ...options, low: -0.3, high: 0.1 }),
    ),
    plain.map((x) => Math.fround(Math.fround(x * range) + Math.fround(-0.3))),
  );
});

Deno.test("randomUniform() gives the same numbers in float64", async () => {
  await using device = open();
  using _scope = device.scope();
  const single = randomUniform(device, [9], { seed: 3n });
  const double = randomUniform(device, [9], { seed: 3n, dtype: "float64" });
  assertEquals(double.dtype, "float64");
  assertEquals(await valuesOf(double), await valuesOf(single));
});

Deno.test("randomUniform() gives independent numbers for other seeds and streams", async () => {
  await using device = open();
  using _scope = device.scope();
  const high = 2n ** 64n - 1n;
  const sequences = [
    { seed: 0n },
    { seed: 1n },
    { seed: 1n << 32n },
    { seed: high },
    { seed: 0n, stream: 1n },
    { seed: 0n, stream: 1n << 32n },
    { seed: 0n, stream: high },
  ];
  const samples = await Promise.all(
    sequences.map((s) => valuesOf(randomUniform(device, [1000], s))),
  );
  for (const [i, a] of samples.entries()) {
    for (const b of samples.slice(i + 1)) {
      const products = a.map((x, k) => (x - 0.5) * (b[k] - 0.5) * 12);
      const correlation = products.reduce((s, x) => s + x, 0) / a.length;
      assert(Math.abs(correlation) < 4 / Math.sqrt(a.length), `${correlation}`);
    }
  }
});

Deno.test("randomNormal() is normal", async () => {
  await using device = open();
  using _scope = device.scope();
  const sample = await valuesOf(randomNormal(device, [COUNT], { seed: 4n }));
  const { mean, variance } = moments(sample);
  assertAlmostEquals(mean, 0, 4 / Math.sqrt(COUNT));
  assertAlmostEquals(variance, 1, 4 * Math.sqrt(2 / COUNT));
  assert(distance(sample, normalCdf) < CRITICAL);
});

Deno.test("randomNormal() scales and shifts before it rounds", async () => {
  await using device = open();
  using _scope = device.scope();
  const exact = await valuesOf(
    randomNormal(device, [50], { seed: 5n, dtype: "float64" }),
  );
  const options = { seed: 5n, mean: 3, standardDeviation: 0.1 };
  assertEquals(
    await valuesOf(randomNormal(device, [50], options)),
    exact.map((z) => Math.fround(3 + 0.1 * z)),
  );
});

Deno.test("randomNormal() gives known numbers", async () => {
  await using device = open();
  using _scope = device.scope();
  // Φ⁻¹((word + ½) / 2³²) of the known Philox words, by mpmath.
  const expected = [
    -0.2558159704329815,
    1.177591239172135,
    0.6301836563560435,
    0.26756224939052,
  ];
  const actual = await valuesOf(
    randomNormal(device, [4], { seed: 0n, dtype: "float64" }),
  );
  actual.forEach((x, i) => assertAlmostEquals(x, expected[i], 1e-15));
});

Deno.test("randomTruncatedNormal() is normal between its limits", async () => {
  await using device = open();
  using _scope = device.scope();
  for (const limit of [0.5, 2]) {
    const sample = await valuesOf(
      randomTruncatedNormal(device, [COUNT], { seed: 6n, limit }),
    );
    assert(sample.every((x) => Math.abs(x) <= limit));
    const inside = normalCdf(limit) - normalCdf(-limit);
    const cdf = (x: number) => (normalCdf(x) - normalCdf(-limit)) / inside;
    assert(distance(sample, cdf) < CRITICAL);
  }
});

Deno.test("randomTruncatedNormal() scales and shifts", async () => {
  await using device = open();
  using _scope = device.scope();
  const sample = await valuesOf(
    randomTruncatedNormal(device, [1000], {
      seed: 7n,
      mean: 10,
      standardDeviation: 0.5,
    }),
  );
  assert(sample.every((x) => x > 9 && x < 11));
  assertAlmostEquals(moments(sample).mean, 10, 0.1);
});

Deno.test("randomBernoulli() is true as often as it should", async () => {
  await using device = open();
  using _scope = device.scope();
  for (const probability of [0, 0.1, 0.5, 1]) {
    const coins = randomBernoulli(device, [COUNT], { seed: 8n, probability });
    assertEquals(coins.dtype, "bool");
    const { mean } = moments(await coins.data());
    const deviation = Math.sqrt(probability * (1 - probability) / COUNT);
    assertAlmostEquals(mean, probability, 4 * deviation + 1e-12);
  }
});

Deno.test("random tensors may be empty and leave nothing behind", async () => {
  await using device = open();
  {
    using _scope = device.scope();
    const options = { seed: 0n, probability: 0.5 };
    for (
      const draw of [
        randomUniform,
        randomNormal,
        randomTruncatedNormal,
        randomBernoulli,
      ]
    ) {
      assertEquals((await draw(device, [0, 3], options).data()).length, 0);
      draw(device, [3], options);
    }
  }
  assertEquals(device.memory.liveBytes, 0);
});

Deno.test("random tensors refuse arguments that make no sense, and allocate nothing", async () => {
  await using device = open();
  const seed = 0n;
  const nonsense: [() => Tensor, string][] = [
    [() => randomUniform(device, [1], { seed: -1n }), "seed -1"],
    [() => randomUniform(device, [1], { seed: 2n ** 64n }), "seed 1844"],
    [
      () => randomNormal(device, [1], { seed: 1 as unknown as bigint }),
      "seed 1",
    ],
    [() => randomNormal(device, [1], { seed, stream: -1n }), "stream -1"],
    [() => randomUniform(device, [1], { seed, low: 2 }), "from 2 to 1"],
    [() => randomUniform(device, [1], { seed, high: NaN }), "to NaN"],
    [() => randomNormal(device, [1], { seed, mean: NaN }), "mean NaN"],
    [
      () => randomNormal(device, [1], { seed, standardDeviation: -1 }),
      "standardDeviation -1",
    ],
    [() => randomTruncatedNormal(device, [1], { seed, limit: 0 }), "limit 0"],
    [
      () => randomBernoulli(device, [1], { seed, probability: 1.5 }),
      "probability 1.5",
    ],
  ];
  for (const [call, message] of nonsense) {
    assertThrows(call, ArgumentError, message);
  }
  for (const draw of [randomUniform, randomNormal, randomTruncatedNormal]) {
    assertThrows(
      () => draw(device, [1], { seed, dtype: "int32" }),
      DTypeError,
      "int32",
    );
  }
  assertEquals(device.memory.peakBytes, 0);
});
