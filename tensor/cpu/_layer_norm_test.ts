import { againstReference, noise } from "./_against_reference.ts";

const SHAPES: readonly (readonly [rows: number, columns: number])[] = [
  [1, 1],
  [3, 2],
  [5, 4],
  [7, 131],
  [2, 5003],
  [1500, 33],
];

for (const hasResidual of [false, true]) {
  const name = hasResidual ? "with a residual" : "without residual";

  Deno.test(`layerNorm() of the cpu device agrees ${name}`, async () => {
    await againstReference((stage) => {
      for (const [rows, columns] of SHAPES) {
        const shape = [rows, columns];
        stage.backend.layerNorm({
          x: stage.input(shape, noise(rows * columns, 2)),
          residual: hasResidual
            ? stage.input(shape, noise(rows * columns, 1, 2))
            : undefined,
          scale: stage.input([columns], noise(columns, 2, 3)),
          bias: stage.input([columns], noise(columns, 1, 4)),
          out: stage.output(shape),
          sum: hasResidual ? stage.output(shape) : undefined,
          mean: stage.output([rows]),
          rstd: stage.output([rows]),
          epsilon: 1e-5,
        }, { rows, columns });
      }
    }, { relative: 2e-6, absolute: 2e-6 });
  });
}

Deno.test("layerNorm() of the cpu device keeps digits when the mean is much larger than the deviation", async () => {
  await againstReference((stage) => {
    const [rows, columns] = [6, 770];
    const x = noise(rows * columns).map((v, i) =>
      v + 10 ** Math.floor(i / columns)
    );
    stage.backend.layerNorm({
      x: stage.input([rows, columns], x),
      residual: undefined,
      scale: stage.input([columns], [1]),
      bias: stage.input([columns], [0]),
      out: stage.output([rows, columns]),
      sum: undefined,
      mean: stage.output([rows]),
      rstd: stage.output([rows]),
      epsilon: 1e-5,
    }, { rows, columns });
  }, { relative: 2e-6, absolute: 2e-6 });
});

Deno.test("layerNormBackward() of the cpu device agrees", async () => {
  await againstReference((stage) => {
    for (const [rows, columns] of SHAPES) {
      const shape = [rows, columns];
      stage.backend.layerNormBackward({
        x: stage.input(shape, noise(rows * columns, 2)),
        dy: stage.input(shape, noise(rows * columns, 1, 9)),
        scale: stage.input([columns], noise(columns, 2, 3)),
        mean: stage.input([rows], noise(rows, 0.1, 6)),
        rstd: stage.input([rows], noise(rows, 1, 7).map(Math.abs)),
        dx: stage.output(shape),
        dScale: stage.output([columns]),
        dBias: stage.output([columns]),
      }, { rows, columns });
    }
  }, { relative: 3e-6, absolute: 2e-5 });
});
