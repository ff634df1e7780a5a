import { assertEquals } from "@std/assert";
import { findAdapter } from "./_adapter.ts";
import { testOnWebGpu } from "./_testing.ts";

testOnWebGpu(
  "openWebGpuBackend() tells what the adapter has",
  async ({ info, runtime }) => {
    const adapter = await findAdapter({});
    assertEquals(info.kind, "webgpu");
    assertEquals(info.description, adapter?.description);
    assertEquals(info.software, adapter?.software);
    assertEquals(info.maxBindingBytes % 256, 0);
    assertEquals(
      info.maxBindingBytes <= runtime.gpu.limits.maxStorageBufferBindingSize,
      true,
    );
    assertEquals(info.maxBufferBytes <= runtime.gpu.limits.maxBufferSize, true);
    assertEquals(
      info.features.every((feature) =>
        runtime.gpu.features.has(feature as GPUFeatureName)
      ),
      true,
    );
  },
);

testOnWebGpu(
  "openWebGpuBackend() keeps to smaller bindings and less memory when told to",
  ({ info }) => {
    assertEquals(info.maxBindingBytes, 4096);
    assertEquals(info.memoryLimit, 1e6);
    return Promise.resolve();
  },
  { maxBindingBytes: 4096, memoryLimit: 1e6 },
);
