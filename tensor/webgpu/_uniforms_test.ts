import { assertEquals, assertThrows } from "@std/assert";
import type { Block } from "./_buffer.ts";
import type { Kernel } from "./_kernel.ts";
import { UniformCache } from "./_uniforms.ts";

const KERNEL: Kernel = {
  name: "test",
  operands: { x: { access: "read", type: "f32" } },
  uniforms: { size: "u32", shift: "i32", factor: "f32" },
  workgroupSize: 1,
  body: "",
};

function fakeCache() {
  const made: ArrayBuffer[] = [];
  const retired: Block[] = [];
  const gpu = {
    createBuffer: ({ size }: GPUBufferDescriptor) => {
      const bytes = new ArrayBuffer(size);
      made.push(bytes);
      return { size, getMappedRange: () => bytes, unmap: () => {} };
    },
  } as unknown as GPUDevice;
  const cache = new UniformCache(gpu, (block) => retired.push(block));
  return { cache, made, retired };
}

Deno.test("UniformCache.get() lays out groups, first elements and uniforms", () => {
  const { cache, made } = fakeCache();
  cache.get(KERNEL, 7, [3], { size: 2 ** 32 - 1, shift: -1, factor: 0.5 });
  assertEquals([...new Uint32Array(made[0])].slice(0, 5), [
    7,
    3,
    2 ** 32 - 1,
    2 ** 32 - 1,
    0x3f000000,
  ]);
  assertEquals(made[0].byteLength % 16, 0);
});

Deno.test("UniformCache.get() shares a block among equal numbers", () => {
  const { cache, made } = fakeCache();
  const get = (factor: number) =>
    cache.get(KERNEL, 1, [0], { size: 1, shift: 0, factor });
  const first = get(1);
  assertEquals(get(2) === first, false);
  assertEquals(get(1) === first, true);
  // Other bits, though equal by value.
  get(0);
  get(-0);
  assertEquals(made.length, 4);
});

Deno.test("UniformCache.get() retires blocks that were not used for long", () => {
  const { cache, made, retired } = fakeCache();
  const get = (size: number) =>
    cache.get(KERNEL, 1, [0], { size, shift: 0, factor: 0 });
  const first = get(0);
  for (let i = 1; i < 10_000; i++) {
    get(i);
    assertEquals(get(0) === first, true);
  }
  assertEquals(made.length, 10_000);
  assertEquals(retired.length >= 10_000 - 4096, true);
  assertEquals(new Set(retired).size, retired.length);
  assertEquals(retired.includes(first), false);
});

Deno.test("UniformCache.get() throws when a uniform is missing", () => {
  const { cache } = fakeCache();
  assertThrows(
    () => cache.get(KERNEL, 1, [0], { size: 1, shift: 0 }),
    TypeError,
    'Cannot run kernel "test": uniform "factor" is missing',
  );
});
