import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import type { GemmSizes } from "./_gemm_choice.ts";
import type { GemmFlags, GemmSource } from "./_gemm_kernel.ts";
import { flagsNumber, gemmName, GemmPlans } from "./_gemm_plans.ts";

const FLAGS: GemmFlags = {
  aAlong: "k",
  aVector: true,
  aMasked: false,
  bAlong: "n",
  bVector: true,
  outVector: true,
  even: true,
  half: false,
  bias: true,
  activation: "relu",
  preActivation: true,
};
const SIZES: GemmSizes = {
  ...{ problems: 1, m: 64, n: 64, rowsAlike: 64, segments: 1, length: 64 },
};
const SOURCE: GemmSource = { name: "a", uniforms: {}, declarations: "" };

const plans = () =>
  new GemmPlans({
    software: true,
    vectorLanes: 8,
    busyGroups: 8,
    maxInvocations: 256,
    maxWorkgroupBytes: 16384,
  });

Deno.test("flagsNumber() is different for all flags", () => {
  const numbers = new Set<number>();
  const others: Partial<GemmFlags>[] = [
    { aAlong: "m" },
    { bAlong: "k" },
    { aVector: false },
    { aMasked: true },
    { bVector: false },
    { outVector: false },
    { even: false },
    { half: true },
    { bias: false },
    { preActivation: false },
  ];
  const activations = [undefined, "relu", "gelu", "geluTanh", "tanh"] as const;
  for (let subset = 0; subset < 2 ** others.length; subset++) {
    const changes = others.filter((_, i) => subset >> i & 1);
    for (const activation of activations) {
      numbers.add(
        flagsNumber(Object.assign({}, FLAGS, ...changes, { activation })),
      );
    }
  }
  assertEquals(numbers.size, 5 * 2 ** others.length);
});

Deno.test("GemmPlans finds the same plan again", () => {
  const found = plans();
  const plan = found.find(SOURCE, FLAGS, SIZES);
  assertStrictEquals(found.find(SOURCE, { ...FLAGS }, { ...SIZES }), plan);
  // Another batch size takes the same kernel.
  const longer = found.find(SOURCE, FLAGS, { ...SIZES, m: 128 });
  assertStrictEquals(longer.kernel, plan.kernel);
  assertNotStrictEquals(longer, plan);
  const other = found.find({ ...SOURCE, name: "b" }, FLAGS, SIZES);
  assertNotStrictEquals(other.kernel, plan.kernel);
});

Deno.test("GemmPlans leaves what follows the sum to the kernel that adds partial results", () => {
  const sizes = { ...SIZES, m: 8, n: 8, rowsAlike: 8, length: 4096 };
  const known = plans();
  const { choice, kernel } = known.find(SOURCE, FLAGS, sizes);
  assertEquals(choice.lengthSplits > 1, true);
  assertEquals(Object.keys(kernel.operands), ["a", "b", "out"]);
  const whole = known.find(SOURCE, FLAGS, { ...sizes, whole: true });
  assertEquals(whole.choice.lengthSplits, 1);
  assertEquals("bias" in whole.kernel.operands, true);
});

Deno.test("gemmName() tells products apart that may be computed in different ways", () => {
  assertEquals(gemmName(SOURCE, FLAGS, SIZES), "a kn 1x64x64 1x64");
  assertEquals(
    gemmName(SOURCE, { ...FLAGS, aAlong: "m", half: true }, SIZES),
    "a mn float16 1x64x64 1x64",
  );
});
