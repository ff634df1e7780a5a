import { assert } from "@std/assert";
import type { SgdUpdate } from "../flat_kernels.ts";
import {
  assertAgrees,
  floats,
  randomFloats,
  type TestTensor,
  type Tolerance,
} from "./_compare.ts";
import { testOnWebGpu, valuesOf, viewOfValues } from "./_testing.ts";

const CLOSE: Tolerance = { relative: 1e-5, absolute: 1e-6 };

/** A size that is no multiple of 4, and more than one workgroup. */
const SIZE = 1021;

/** Numbers of one seed, at an offset that is no multiple of 16 bytes if `shifted`. */
function vector(seed: number, shifted: boolean): TestTensor {
  return { ...randomFloats([SIZE], seed), byteOffset: shifted ? 4 * seed : 0 };
}

/** As {@linkcode vector}, but positive. */
function positive(seed: number, shifted: boolean): TestTensor {
  const { values, ...rest } = vector(seed, shifted);
  return { ...rest, values: Array.from(values, Math.abs) };
}

const scale = floats([], [0.3]);

for (
  const [where, shifted, options] of [
    ["", false, {}],
    [" on views", true, {}],
    [" on operands larger than one binding", false, { maxBindingBytes: 1024 }],
    [" on views larger than one binding", true, { maxBindingBytes: 1024 }],
  ] as const
) {
  testOnWebGpu(`perturb() agrees${where}`, async (gpu) => {
    for (const adaptive of [false, true]) {
      for (const onDevice of [false, true]) {
        await assertAgrees(
          gpu,
          {
            parameter: vector(1, shifted),
            gradient: vector(2, shifted),
            saved: vector(3, shifted),
            scale,
          },
          (backend, { parameter, gradient, saved, scale }) =>
            backend.perturb(
              parameter,
              gradient,
              saved,
              onDevice ? scale : 0.3,
              adaptive,
            ),
          CLOSE,
        );
      }
    }
  }, options);

  testOnWebGpu(`maskedAdd() agrees${where}`, async (gpu) => {
    const mask: TestTensor = {
      ...floats([SIZE], (i) => Number(i % 3 === 1)),
      dtype: "bool",
    };
    const x = vector(2, shifted);
    await assertAgrees(
      gpu,
      {
        target: vector(1, shifted),
        // Where the mask is 0 even a NaN must not count.
        x: { ...x, values: Array.from(x.values, (w, i) => i % 6 ? w : NaN) },
        mask,
      },
      (backend, { target, x, mask }) => backend.maskedAdd(target, x, mask),
      CLOSE,
    );
  }, options);

  testOnWebGpu(`sgdStep() agrees${where}`, async (gpu) => {
    const plain: SgdUpdate = {
      learningRate: 0.1,
      momentum: 0,
      dampening: 0,
      nesterov: false,
      weightDecay: 0,
      first: false,
    };
    const updates: readonly SgdUpdate[] = [
      plain,
      { ...plain, weightDecay: 0.01 },
      { ...plain, momentum: 0.9 },
      { ...plain, momentum: 0.9, dampening: 0.2, weightDecay: 0.1 },
      { ...plain, momentum: 0.9, nesterov: true },
      { ...plain, momentum: 0.9, dampening: 0.5, first: true },
      { ...plain, momentum: 0.9, nesterov: true, first: true },
    ];
    for (const update of updates) {
      for (const onDevice of [false, true]) {
        const velocity = update.first
          ? { ...floats([SIZE], () => NaN), byteOffset: shifted ? 12 : 0 }
          : vector(3, shifted);
        await assertAgrees(
          gpu,
          {
            parameter: vector(1, shifted),
            gradient: vector(2, shifted),
            velocity,
            out: vector(4, shifted),
            scale,
          },
          (backend, { parameter, gradient, velocity, out, scale }) =>
            backend.sgdStep(
              parameter,
              gradient,
              update.momentum === 0 ? undefined : velocity,
              out,
              onDevice ? scale : 0.3,
              update,
            ),
          CLOSE,
        );
      }
    }
  }, options);

  testOnWebGpu(`adamStep() agrees${where}`, async (gpu) => {
    for (const decoupled of [false, true]) {
      for (const [step, weightDecay] of [[1, 0], [7, 0.1], [100_000, 0.01]]) {
        for (const onDevice of [false, true]) {
          await assertAgrees(
            gpu,
            {
              parameter: vector(1, shifted),
              gradient: vector(2, shifted),
              mean: vector(3, shifted),
              square: positive(4, shifted),
              out: vector(5, shifted),
              scale,
            },
            (backend, { parameter, gradient, mean, square, out, scale }) =>
              backend.adamStep(
                parameter,
                gradient,
                mean,
                square,
                out,
                onDevice ? scale : 0.3,
                {
                  learningRate: 0.01,
                  beta1: 0.9,
                  beta2: 0.999,
                  epsilon: 1e-8,
                  weightDecay,
                  decoupled,
                  step,
                },
              ),
            CLOSE,
          );
        }
      }
    }
  }, options);
}

testOnWebGpu("sgdStep() and adamStep() write in place", async (gpu) => {
  await assertAgrees(
    gpu,
    {
      parameter: vector(1, true),
      gradient: vector(2, true),
      mean: floats([SIZE], () => 0),
      square: floats([SIZE], () => 0),
    },
    (backend, { parameter, gradient, mean, square }) => {
      backend.sgdStep(parameter, gradient, undefined, parameter, 1, {
        learningRate: 0.1,
        momentum: 0,
        dampening: 0,
        nesterov: false,
        weightDecay: 0,
        first: true,
      });
      backend.adamStep(parameter, gradient, mean, square, parameter, 1, {
        learningRate: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0.1,
        decoupled: true,
        step: 1,
      });
    },
    CLOSE,
  );
});

testOnWebGpu("sgdStep() lets NaN and infinities through", async (gpu) => {
  await assertAgrees(
    gpu,
    {
      parameter: floats([6], [1, NaN, 2, Infinity, -3, 0]),
      gradient: floats([6], [NaN, 1, Infinity, 0, -Infinity, 0]),
    },
    (backend, { parameter, gradient }) =>
      backend.sgdStep(parameter, gradient, undefined, parameter, 1, {
        learningRate: 0.1,
        momentum: 0,
        dampening: 0,
        nesterov: false,
        weightDecay: 0,
        first: true,
      }),
  );
});

testOnWebGpu("perturb() runs more than 65,535 workgroups", async (gpu) => {
  const size = 65_536 * 256 + 5;
  const values = Float32Array.from({ length: size }, (_, i) => i % 8);
  const parameter = viewOfValues(gpu.runtime, values);
  const saved = viewOfValues(gpu.runtime, new Float32Array(size));
  gpu.perturb(parameter, parameter, saved, 0.5, false);
  const sums = await valuesOf(gpu.runtime, parameter);
  assert(sums.every((sum, i) => sum === values[i] * 1.5));
  const before = await valuesOf(gpu.runtime, saved);
  assert(before.every((value, i) => value === values[i]));
});
