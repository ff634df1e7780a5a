import { assertEquals } from "@std/assert";
import { fill } from "./_fill.ts";
import { testOnWebGpu, viewOfValues } from "./_testing.ts";
import { timesInTurn } from "./_trial_clock.ts";

// With the adapter's limits there are timestamps, with the default ones there are none.
testOnWebGpu(
  "timesInTurn() tells long work from short",
  async ({ runtime }) => {
    const view = viewOfValues(runtime, new Float32Array(2 ** 16));
    const fills = (count: number) => () => {
      for (let i = 0; i < count; i++) fill(runtime, view, i);
    };
    const [short, long] = await timesInTurn(runtime, [fills(1), fills(80)], 3);
    assertEquals(
      short > 0 && long > 3 * short,
      true,
      `${short} and ${long} ms`,
    );
  },
);
