import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ArgumentError, DeviceError } from "../errors.ts";
import type { TunedProduct, Tuning } from "../tuning.ts";
import type { WebGpuBackend } from "./backend.ts";
import { openWebGpuBackend } from "./backend.ts";
import { conv2dBackwardWeight } from "./_convolution.ts";
import {
  formatChoice,
  gemmCandidates,
  type GemmSizes,
} from "./_gemm_choice.ts";
import { matmul } from "./_matmul.ts";
import { testOnWebGpu, Twins } from "./_testing.ts";

function layoutOf(m: number, n: number, k: number, transposed: number) {
  return {
    ...{ batch: 1, m, n, k, aBatchStride: 0, bBatchStride: 0 },
    transposeA: (transposed & 1) === 1,
    transposeB: (transposed & 2) === 2,
    activation: undefined,
  };
}

const HARDWARE = {
  ...{ software: false, vectorLanes: 8, busyGroups: 64 },
  ...{ maxInvocations: 256, maxWorkgroupBytes: 16384 },
};
const SOFTWARE = { ...HARDWARE, software: true };

/** What tests of products run too: tiles take seconds each to compile. */
const TESTED = /^tiles (8x8 16x16|8x8 8x8|4x4 8x8) |^registers 8x8 8x8 /;

for (
  const [name, traits, options, kind] of [
    ["HARDWARE", HARDWARE, { limits: "default" }, /^/],
    ["SOFTWARE", SOFTWARE, { limits: "default" }, /^/],
    ["subgroups", { software: true }, { limits: "native" }, /^subgroups/],
  ] as const
) {
  testOnWebGpu(
    `every candidate of ${name} computes what the reference does`,
    async ({ runtime }) => {
      if (name === "subgroups" && runtime.traits.subgroups?.size !== 8) return;
      const twins = new Twins(runtime);
      // More than one of the largest tiles along rows, odd sizes, splits.
      const [m, n, k] = [131, 36, 530];
      const sizes: GemmSizes = {
        ...{ problems: 1, m, n, rowsAlike: m, segments: 1, length: k },
      };
      const seen = new Set<string>();
      const candidates = gemmCandidates(sizes, runtime.traits)
        .filter((choice) =>
          kind.test(formatChoice(choice)) && !TESTED.test(formatChoice(choice))
        );
      const trials = candidates.flatMap((choice, i) =>
        // The widest in all ways, the others in one of them each.
        (choice.columns === 16 && choice.rows === 8 ? [0, 1, 2] : [i % 4])
          .map((transposed) => [choice, transposed] as const)
      );
      for (const [choice, transposed] of trials) {
        const layout = layoutOf(m, n, k, transposed);
        const along = `${layout.transposeA ? "m" : "k"}${
          layout.transposeB ? "k" : "n"
        }`;
        runtime.gemmPlans.setTuned(
          `matmul ${along} 1x${m}x${n} 1x${k}`,
          choice,
        );
        const a = twins.random(layout.transposeA ? [k, m] : [m, k]);
        const b = twins.random(layout.transposeB ? [n, k] : [k, n]);
        const out = twins.output([m, n]);
        twins.reference.matmul(
          ...[a.reference, b.reference, out.reference, layout] as const,
          ...[undefined, undefined] as const,
        );
        matmul(
          ...[runtime, a.gpu, b.gpu, out.gpu, layout] as const,
          ...[undefined, undefined] as const,
        );
        seen.add(formatChoice(choice));
        await twins.assertClose(out, 2 ** -24 * k, formatChoice(choice));
      }
      assertEquals(seen.size, candidates.length);
      assertEquals(seen.size >= 3, true);
    },
    options,
    traits,
  );
}

testOnWebGpu(
  "a tuned gradient of weights fills rows up for the way it is computed",
  async ({ runtime }) => {
    const twins = new Twins(runtime);
    const geometry = {
      ...{ batch: 2, height: 6, width: 7, channels: 5, outChannels: 6 },
      ...{ kernelHeight: 3, kernelWidth: 3, outHeight: 6, outWidth: 7 },
      ...{ strideHeight: 1, strideWidth: 1, padTop: 1, padLeft: 1 },
      ...{ dilationHeight: 1, dilationWidth: 1, groups: 1 },
    };
    const x = twins.random([2, 6, 7, 5]);
    const dy = twins.random([2, 6, 7, 6]);
    const ways = [
      ...["tiles 4x8 16x8 2x1", "tiles 8x4 8x16 1x1"],
      ...["registers 8x4 16x4 1x1", "registers 4x8 32x2 3x1"],
    ];
    for (const way of ways) {
      const [variant, ...pairs] = way.split(" ");
      const [[rows, columns], [lanesM, lanesN], [segmentSplits, lengthSplits]] =
        pairs.map((pair) => pair.split("x").map(Number));
      runtime.gemmPlans.setTuned("conv2d-backward-weight mn 1x45x6 12x7", {
        variant: variant as "tiles" | "registers",
        rows: rows as 4 | 8,
        columns: columns as 4 | 8,
        ...{ lanesM, lanesN, segmentSplits, lengthSplits },
      });
      const out = twins.output([3, 3, 5, 6]);
      twins.reference.conv2dBackwardWeight(
        x.reference,
        dy.reference,
        out.reference,
        geometry,
      );
      conv2dBackwardWeight(runtime, x.gpu, dy.gpu, out.gpu, geometry);
      await twins.assertClose(out, 1e-5, way);
    }
  },
  { limits: "default" },
);

/** A product that has few candidates on software adapters. */
const SMALL = layoutOf(96, 4, 300, 0);
const NAME = "matmul kn 1x96x4 1x300";

function smallProduct(backend: WebGpuBackend) {
  const { runtime } = backend;
  const twins = new Twins(runtime);
  const [a, b, out] = [
    twins.random([96, 300]),
    twins.random([300, 4]),
    twins.output([96, 4]),
  ];
  return {
    run: () =>
      matmul(runtime, a.gpu, b.gpu, out.gpu, SMALL, undefined, undefined),
    read: () => runtime.read(out.gpu.buffer, 0, 4 * 96 * 4),
  };
}

/** What the tests' adapter is called. */
function waysOf({ adapters }: Tuning): Readonly<Record<string, string>> {
  const [identity] = Object.keys(adapters).filter((name) => name !== "other");
  return adapters[identity];
}

testOnWebGpu(
  "tune() tries each product once, and keeps what it finds",
  async (backend) => {
    const { run, read } = smallProduct(backend);
    const told: TunedProduct[] = [];
    const onProduct = (product: TunedProduct) => told.push(product);
    const tuning = await backend.tune(() => (run(), run()), { onProduct });
    const [product] = told;
    assertEquals([told.length, product.name, product.done, product.total], [
      ...[1, NAME, 1, 1],
    ]);
    assertEquals(product.milliseconds <= product.plainMilliseconds, true);
    assertEquals(waysOf(tuning), { [NAME]: product.way });
    // Nothing of the function ran.
    assertEquals(new Float32Array((await read()).buffer)[0], NaN);
    assertEquals(await backend.tune(run, { onProduct }), tuning);
    assertEquals(told.length, 1);
  },
  { limits: "native" },
);

testOnWebGpu(
  "a device with a tuning tries nothing again, and computes the same bits",
  async (backend) => {
    const { run, read } = smallProduct(backend);
    const tuning = await backend.tune(() => {}, {});
    const [identity] = Object.keys(tuning.adapters);
    const way = "registers 4x4 64x1 1x3";
    const other = { [NAME]: "something newer" };
    const kept: Tuning = {
      version: 1,
      adapters: { other, [identity]: { [NAME]: way } },
    };
    const bits: Uint8Array[] = [];
    for (let i = 0; i < 2; i++) {
      const tuned = await openWebGpuBackend({
        limits: "default",
        tuning: kept,
      });
      try {
        const same = smallProduct(tuned);
        const onProduct = () => {
          throw new Error("tried");
        };
        assertEquals(await tuned.tune(same.run, { onProduct }), kept);
        same.run();
        bits.push(await same.read());
      } finally {
        tuned.close();
      }
    }
    assertEquals(bits[0], bits[1]);
    // Three partial results are rounded differently from one sum.
    run();
    assertNotEquals(await read(), bits[0]);
  },
  { limits: "default" },
);

testOnWebGpu(
  "tunings with ways that the adapter does not have, and trials in a profile, are refused",
  async (backend) => {
    const { adapters } = await backend.tune(() => {}, {});
    const [identity] = Object.keys(adapters);
    const ways = { [NAME]: "tiles 8x8 128x128 1x1" };
    await assertRejects(
      () =>
        openWebGpuBackend({
          limits: "default",
          tuning: { version: 1, adapters: { [identity]: ways } },
        }),
      ArgumentError,
      `cannot compute "${NAME}" by "tiles 8x8 128x128 1x1"`,
    );
    const timer = await backend.timeKernels();
    await assertRejects(
      () => backend.tune(() => {}, {}),
      DeviceError,
      "while it is being profiled",
    );
    await timer.stop();
  },
  { limits: "default" },
);
