import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "@cram/tensor";
import { warmupCosine } from "./schedule.ts";

Deno.test("warmupCosine() gives the rates of the published runs when a step is an epoch", () => {
  const schedule = warmupCosine({ peak: 0.2, steps: 100, warmupSteps: 5 });
  const expected: [number, number][] = [
    [0, 0.04],
    [1, 0.08],
    [4, 0.2],
    [5, 0.2],
    [6, 0.199945],
    [50, 0.108258],
    [98, 2.186e-4],
    [99, 5.467e-5],
  ];
  for (const [epoch, rate] of expected) {
    assertAlmostEquals(schedule(epoch), rate, rate * 1e-3);
  }
});

Deno.test("warmupCosine() works without a warm-up and with nothing else", () => {
  assertEquals(warmupCosine({ peak: 2, steps: 1 })(0), 2);
  assertEquals(warmupCosine({ peak: 2, steps: 4, warmupSteps: 4 })(3), 2);
  assertAlmostEquals(warmupCosine({ peak: 2, steps: 4 })(9), 0, 1e-12);
});

Deno.test("warmupCosine() refuses lengths and rates that make no sense", () => {
  const wrong = [
    { peak: -1, steps: 1 },
    { peak: NaN, steps: 1 },
    { peak: 1, steps: 0 },
    { peak: 1, steps: 2, warmupSteps: 3 },
    { peak: 1, steps: 2, warmupSteps: -1 },
  ];
  for (const options of wrong) {
    assertThrows(() => warmupCosine(options), ArgumentError);
  }
});
