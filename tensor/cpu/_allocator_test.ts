import { assert, assertEquals } from "@std/assert";
import { ALIGNMENT, Allocator } from "./_allocator.ts";
import { noise } from "./_against_reference.ts";

function allocatorOf(bytes: number): Allocator {
  const allocator = new Allocator();
  allocator.give(0, bytes);
  return allocator;
}

Deno.test("Allocator takes aligned blocks until nothing is left", () => {
  const allocator = allocatorOf(256);
  assertEquals(allocator.take(1), 0);
  assertEquals(allocator.take(65), 64);
  assertEquals(allocator.take(64), 192);
  assertEquals(allocator.take(1), undefined);
});

Deno.test("Allocator takes the smallest block that fits", () => {
  const allocator = new Allocator();
  allocator.give(0, 1024);
  allocator.give(4096, 128);
  allocator.give(8192, 256);
  assertEquals(allocator.take(100), 4096);
  assertEquals(allocator.take(200), 8192);
  assertEquals(allocator.take(200), 0);
});

Deno.test("Allocator joins a block with free neighbours before and behind", () => {
  const allocator = allocatorOf(320);
  const blocks = [1, 2, 3, 4, 5].map(() => allocator.take(64)!);
  allocator.give(blocks[1], 64);
  allocator.give(blocks[3], 64);
  assertEquals(allocator.freeBlocks.length, 2);
  allocator.give(blocks[2], 64);
  assertEquals(allocator.freeBlocks, [{ start: 64, size: 192 }]);
  allocator.give(blocks[0], 64);
  allocator.give(blocks[4], 64);
  assertEquals(allocator.freeBlocks, [{ start: 0, size: 320 }]);
});

Deno.test("Allocator.freeBefore() is what a growing memory can add to", () => {
  const allocator = allocatorOf(256);
  assertEquals(allocator.freeBefore(256), 256);
  allocator.take(64);
  assertEquals(allocator.freeBefore(256), 192);
  allocator.take(192);
  assertEquals(allocator.freeBefore(256), 0);
});

Deno.test("Allocator never overlaps blocks, and joins all of them again, whatever the order", () => {
  const total = 1 << 20;
  const allocator = allocatorOf(total);
  const live = new Map<number, number>();
  const random = noise(20_000);
  for (let i = 0; i < random.length; i += 2) {
    const r = random[i] / 2 + 0.5;
    if (live.size === 0 || random[i + 1] < 0.1) {
      const size = 1 + Math.floor(r ** 4 * 50_000);
      const start = allocator.take(size);
      if (start === undefined) continue;
      assertEquals(start % ALIGNMENT, 0);
      live.set(start, size);
    } else {
      const start = [...live.keys()][Math.floor(r * (live.size - 1))];
      allocator.give(start, live.get(start)!);
      live.delete(start);
    }
    if (i % 200 === 0) assertPartition(allocator, live, total);
  }
  for (const [start, size] of live) allocator.give(start, size);
  assertEquals(allocator.freeBlocks, [{ start: 0, size: total }]);
});

/** Checks that live and free blocks together are all there is, and that no two free blocks touch. */
function assertPartition(
  allocator: Allocator,
  live: ReadonlyMap<number, number>,
  total: number,
): void {
  const blocks = [
    ...Array.from(live, ([start, size]) => ({ start, size, free: false })),
    ...allocator.freeBlocks.map((block) => ({ ...block, free: true })),
  ].sort((a, b) => a.start - b.start);
  let end = 0;
  let wasFree = false;
  for (const { start, size, free } of blocks) {
    assertEquals(start, end);
    assert(!(free && wasFree), `Free blocks touch at ${start}`);
    end = start + Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    wasFree = free;
  }
  assertEquals(end, total);
}
