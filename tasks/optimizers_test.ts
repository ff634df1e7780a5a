import {
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  optimizerOf,
  OPTIMIZERS,
  type ScheduleName,
  scheduleOf,
} from "./optimizers.ts";

const SETTINGS = {
  momentum: 0.9,
  weightDecay: 0.001,
  rho: 0.2,
  sparsities: [0.5, 0.9],
  patterns: [{ n: 2, m: 4 }],
  seed: 7n,
};

Deno.test("optimizerOf() hands the settings on", () => {
  const names = OPTIMIZERS.map((optimizer) =>
    // The seed of the draws is another one than that of the weights.
    optimizerOf({ optimizer, ...SETTINGS }).name.replace(/seed \d+/, "seed")
  );
  const base =
    "sgd(momentum 0.9, dampening 0, nesterov false, weightDecay 0.001)";
  const adam = "beta1 0.9, beta2 0.999, epsilon 1e-8, weightDecay 0.001";
  const cram =
    `base ${base}, compressors [top-k 50 %; top-k 90 %; 2:4], rho 0.2, sparseGradient true, normalize false, maskEvery 1, seed`;
  assertEquals(names, [
    base,
    `adam(${adam})`,
    `adamW(${adam})`,
    `sam(base ${base}, rho 0.2, adaptive false)`,
    `cram(${cram})`,
    `cram+(${cram})`,
  ]);
});

Deno.test("optimizerOf() draws by another seed in each run", () => {
  const name = (seed: bigint): string =>
    optimizerOf({ optimizer: "cram", ...SETTINGS, seed }).name;
  assertEquals(name(7n), name(7n));
  assertNotEquals(name(7n), name(8n));
});

Deno.test("scheduleOf() follows the named course behind the warm-up", () => {
  const rates = (
    schedule: ScheduleName,
    steps: number[],
    interval = 1,
  ): number[] => {
    const rate = scheduleOf({
      schedule,
      learningRate: 2,
      steps: 100,
      warmupSteps: 10,
      interval,
    });
    return steps.map(rate).map((rate) => +rate.toFixed(9));
  };
  assertEquals(rates("constant", [0, 9, 99]), [0.2, 2, 2]);
  assertEquals(rates("linear", [0, 10, 55]), [0.2, 2, 1]);
  assertEquals(rates("cosine", [0, 10, 55]), [0.2, 2, 1]);
  assertEquals(rates("step", [0, 39, 40, 70]), [0.2, 2, 0.2, 0.02]);
  assertEquals(rates("linear", [0, 4, 5, 59, 60], 5), [
    1,
    1,
    2,
    1,
    0.888888889,
  ]);
});

Deno.test("optimizerOf() puts SAM and CrAM around another optimizer", () => {
  const adam = "adamW(beta1 0.9, beta2 0.999, epsilon 1e-8, weightDecay 0.001)";
  for (const optimizer of ["sam", "cram", "cram+"] as const) {
    const { name } = optimizerOf({ optimizer, base: "adamw", ...SETTINGS });
    assertStringIncludes(name, `${optimizer}(base ${adam}, `);
  }
});
