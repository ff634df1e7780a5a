import { assertAgrees, floats, integers, randomFloats } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

const SHAPES = [[1, 1], [5, 3], [70, 8], [3, 127], [2, 1000], [130, 64]];
const OPTIONS = [
  { labelSmoothing: 0, ignoreIndex: undefined },
  { labelSmoothing: 0, ignoreIndex: -100 },
  { labelSmoothing: 0.1, ignoreIndex: 1 },
];
const TOLERANCE = { relative: 1e-5, absolute: 1e-5 };

for (const software of [true, false]) {
  for (
    const [name, options] of [
      ["", {}],
      [" beyond one binding", { maxBindingBytes: 8192 }],
    ] as const
  ) {
    const variant = software ? "an invocation" : "a workgroup";
    testOnWebGpu(
      `crossEntropy() agrees with ${variant} a row${name}`,
      async (gpu) => {
        for (const [rows, columns] of SHAPES) {
          const logits = randomFloats([rows, columns], 1);
          const labels = integers(
            [rows],
            (i) => i % 7 === 6 ? -100 : i % 9 === 8 ? columns : i % columns,
          );
          for (const option of OPTIONS) {
            const layout = { rows, columns, ...option };
            await assertAgrees(
              gpu,
              {
                logits,
                labels,
                losses: floats([rows], []),
                totals: floats([rows], []),
              },
              (backend, { logits, labels, losses, totals }) =>
                backend.crossEntropy(logits, labels, losses, totals, layout),
              TOLERANCE,
            );
            await assertAgrees(
              gpu,
              {
                logits,
                labels,
                totals: floats([rows], (i) => 3 + i % 5),
                dLosses: randomFloats([rows], 2),
                dLogits: floats([rows, columns], []),
              },
              (backend, { logits, labels, totals, dLosses, dLogits }) =>
                backend.crossEntropyBackward(
                  logits,
                  labels,
                  totals,
                  dLosses,
                  dLogits,
                  layout,
                ),
              TOLERANCE,
            );
          }
        }
      },
      options,
      { software },
    );
  }
}

testOnWebGpu("crossEntropy() of special logits agrees", async (gpu) => {
  const values = [
    ...[[1, 2, -Infinity], [-Infinity, -Infinity, -Infinity]],
    ...[[1, Infinity, 0], [NaN, 1, 2], [1, -Infinity, 3], [1e30, 0, 1e30]],
  ].flat();
  for (const labelSmoothing of [0, 0.1]) {
    const layout = {
      rows: 6,
      columns: 3,
      labelSmoothing,
      ignoreIndex: undefined,
    };
    await assertAgrees(
      gpu,
      {
        logits: floats([6, 3], values),
        labels: integers([6], [0, 0, 0, 1, 1, 2]),
        losses: floats([6], []),
        totals: floats([6], []),
        dLosses: randomFloats([6], 2),
        dLogits: floats([6, 3], []),
      },
      (backend, { logits, labels, losses, totals, dLosses, dLogits }) => {
        backend.crossEntropy(logits, labels, losses, totals, layout);
        backend.crossEntropyBackward(
          logits,
          labels,
          totals,
          dLosses,
          dLogits,
          layout,
        );
      },
      TOLERANCE,
    );
  }
});
