import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ArgumentError, DeviceError, DeviceLostError } from "../errors.ts";
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
    const { reservedBytes } = backend.runtime;
    const told: TunedProduct[] = [];
    const onProduct = (product: TunedProduct) => told.push(product);
    const tuning = await backend.tune(() => (run(), run()), { onProduct });
    assertEquals(backend.runtime.reservedBytes, reservedBytes);
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

/** A product that ways with partial results are tried for. */
const DEEP = layoutOf(16, 16, 4096, 0);

function deepProduct({ runtime }: WebGpuBackend) {
  const twins = new Twins(runtime);
  const a = twins.random([16, 4096]);
  const b = twins.random([4096, 16]);
  const out = twins.output([16, 16]);
  const none = [undefined, undefined] as const;
  return {
    run: () => matmul(runtime, a.gpu, b.gpu, out.gpu, DEEP, ...none),
    async check() {
      twins.reference.matmul(
        ...[a.reference, b.reference, out.reference, DEEP] as const,
        ...none,
      );
      matmul(runtime, a.gpu, b.gpu, out.gpu, DEEP, ...none);
      await twins.assertClose(out, 2 ** -24 * 4096, "after trials");
    },
  };
}

/** What can be wrong with shaders, each as a function that injures those with such a code. */
const FAULTS = {
  "are not compiled": (gpu: GPUDevice, isFaulty: (code: string) => boolean) => {
    gpu.createShaderModule = ({ code, ...rest }) =>
      GPUDevice.prototype.createShaderModule.call(gpu, {
        ...{ ...rest, code: isFaulty(code) ? "faulty" : code },
      });
  },
  "fail when they run": (
    gpu: GPUDevice,
    isFaulty: (code: string) => boolean,
  ) => {
    const faulty = new WeakSet<GPUShaderModule>();
    const { createShaderModule, createComputePipelineAsync } =
      GPUDevice.prototype;
    gpu.createShaderModule = (descriptor) => {
      const module = createShaderModule.call(gpu, descriptor);
      if (isFaulty(descriptor.code)) faulty.add(module);
      return module;
    };
    // It wants other buffers than it is given.
    const code = `@group(0) @binding(7) var<uniform> x: u32;
@compute @workgroup_size(1) fn main() { _ = x; }`;
    gpu.createComputePipelineAsync = (descriptor) => {
      const compute = { module: createShaderModule.call(gpu, { code }) };
      return createComputePipelineAsync.call(
        gpu,
        faulty.has(descriptor.compute.module)
          ? { layout: "auto", compute }
          : descriptor,
      );
    };
  },
};

for (const [name, injure] of Object.entries(FAULTS)) {
  testOnWebGpu(
    `tune() leaves out ways that ${name}, also the usual one`,
    async (backend) => {
      const { run, read } = smallProduct(backend);
      const products: string[] = [];
      injure(backend.runtime.gpu, (code) => {
        // Operands are filled by other kernels.
        if (!code.includes("fn a_load")) return false;
        if (!products.includes(code)) products.push(code);
        return products.indexOf(code) % 2 === 0;
      });
      const told: TunedProduct[] = [];
      await backend.tune(run, { onProduct: (product) => told.push(product) });
      assertEquals(products.length >= 2, true, `${products.length}`);
      const sizes = { problems: 1, m: 96, n: 4, rowsAlike: 96, segments: 1 };
      const { traits } = backend.runtime;
      const [plain] = gemmCandidates({ ...sizes, length: 300 }, traits);
      assertEquals(told.map(({ name }) => name), [NAME]);
      assertNotEquals(told[0].way, formatChoice(plain));
      assertEquals(told[0].milliseconds, told[0].plainMilliseconds);
      run();
      const result = new Float32Array((await read()).buffer);
      assertEquals(result.every(Number.isFinite), true);
    },
    { limits: "native" },
  );
}

testOnWebGpu(
  "tune() leaves out ways that there is no memory for, and goes on without what they left",
  async (backend) => {
    const { run, check } = deepProduct(backend);
    const { gpu } = backend.runtime;
    const { createBuffer } = gpu;
    let failed = 0;
    // Once there is none for the usual 8 partial results of 1 KiB, never for 16.
    gpu.createBuffer = (descriptor) => {
      const { size } = descriptor;
      const fails = size === 2 ** 14 || (size === 2 ** 13 && failed === 0);
      if (fails) failed++;
      return createBuffer.call(
        gpu,
        fails ? { ...descriptor, usage: 0 } : descriptor,
      );
    };
    const told: TunedProduct[] = [];
    await backend.tune(run, { onProduct: (product) => told.push(product) });
    assertEquals(failed > 1, true);
    assertEquals(told.map(({ way }) => way.endsWith("1x16")), [false]);
    gpu.createBuffer = createBuffer;
    const [name] = backend.runtime.gemmPlans.tuned.keys();
    const choice = backend.runtime.gemmPlans.tuned.get(name)!;
    backend.runtime.gemmPlans.setTuned(name, { ...choice, lengthSplits: 16 });
    await check();
  },
  { limits: "native" },
);

testOnWebGpu(
  "tune() keeps what it found before products that nothing works for",
  async (backend) => {
    const small = smallProduct(backend);
    const deep = deepProduct(backend);
    const { gpu } = backend.runtime;
    const found: string[] = [];
    const onProduct = ({ name }: TunedProduct) => {
      found.push(name);
      gpu.createShaderModule = ({ code: _, ...rest }) =>
        GPUDevice.prototype.createShaderModule.call(gpu, {
          ...{ ...rest, code: "faulty" },
        });
    };
    const tuning = await backend.tune(() => (small.run(), deep.run()), {
      onProduct,
    });
    assertEquals(Object.keys(waysOf(tuning)), [NAME]);
    assertEquals(found, [NAME]);
  },
  { limits: "native" },
);

testOnWebGpu(
  "tune() leaves no clock behind that fails",
  async (backend) => {
    const { run } = smallProduct(backend);
    const { gpu, queue } = backend.runtime;
    if (!gpu.features.has("timestamp-query")) return;
    gpu.createQuerySet = () => {
      throw new Error("there are no queries left");
    };
    assertEquals(waysOf(await backend.tune(run, {})), {});
    assertEquals(queue.observer, undefined);
  },
  { limits: "native" },
);

testOnWebGpu(
  "tune() ends with a named error when the device is lost",
  async (backend) => {
    const { run } = smallProduct(backend);
    const { gpu } = backend.runtime;
    gpu.createComputePipelineAsync = (descriptor) => {
      gpu.destroy();
      return GPUDevice.prototype.createComputePipelineAsync.call(
        ...[gpu, descriptor] as const,
      );
    };
    await assertRejects(() => backend.tune(run, {}), DeviceLostError);
  },
  { limits: "native" },
);
