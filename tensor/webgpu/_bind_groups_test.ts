import { assertEquals } from "@std/assert";
import { BindGroupCache } from "./_bind_groups.ts";
import { Block, GpuBuffer, type GpuView } from "./_buffer.ts";
import type { Kernel } from "./_kernel.ts";
import type { Pipeline } from "./_pipeline.ts";
import { planSlots, type SlotPlan } from "./_slots.ts";

const PIPELINE = { id: 1, layout: {} } as Pipeline;

function fakeCache() {
  const made: GPUBindGroupDescriptor[] = [];
  const gpu = {
    createBindGroup: (descriptor: GPUBindGroupDescriptor) => {
      made.push(descriptor);
      return { descriptor };
    },
  } as unknown as GPUDevice;
  return { cache: new BindGroupCache(gpu, 1024), made };
}

const blockOf = (size: number) => new Block({ size } as GPUBuffer);

const KERNEL: Kernel = {
  name: "test",
  operands: { out: { access: "read_write", type: "f32" } },
  uniforms: {},
  workgroupSize: 1,
  body: "",
};

/** The plan of a dispatch that writes a range of a block, in bytes. */
function planOf(block: Block, begin: number, end: number): SlotPlan {
  const out: GpuView = {
    buffer: new GpuBuffer(block.size, block),
    byteOffset: begin,
    shape: [(end - begin) / 4],
    dtype: "float32",
  };
  return planSlots(KERNEL, { out }, { maxBindingBytes: 1024, alignment: 256 });
}

Deno.test("BindGroupCache.get() makes a group once for the same ranges", () => {
  const { cache, made } = fakeCache();
  const [uniforms, block] = [blockOf(16), blockOf(4096)];
  const first = cache.get(PIPELINE, uniforms, planOf(block, 0, 512));
  assertEquals(
    cache.get(PIPELINE, uniforms, planOf(block, 0, 512)) === first,
    true,
  );
  cache.get(PIPELINE, uniforms, planOf(block, 256, 512));
  cache.get(PIPELINE, blockOf(16), planOf(block, 0, 512));
  assertEquals(made.length, 3);
});

Deno.test("BindGroupCache.get() binds the parts of a slot one after the other", () => {
  const { cache, made } = fakeCache();
  cache.get(PIPELINE, blockOf(16), planOf(blockOf(4096), 256, 2560));
  const resources = [...made[0].entries].map(({ resource }) =>
    resource as GPUBufferBinding
  );
  assertEquals(
    resources.slice(1).map(({ offset, size }) => [offset, size]),
    [[256, 1024], [1280, 1024], [2304, 256]],
  );
});

Deno.test("BindGroupCache keeps a bounded number of groups, among them those used last", () => {
  const { cache, made } = fakeCache();
  const block = blockOf(4096);
  const uniforms = Array.from({ length: 20_000 }, () => blockOf(16));
  const get = (i: number) =>
    cache.get(PIPELINE, uniforms[i], planOf(block, 0, 16));
  for (const i of uniforms.keys()) get(i);
  assertEquals(made.length, 20_000);
  assertEquals(cache.size > 4096 && cache.size <= 8192, true);
  for (let i = 20_000 - 4096; i < 20_000; i++) get(i);
  assertEquals(made.length, 20_000);
  get(0);
  assertEquals(made.length, 20_001);
});
