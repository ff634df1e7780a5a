import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "./errors.ts";
import { RandomSource } from "./random_source.ts";

Deno.test("RandomSource.next() hands out every stream once", () => {
  const random = new RandomSource(5n, 7n);
  assertEquals(random.next(), { seed: 5n, stream: 7n });
  assertEquals(random.next(), { seed: 5n, stream: 8n });
  random.uniform();
  assertEquals(random.stream, 10n);
});

Deno.test("RandomSource goes on where another one is when made from its state", () => {
  const random = new RandomSource(1n);
  random.uniform();
  const later = new RandomSource(random.seed, random.stream);
  assertEquals(later.uniform(), random.uniform());
  assertEquals([...later.permutation(10)], [...random.permutation(10)]);
  assertEquals(later.integer(1000), random.integer(1000));
});

Deno.test("RandomSource.uniform() uses 53 bits of two words", () => {
  // Key 0, counter 0 of Random123: 6627e8d5 e169c58d.
  const bits = (0x6627e8d5n >> 5n << 26n) + (0xe169c58dn >> 6n);
  assertEquals(new RandomSource(0n).uniform(), Number(bits) * 2 ** -53);
});

Deno.test("RandomSource.integer() reaches all numbers below its bound, and no others", () => {
  const random = new RandomSource(2n);
  const counts = new Array<number>(3).fill(0);
  for (let i = 0; i < 3000; i++) counts[random.integer(3)]++;
  for (const count of counts) assert(Math.abs(count - 1000) < 110, `${counts}`);
  assertEquals(random.integer(1), 0);
});

Deno.test("RandomSource.permutation() gives each order alike", () => {
  const random = new RandomSource(3n);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = random.permutation(3).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assertEquals(counts.size, 6);
  for (const count of counts.values()) {
    assert(Math.abs(count - 1000) < 120, JSON.stringify([...counts]));
  }
  assertEquals([...random.permutation(0)], []);
  assertEquals([...random.permutation(1000)].sort((a, b) => a - b), [
    ...Array(1000).keys(),
  ]);
});

Deno.test("RandomSource refuses arguments that make no sense", () => {
  const random = new RandomSource(0n);
  for (const bound of [0, -1, 1.5, NaN, 2 ** 33]) {
    assertThrows(() => random.integer(bound), ArgumentError, `${bound}`);
  }
  for (const length of [-1, 0.5, 2 ** 32]) {
    assertThrows(() => random.permutation(length), ArgumentError, `${length}`);
  }
  assertThrows(() => new RandomSource(-1n), ArgumentError, "seed -1");
});
