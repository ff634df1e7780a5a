import { assertAgrees, floats, integers, randomFloats } from "./_compare.ts";
import { INDEXED_LAYOUTS, someIndices } from "./_indexed_cases.ts";
import { testOnWebGpu } from "./_testing.ts";

for (const options of [{}, { maxBindingBytes: 256 }]) {
  const where = "maxBindingBytes" in options ? " beyond one binding" : "";
  testOnWebGpu(`scatterAdd() adds rows by index${where}`, async (gpu) => {
    for (const layout of INDEXED_LAYOUTS) {
      const { outer, length, inner, count } = layout;
      const updates = randomFloats([outer, count, inner], 1);
      const out = randomFloats([outer, length, inner], 2);
      for (const dtype of ["float32", "int32"] as const) {
        await assertAgrees(
          gpu,
          {
            indices: integers([count], someIndices(layout)),
            updates: { ...updates, dtype },
            out: { ...out, dtype },
          },
          (backend, { indices, updates, out }) =>
            backend.scatterAdd(indices, updates, out, layout),
          { relative: 1e-6, absolute: 1e-5 },
        );
      }
    }
  }, options);
}

testOnWebGpu("scatterAdd() adds in ascending order", async (gpu) => {
  const count = 3000;
  // In float32, only this order gives what it gives.
  const layout = { outer: 1, length: 3, inner: 1, count };
  const steps = [2 ** 24, 1, -(2 ** 24), 1];
  await assertAgrees(
    gpu,
    {
      indices: integers([count], (i) => Math.floor(i / 4) % 3),
      updates: floats([count], (i) => steps[i % 4]),
      out: floats([3], [0, 0, 0]),
    },
    (backend, { indices, updates, out }) =>
      backend.scatterAdd(indices, updates, out, layout),
  );
});

testOnWebGpu("scatterAdd() runs more than 65,535 workgroups", async (gpu) => {
  const layout = { outer: 1, length: 1000, inner: 1, count: 65_536 * 64 + 1 };
  await assertAgrees(
    gpu,
    {
      indices: integers([layout.count], (i) => i * 7 % 1001),
      updates: integers([layout.count], (i) => i),
      out: integers([1000], (i) => i),
    },
    (backend, { indices, updates, out }) =>
      backend.scatterAdd(indices, updates, out, layout),
  );
});
