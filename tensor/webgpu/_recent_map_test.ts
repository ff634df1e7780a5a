import { assert, assertEquals } from "@std/assert";
import { RecentMap } from "./_recent_map.ts";

const words = (...values: number[]) => Uint32Array.from(values);

Deno.test("RecentMap tells apart sequences by every word and by their length", () => {
  const map = new RecentMap<string>(100);
  const sequences = [[], [0], [0, 0], [1, 2], [2, 1], [2 ** 32 - 1], [1, 2, 3]];
  for (const sequence of sequences) {
    const key = words(...sequence);
    assertEquals(map.get(key, key.length), undefined);
    map.set(key, key.length, `${sequence}`);
  }
  for (const sequence of sequences) {
    // Words behind the length do not count.
    const key = words(...sequence, 9);
    assertEquals(map.get(key, sequence.length), `${sequence}`);
  }
  assertEquals(map.size, sequences.length);
});

Deno.test("RecentMap keeps what was used among the last half of its capacity, and no more than its capacity", () => {
  const evicted: number[] = [];
  const map = new RecentMap<number>(8, (value) => evicted.push(value));
  const get = (i: number) => map.get(words(i), 1);
  for (let i = 0; i < 1000; i++) {
    map.set(words(i), 1, i);
    assert(map.size <= 8);
    // One that is used all the time never goes.
    assertEquals(get(0), 0);
    for (let j = Math.max(0, i - 2); j <= i; j++) assertEquals(get(j), j);
  }
  assertEquals(get(500), undefined);
  assertEquals(evicted.length, 1000 - map.size);
  assertEquals(new Set(evicted).size, evicted.length);
  assertEquals(evicted.includes(0), false);
});

Deno.test("RecentMap gives no value of another sequence with the same hash", () => {
  // 2^16 sequences of which some pairs share a hash of 30 bits.
  const evicted: number[] = [];
  const map = new RecentMap<number>(2 ** 18, (value) => evicted.push(value));
  const size = 2 ** 16;
  for (let i = 0; i < size; i++) map.set(words(i, 7 * i), 2, i);
  assert(evicted.length > 0, "no two share a hash: nothing is tested");
  const found = Array.from(
    { length: size },
    (_, i) => map.get(words(i, 7 * i), 2),
  );
  assertEquals(
    found.every((value, i) => value === i || value === undefined),
    true,
  );
  assertEquals(
    found.filter((value) => value === undefined).length,
    evicted.length,
  );
});
