import { assertAgrees, floats, randomFloats } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

const SHAPES = [[1, 1], [5, 3], [70, 8], [3, 127], [2, 1000], [130, 64]];

for (const software of [true, false]) {
  for (
    const [name, options] of [
      ["", {}],
      [" beyond one binding", { maxBindingBytes: 8192 }],
    ] as const
  ) {
    const variant = software ? "an invocation" : "a workgroup";
    testOnWebGpu(
      `layerNorm() agrees with ${variant} a row${name}`,
      async (gpu) => {
        for (const [rows, columns] of SHAPES) {
          const layout = { rows, columns };
          const shape = [rows, columns];
          const tensors = {
            x: floats(shape, (i) => 10 + Math.sin(i * i)),
            scale: randomFloats([columns], 2),
            bias: randomFloats([columns], 3),
            residual: randomFloats(shape, 4),
            out: floats(shape, []),
            sum: floats(shape, []),
            mean: floats([rows], []),
            rstd: floats([rows], []),
          };
          for (const withResidual of [false, true]) {
            await assertAgrees(
              gpu,
              tensors,
              (backend, { residual, sum, ...views }) =>
                backend.layerNorm({
                  ...views,
                  residual: withResidual ? residual : undefined,
                  sum: withResidual ? sum : undefined,
                  epsilon: 1e-5,
                }, layout),
              { relative: 1e-5, absolute: 1e-4 },
            );
          }
        }
      },
      options,
      { software },
    );

    testOnWebGpu(
      `layerNormBackward() agrees with ${variant} a row${name}`,
      async (gpu) => {
        for (const [rows, columns] of SHAPES) {
          const shape = [rows, columns];
          await assertAgrees(
            gpu,
            {
              x: randomFloats(shape, 1),
              dy: randomFloats(shape, 2),
              scale: randomFloats([columns], 3),
              mean: randomFloats([rows], 4),
              rstd: floats([rows], (i) => 0.5 + i % 3),
              dx: floats(shape, []),
              dScale: floats([columns], []),
              dBias: floats([columns], []),
            },
            (backend, views) =>
              backend.layerNormBackward(views, { rows, columns }),
            { relative: 1e-5, absolute: 1e-4 },
          );
        }
      },
      options,
      { software },
    );
  }
}

testOnWebGpu("layerNorm() of rows of equal numbers agrees", async (gpu) => {
  for (const columns of [5, 40, 43]) {
    await assertAgrees(
      gpu,
      {
        x: floats([2, columns], () => 1e4),
        scale: randomFloats([columns], 2),
        bias: randomFloats([columns], 3),
        out: floats([2, columns], []),
        mean: floats([2], []),
        rstd: floats([2], []),
      },
      (backend, views) =>
        backend.layerNorm(
          { ...views, residual: undefined, sum: undefined, epsilon: 1e-5 },
          { rows: 2, columns },
        ),
      { relative: 1e-5, absolute: 1e-5 },
    );
  }
});
