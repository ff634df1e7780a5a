import {
  assertAgrees,
  floats,
  integers,
  randomFloats,
  type TestTensor,
} from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

/** One row, channels that are vectors or not, few and many rows. */
const SHAPES = [[1, 3], [7, 1], [50, 5], [1100, 8], [33, 130], [2100, 3]];
const FLAGS = [[false, false], [true, false], [false, true], [true, true]];

/** Values with a mean far from 0, which must not cost digits. */
function far(shape: readonly number[]): TestTensor {
  return floats(shape, (i) => 100 + Math.sin(i * i));
}

for (
  const [name, options, traits] of [
    ["", {}, {}],
    [" cut for hardware", {}, { software: false }],
    [" beyond one binding", { maxBindingBytes: 8192 }, {}],
  ] as const
) {
  testOnWebGpu(
    `batchNormTraining() agrees${name}`,
    async (gpu) => {
      for (const [rows, columns] of SHAPES) {
        const shape = [rows, columns];
        const tensors = {
          x: far(shape),
          residual: randomFloats(shape, 2),
          scale: randomFloats([columns], 3),
          bias: randomFloats([columns], 4),
          out: floats(shape, []),
          mean: floats([columns], []),
          rstd: floats([columns], []),
          runningMean: randomFloats([columns], 5),
          runningVariance: floats([columns], () => 2),
        };
        for (const [relu, withResidual] of FLAGS) {
          await assertAgrees(
            gpu,
            tensors,
            (backend, { runningMean, runningVariance, ...views }) =>
              backend.batchNormTraining({
                ...views,
                residual: withResidual ? views.residual : undefined,
                running: relu
                  ? {
                    mean: runningMean,
                    variance: runningVariance,
                    momentum: 0.1,
                  }
                  : undefined,
                epsilon: 1e-5,
                relu,
              }, { rows, columns }),
            { relative: 2e-5, absolute: 2e-4 },
          );
        }
      }
    },
    options,
    traits,
  );

  testOnWebGpu(
    `batchNormBackward() agrees${name}`,
    async (gpu) => {
      for (const [rows, columns] of SHAPES) {
        const shape = [rows, columns];
        const tensors = {
          x: randomFloats(shape, 1),
          y: randomFloats(shape, 2),
          dy: randomFloats(shape, 3),
          scale: randomFloats([columns], 4),
          mean: randomFloats([columns], 5),
          rstd: floats([columns], (i) => 0.5 + i % 3),
          dx: floats(shape, []),
          dScale: floats([columns], []),
          dBias: floats([columns], []),
          dResidual: floats(shape, []),
        };
        for (const [relu, withResidual] of FLAGS) {
          await assertAgrees(
            gpu,
            tensors,
            (backend, { y, dResidual, ...views }) =>
              backend.batchNormBackward({
                ...views,
                y: relu ? y : undefined,
                dResidual: withResidual ? dResidual : undefined,
              }, { rows, columns }),
            { relative: 1e-5, absolute: 1e-6 * rows + 1e-4 },
          );
        }
      }
    },
    options,
    traits,
  );

  testOnWebGpu(
    `batchNormInference() agrees${name}`,
    async (gpu) => {
      for (const [rows, columns] of SHAPES) {
        const shape = [rows, columns];
        const tensors = {
          x: randomFloats(shape, 1),
          residual: randomFloats(shape, 2),
          scale: randomFloats([columns], 3),
          bias: randomFloats([columns], 4),
          out: floats(shape, []),
          mean: randomFloats([columns], 5),
          variance: floats([columns], (i) => i % 3),
        };
        for (const [relu, withResidual] of FLAGS) {
          await assertAgrees(
            gpu,
            tensors,
            (backend, views) =>
              backend.batchNormInference({
                ...views,
                residual: withResidual ? views.residual : undefined,
                epsilon: 1e-3,
                relu,
              }, { rows, columns }),
            { relative: 1e-5, absolute: 1e-4 },
          );
        }
      }
    },
    options,
    traits,
  );
}

testOnWebGpu(
  "batchNormBackward() takes NaN for negative behind a ReLU",
  async (gpu) => {
    const list = [1, NaN, -1, 0];
    await assertAgrees(
      gpu,
      {
        x: randomFloats([4, 4], 1),
        y: floats([4, 4], (i) => list[i % 4]),
        dy: integers([4, 4], (i) => i),
        scale: randomFloats([4], 2),
        mean: randomFloats([4], 3),
        rstd: floats([4], () => 1),
        dx: floats([4, 4], []),
        dScale: floats([4], []),
        dBias: floats([4], []),
        dResidual: floats([4, 4], []),
      },
      (backend, views) =>
        backend.batchNormBackward(
          { ...views, dy: { ...views.dy, dtype: "float32" } },
          { rows: 4, columns: 4 },
        ),
      { relative: 1e-5, absolute: 1e-5 },
    );
  },
);
