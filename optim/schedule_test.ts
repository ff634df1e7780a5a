import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "@cram/tensor";
import { constant, stepDecay, warmupCosine, warmupLinear } from "./schedule.ts";

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

Deno.test("schedules move once in an interval", () => {
  const options = { peak: 0.2, steps: 1000, warmupSteps: 50, interval: 10 };
  const rates = warmupCosine(options);
  const published = [0.04, 0.08, 0.12, 0.16, 0.2, 0.2, 0.199945];
  for (const [epoch, rate] of published.entries()) {
    assertAlmostEquals(rates(10 * epoch), rate, 1e-6);
    assertEquals(rates(10 * epoch + 9), rates(10 * epoch));
  }
});

Deno.test("stepDecay(), warmupLinear() and constant() keep to their lines", () => {
  const options = { peak: 1, steps: 10, warmupSteps: 2 };
  assertEquals(
    [0, 1, 2, 5, 6, 9].map(stepDecay({ ...options, every: 4, factor: 0.5 })),
    [0.5, 1, 1, 1, 0.5, 0.5],
  );
  assertEquals([0, 2, 6, 10].map(warmupLinear(options)), [0.5, 1, 0.5, 0]);
  assertEquals([0, 2, 99].map(constant(options)), [0.5, 1, 1]);
  assertThrows(() => stepDecay({ ...options, every: 0 }), ArgumentError, "0");
  assertThrows(
    () => constant({ ...options, interval: 0.5 }),
    ArgumentError,
    "0.5",
  );
});
