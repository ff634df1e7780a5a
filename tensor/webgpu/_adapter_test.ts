import { assertEquals, assertRejects } from "@std/assert";
import { DeviceError } from "../errors.ts";
import { deviceOf } from "./_adapter.ts";
import { openWebGpuBackend } from "./backend.ts";

/** Asks a fake adapter for a device; returns the features of each attempt. */
async function attempts(
  listed: readonly string[],
  { has = listed, subgroupMinSize = 4, native = true },
): Promise<(readonly string[] | undefined)[]> {
  const asked: (readonly string[] | undefined)[] = [];
  const adapter = {
    info: { subgroupMinSize },
    limits: {},
    features: new Set(listed),
    requestDevice({ requiredFeatures }: GPUDeviceDescriptor) {
      asked.push(requiredFeatures);
      return requiredFeatures?.every((name) => has.includes(name)) ?? true
        ? Promise.resolve({})
        : Promise.reject(new TypeError("it has no such feature"));
    },
  };
  await deviceOf(adapter as unknown as GPUAdapter, native);
  return asked;
}

Deno.test("deviceOf() asks for the features that are of use", async () => {
  const listed = ["timestamp-query", "subgroups", "depth-clip-control"];
  assertEquals(await attempts(listed, {}), [["subgroups", "timestamp-query"]]);
  assertEquals(await attempts(listed, { native: false }), [undefined]);
});

Deno.test("deviceOf() tries subgroups that Deno does not list", async () => {
  const listed = ["shader-f16"];
  const both = ["shader-f16", "subgroups"];
  assertEquals(await attempts(listed, { has: both }), [both]);
  assertEquals(await attempts(listed, {}), [both, listed]);
  assertEquals(await attempts(listed, { subgroupMinSize: 0 }), [listed]);
});

Deno.test("a device that is lost while it is probed is destroyed, and named", async () => {
  for (const feature of ["shader-f16", "subgroups"]) {
    let destroyed = 0;
    const lost = () => {
      throw new Error("it was lost");
    };
    const gpu = {
      ...{ features: new Set([feature]), limits: {} },
      ...{ pushErrorScope() {}, createShaderModule: lost },
      destroy: () => destroyed++,
    };
    const adapter = {
      ...{ features: gpu.features, limits: {} },
      info: { device: "x", subgroupMinSize: 8, subgroupMaxSize: 8 },
      requestDevice: () => Promise.resolve(gpu),
    };
    const platform = navigator.gpu as { requestAdapter?: unknown };
    platform.requestAdapter = () => Promise.resolve(adapter);
    try {
      await assertRejects(
        () => openWebGpuBackend(),
        DeviceError,
        'Cannot open a webgpu device on "x": it was lost',
      );
    } finally {
      delete platform.requestAdapter;
    }
    assertEquals(destroyed, 1, feature);
  }
});
