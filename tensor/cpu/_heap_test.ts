import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "../errors.ts";
import { Heap } from "./_heap.ts";

const PAGE = 65_536;

function heapOf(initial: number, maximum: number): Heap {
  const memory = new WebAssembly.Memory({ initial, maximum });
  return new Heap(memory, 1000, maximum);
}

Deno.test("Heap grows, and keeps what was written before", () => {
  const heap = heapOf(1, 1024);
  const small = heap.take(100);
  heap.bytes(small, 100).fill(7);
  const large = heap.take(40 * PAGE);
  heap.bytes(large, 40 * PAGE).fill(9);
  assert(heap.bytes(small, 100).every((byte) => byte === 7));
  assert(large >= small + 100 || large + 40 * PAGE <= small);
});

Deno.test("Heap never hands out the kernels' own addresses, nor the memory's last ones", () => {
  const heap = heapOf(4, 4);
  const size = 4 * PAGE - 1024 - 64; // 1000 is rounded up to a multiple of 64
  assertEquals(heap.take(size), 1024);
  assertThrows(() => heap.take(1), OutOfMemoryError);
});

Deno.test("Heap throws OutOfMemoryError, and works on, when it cannot grow any more", () => {
  const heap = heapOf(1, 512);
  const address = heap.take(300 * PAGE);
  const error = assertThrows(() => heap.take(300 * PAGE), OutOfMemoryError);
  assert(error.message.includes(`${300 * PAGE} bytes`), error.message);
  const other = heap.take(200 * PAGE);
  heap.give(address, 300 * PAGE);
  heap.give(other, 200 * PAGE);
  heap.take(500 * PAGE);
});

Deno.test("Heap grows by what its free end lacks", () => {
  const heap = heapOf(4, 8);
  heap.take(7 * PAGE);
});

Deno.test("Heap throws OutOfMemoryError when the platform refuses to grow", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 8 });
  const heap = new Heap(memory, 0, 1024);
  assertThrows(() => heap.take(100 * PAGE), OutOfMemoryError);
});

Deno.test("Heap does not grow when blocks of the same sizes come and go", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4096 });
  const heap = new Heap(memory, 0, 4096);
  const sizes = [1e6, 3e5, 17, 4096, 2e6, 5e5, 64];
  let bytesAfterFirst = 0;
  for (let step = 0; step < 200; step++) {
    const addresses = sizes.map((size) => heap.take(size));
    // Not in the order in which they were taken.
    for (const index of [3, 0, 6, 1, 5, 2, 4]) {
      heap.give(addresses[index], sizes[index]);
    }
    bytesAfterFirst ||= memory.buffer.byteLength;
  }
  assertEquals(memory.buffer.byteLength, bytesAfterFirst);
});
