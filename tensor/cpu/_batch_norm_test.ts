import { againstReference, noise } from "./_against_reference.ts";

const SHAPES: readonly (readonly [rows: number, columns: number])[] = [
  [1, 1],
  [1, 5],
  [2, 4],
  [7, 3],
  [130, 67],
  [5, 1030],
  [2000, 16],
];

const KINDS = [
  { relu: false, hasResidual: false },
  { relu: true, hasResidual: false },
  { relu: false, hasResidual: true },
  { relu: true, hasResidual: true },
];

for (const { relu, hasResidual } of KINDS) {
  const name = `${relu ? "with" : "without"} ReLU and ${
    hasResidual ? "with" : "without"
  } residual`;

  Deno.test(`batchNormTraining() of the cpu device agrees ${name}`, async () => {
    await againstReference((stage) => {
      for (const [rows, columns] of SHAPES) {
        const shape = [rows, columns];
        const residual = hasResidual
          ? stage.input(shape, noise(rows * columns, 1, 5))
          : undefined;
        const running = {
          mean: stage.output([columns]),
          variance: stage.output([columns]),
          momentum: 0.1,
        };
        stage.backend.fill(running.mean, 2);
        stage.backend.fill(running.variance, 3);
        stage.backend.batchNormTraining({
          x: stage.input(shape, noise(rows * columns, 2)),
          scale: stage.input([columns], noise(columns, 2, 3)),
          bias: stage.input([columns], noise(columns, 1, 4)),
          residual,
          out: stage.output(shape),
          mean: stage.output([columns]),
          rstd: stage.output([columns]),
          running: hasResidual ? undefined : running,
          epsilon: 1e-5,
          relu,
        }, { rows, columns });
      }
    }, { relative: 3e-6, absolute: 2e-6 });
  });

  Deno.test(`batchNormInference() of the cpu device agrees ${name}`, async () => {
    await againstReference((stage) => {
      for (const [rows, columns] of SHAPES) {
        const shape = [rows, columns];
        stage.backend.batchNormInference({
          x: stage.input(shape, noise(rows * columns, 2)),
          scale: stage.input([columns], noise(columns, 2, 3)),
          bias: stage.input([columns], noise(columns, 1, 4)),
          residual: hasResidual
            ? stage.input(shape, noise(rows * columns, 1, 5))
            : undefined,
          out: stage.output(shape),
          mean: stage.input([columns], noise(columns, 1, 6)),
          variance: stage.input([columns], noise(columns, 1, 7).map(Math.abs)),
          epsilon: 1e-3,
          relu,
        }, { rows, columns });
      }
    }, { relative: 1e-6, absolute: 1e-5 });
  });

  Deno.test(`batchNormBackward() of the cpu device agrees ${name}`, async () => {
    await againstReference((stage) => {
      for (const [rows, columns] of SHAPES) {
        const shape = [rows, columns];
        stage.backend.batchNormBackward({
          x: stage.input(shape, noise(rows * columns, 2)),
          y: relu ? stage.input(shape, noise(rows * columns, 1, 8)) : undefined,
          dy: stage.input(shape, noise(rows * columns, 1, 9)),
          scale: stage.input([columns], noise(columns, 2, 3)),
          mean: stage.input([columns], noise(columns, 0.1, 6)),
          rstd: stage.input([columns], noise(columns, 1, 7).map(Math.abs)),
          dx: stage.output(shape),
          dScale: stage.output([columns]),
          dBias: stage.output([columns]),
          dResidual: hasResidual ? stage.output(shape) : undefined,
        }, { rows, columns });
      }
      // Sums of so many products round by more than most of them are off.
    }, { relative: 3e-6, absolute: 5e-5 });
  });
}

Deno.test("batchNormTraining() of the cpu device keeps digits when the mean is much larger than the deviation", async () => {
  await againstReference((stage) => {
    const [rows, columns] = [3000, 6];
    const shape = [rows, columns];
    const x = noise(rows * columns).map((v, i) => v + 10 ** (i % columns));
    // The first rows are unlike all others.
    x.subarray(0, 10 * columns).fill(-40);
    stage.backend.batchNormTraining({
      x: stage.input(shape, x),
      scale: stage.input([columns], [1]),
      bias: stage.input([columns], [0]),
      residual: undefined,
      out: stage.output(shape),
      mean: stage.output([columns]),
      rstd: stage.output([columns]),
      running: undefined,
      epsilon: 1e-5,
      relu: false,
    }, { rows, columns });
  }, { relative: 3e-6, absolute: 3e-6 });
});
