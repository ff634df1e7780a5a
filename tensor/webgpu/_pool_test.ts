import { assertEquals } from "@std/assert";
import { Pool, sizeClass } from "./_pool.ts";

const MIB = 2 ** 20;

interface FakeBuffer {
  readonly size: number;
  destroyed: boolean;
}

function fakePool(memoryLimit = Infinity) {
  const buffers: FakeBuffer[] = [];
  const pool = new Pool({
    create: (size) => {
      const buffer: FakeBuffer = { size, destroyed: false };
      buffers.push(buffer);
      return buffer as unknown as GPUBuffer;
    },
    retire: (block) => {
      (block.gpu as unknown as FakeBuffer).destroyed = true;
    },
  }, { maxBufferBytes: 2 ** 31 - 1, memoryLimit });
  const alive = () => buffers.filter(({ destroyed }) => !destroyed);
  return { pool, buffers, alive };
}

Deno.test("sizeClass() wastes at most half below 1 MiB and an eighth above", () => {
  assertEquals(sizeClass(1, 2 ** 30), 256);
  assertEquals(sizeClass(257, 2 ** 30), 512);
  assertEquals(sizeClass(MIB, 2 ** 30), MIB);
  for (const bytes of [MIB + 4, 3 * MIB - 4, 100_000_004, 2 ** 29 + 4]) {
    const size = sizeClass(bytes, 2 ** 31);
    assertEquals(size >= bytes && size <= bytes * 9 / 8, true, `${bytes}`);
    assertEquals(size % 16, 0);
  }
});

Deno.test("sizeClass() stays within the largest buffer", () => {
  assertEquals(sizeClass(2 ** 31 - 16, 2 ** 31 - 1), 2 ** 31 - 16);
});

Deno.test("Pool uses a block again at once when the size class fits", () => {
  const { pool, buffers } = fakePool();
  const block = pool.take(1000);
  pool.give(block);
  assertEquals(pool.take(600) === block, true);
  assertEquals(pool.take(600) === block, false);
  assertEquals(buffers.length, 2);
});

Deno.test("Pool gives back what is unused longest when it holds more than was ever used", () => {
  const { pool, alive } = fakePool();
  const first = pool.take(100 * MIB);
  pool.give(first);
  const second = pool.take(60 * MIB);
  pool.give(second);
  // 160 MiB would be more than 1.25 times the 100 MiB that were used at once.
  assertEquals(alive().map(({ size }) => size), [60 * MIB]);
  assertEquals(pool.bytes, 60 * MIB);
});

Deno.test("Pool.trim() gives all unused blocks back, and no other", () => {
  const { pool, alive } = fakePool();
  const used = pool.take(MIB);
  for (const size of [1, 20, 20]) pool.give(pool.take(size * MIB));
  pool.trim();
  assertEquals(alive().length, 1);
  assertEquals(pool.bytes, MIB);
  assertEquals(pool.take(MIB) === used, false);
});

Deno.test("Pool keeps unused blocks within the memory limit", () => {
  const { pool, alive } = fakePool(50 * MIB);
  for (const size of [20, 24, 28]) pool.give(pool.take(size * MIB));
  assertEquals(alive().map(({ size }) => size / MIB), [28]);
});

Deno.test("Pool stays flat when a step repeats its allocations", () => {
  const { pool, buffers } = fakePool();
  const step = () => {
    const blocks = [3, 50, 8, 40].map((size) => pool.take(size * MIB));
    for (const block of blocks) pool.give(block);
  };
  step();
  const made = buffers.length;
  for (let i = 0; i < 10; i++) step();
  assertEquals(buffers.length, made);
});

Deno.test("Pool gives a step that repeats its allocations the same blocks", () => {
  const { pool } = fakePool();
  const step = () => {
    const blocks = Array.from({ length: 5 }, () => pool.take(1000));
    // Given back in another order than they were taken in.
    for (const i of [3, 0, 4, 1, 2]) pool.give(blocks[i]);
    return blocks;
  };
  const first = step();
  for (let i = 0; i < 3; i++) {
    assertEquals(step().every((block, i) => block === first[i]), true);
  }
});
