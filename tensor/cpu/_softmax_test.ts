import { againstReference, noise } from "./_against_reference.ts";

const SHAPES: readonly (readonly [rows: number, columns: number])[] = [
  [1, 1],
  [3, 2],
  [4, 4],
  [5, 7],
  [37, 130],
  [2, 5003],
  [3000, 33],
];

for (const log of [false, true]) {
  const name = log ? "log-softmax" : "softmax";

  Deno.test(`softmax() of the cpu device computes ${name} like the reference`, async () => {
    await againstReference((stage) => {
      for (const [rows, columns] of SHAPES) {
        for (const scale of [1, 100]) {
          const x = stage.input([rows, columns], noise(rows * columns, scale));
          const out = stage.output([rows, columns]);
          stage.backend.softmax(x, out, { rows, columns, log });
        }
      }
      // e^-200 magnifies the rounding of -200.
    }, { relative: 1e-5, absolute: log ? 1e-6 : 1e-38 });
  });

  Deno.test(`softmax() of the cpu device computes ${name} of special rows`, async () => {
    await againstReference((stage) => {
      const inf = Infinity;
      const x = [
        ...[-inf, -inf, -inf, -inf, -inf],
        ...[1, -inf, 2, -inf, 3],
        ...[1, inf, 2, -inf, 3],
        ...[1, NaN, 2, -inf, 3],
        ...[3e38, 3e38, -3e38, 0, 0],
      ];
      stage.backend.softmax(
        stage.input([5, 5], x),
        stage.output([5, 5]),
        { rows: 5, columns: 5, log },
      );
    }, { relative: 1e-6 });
  });

  Deno.test(`softmaxBackward() of the cpu device computes ${name} like the reference`, async () => {
    await againstReference((stage) => {
      for (const [rows, columns] of SHAPES) {
        const size = rows * columns;
        const y = noise(size, 0.1).map((x) => log ? x - 3 : Math.abs(x));
        stage.backend.softmaxBackward(
          stage.input([rows, columns], y),
          stage.input([rows, columns], noise(size, 1, 2)),
          stage.output([rows, columns]),
          { rows, columns, log },
        );
      }
    }, { relative: 2e-6, absolute: 2e-6 });
  });
}

for (const labelSmoothing of [0, 0.1, 1]) {
  Deno.test(`crossEntropy() and its gradient on the cpu device agree with label smoothing ${labelSmoothing}`, async () => {
    await againstReference((stage) => {
      for (const [rows, columns] of SHAPES) {
        for (const ignoreIndex of [undefined, 1, -100]) {
          const layout = { rows, columns, labelSmoothing, ignoreIndex };
          const logits = stage.input(
            [rows, columns],
            noise(rows * columns, 10),
          );
          const labels = stage.input(
            [rows],
            [0, 1, columns - 1, -1, columns, -100, 2],
            "int32",
          );
          const logSumExp = stage.output([rows]);
          stage.backend.crossEntropy(
            logits,
            labels,
            stage.output([rows]),
            logSumExp,
            layout,
          );
          stage.backend.crossEntropyBackward(
            logits,
            labels,
            logSumExp,
            stage.input([rows], noise(rows, 1, 7)),
            stage.output([rows, columns]),
            layout,
          );
        }
      }
    }, { relative: 2e-6, absolute: 2e-6 });
  });
}

Deno.test("crossEntropy() of the cpu device counts no impossible classes without smoothing", async () => {
  await againstReference((stage) => {
    stage.backend.crossEntropy(
      stage.input([2, 3], [1, -Infinity, 2, -Infinity, 0, Infinity]),
      stage.input([2], [2, 1], "int32"),
      stage.output([2]),
      stage.output([2]),
      { rows: 2, columns: 3, labelSmoothing: 0, ignoreIndex: undefined },
    );
  }, { relative: 1e-6 });
});
