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

Deno.test("BindGroupCache.forget() drops the groups of a block and no others", () => {
  const { cache, made } = fakeCache();
  const [uniforms, x, y] = [blockOf(16), blockOf(4096), blockOf(4096)];
  cache.get(PIPELINE, uniforms, planOf(x, 0, 512));
  cache.get(PIPELINE, uniforms, planOf(y, 0, 512));
  cache.forget(x);
  assertEquals(cache.size, 1);
  assertEquals(uniforms.bindGroups.size, 1);
  cache.get(PIPELINE, uniforms, planOf(y, 0, 512));
  assertEquals(made.length, 2);
});

Deno.test("BindGroupCache keeps a bounded number of groups, the last used ones", () => {
  const { cache, made } = fakeCache();
  const block = blockOf(4096);
  const uniforms = Array.from({ length: 8193 }, () => blockOf(16));
  const get = (i: number) =>
    cache.get(PIPELINE, uniforms[i], planOf(block, 0, 16));
  for (let i = 0; i < 8192; i++) get(i);
  get(0);
  get(8192);
  assertEquals(cache.size, 8192);
  get(0);
  assertEquals(made.length, 8193);
  get(1);
  assertEquals(made.length, 8194);
});
