import type { SoftmaxLayout } from "./_softmax.ts";
import { assertAgrees, floats, randomFloats } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

/** Rows of whole vectors and others, shorter and longer than a workgroup. */
const SHAPES = [[1, 1], [5, 3], [70, 8], [3, 127], [2, 1000], [130, 64]];
const SPECIAL = [
  ...[[1, 2, 3, -Infinity], [-Infinity, -Infinity, -Infinity, -Infinity]],
  ...[[1, Infinity, 0, 2], [NaN, 1, 2, 3], [1, 2, 3, NaN]],
  ...[[1e38, -1e38, 0, 5], [1000, 1001, 999, 1000], [0, -0, 0, 0]],
].flat();
const TOLERANCE = { relative: 1e-5, absolute: 1e-6 };

for (const software of [true, false]) {
  for (
    const [name, options] of [
      ["", {}],
      [" beyond one binding", { maxBindingBytes: 8192 }],
    ] as const
  ) {
    const variant = software ? "an invocation" : "a workgroup";
    testOnWebGpu(
      `softmax() agrees with ${variant} a row${name}`,
      async (gpu) => {
        for (const log of [true, false]) {
          for (const [rows, columns] of SHAPES) {
            const layout: SoftmaxLayout = { rows, columns, log };
            const shape = [rows, columns];
            const y = floats(shape, (i) => Math.sin(i) ** 2 * (log ? -1 : 1));
            const out = floats(shape, []);
            await assertAgrees(
              gpu,
              { x: randomFloats(shape, 1), out },
              (backend, { x, out }) => backend.softmax(x, out, layout),
              TOLERANCE,
            );
            await assertAgrees(
              gpu,
              { y, dy: randomFloats(shape, 2), out },
              (backend, { y, dy, out }) =>
                backend.softmaxBackward(y, dy, out, layout),
              { relative: 1e-5, absolute: 1e-4 },
            );
          }
        }
      },
      options,
      { software },
    );
  }
}

testOnWebGpu("softmax() of special values agrees", async (gpu) => {
  const closed = Array<number>(17).fill(-Infinity);
  const long = Array.from(
    { length: SPECIAL.length / 4 },
    (_, row) => [...closed, ...SPECIAL.slice(4 * row, 4 * row + 4), ...closed],
  );
  for (const log of [true, false]) {
    for (
      const [columns, values] of [
        ...[[4, SPECIAL], [2, SPECIAL], [1, SPECIAL]] as const,
        [38, long.flat()],
        [40, long.flatMap((row) => [...row, 0, 1])],
      ] as const
    ) {
      const shape = [values.length / columns, columns];
      await assertAgrees(
        gpu,
        { x: floats(shape, values), out: floats(shape, []) },
        (backend, { x, out }) =>
          backend.softmax(x, out, { rows: shape[0], columns, log }),
        TOLERANCE,
      );
    }
  }
});
