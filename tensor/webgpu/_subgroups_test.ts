import { assertEquals } from "@std/assert";
import type { Traits } from "./_runtime.ts";
import { softmax } from "./_softmax.ts";
import { probeSubgroups } from "./_subgroups.ts";
import { testOnWebGpu, Twins } from "./_testing.ts";

/** Adapters that are tested on have subgroups of these sizes. */
const SIZES = [4, 8, 16, 32, 64];

testOnWebGpu(
  "probeSubgroups() finds the size of subgroups, if that is the only one",
  async ({ runtime: { gpu, traits } }) => {
    const { subgroups } = traits;
    const size = subgroups?.size ?? 8;
    const sizes = { subgroupMinSize: size, subgroupMaxSize: size };
    assertEquals(await probeSubgroups(gpu, sizes), subgroups);
    if (subgroups !== undefined) assertEquals(SIZES.includes(size), true);
    // What an adapter says of itself is not believed.
    const wrong = { subgroupMinSize: size / 2, subgroupMaxSize: size / 2 };
    assertEquals(await probeSubgroups(gpu, wrong), undefined);
    const several = { subgroupMinSize: size, subgroupMaxSize: 2 * size };
    assertEquals(await probeSubgroups(gpu, several), undefined);
  },
  { limits: "native" },
  { software: false },
);

testOnWebGpu(
  "rows are shared by subgroups where there are some",
  async ({ runtime, info }) => {
    const { subgroups } = runtime.traits;
    assertEquals(subgroups !== undefined, info.features.includes("subgroups"));
    const twins = new Twins(runtime);
    const x = twins.random([5, 1000]);
    const out = twins.output([5, 1000]);
    const layout = { rows: 5, columns: 1000, log: true };
    twins.reference.softmax(x.reference, out.reference, layout);
    softmax(runtime, x.gpu, out.gpu, layout);
    await twins.assertClose(out, 2e-6, "softmax");
  },
  {},
  { software: false } satisfies Partial<Traits>,
);
