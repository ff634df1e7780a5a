import { assertEquals } from "@std/assert";
import { deviceOf } from "./_adapter.ts";

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
