import { assertAgrees, floats, integers, randomFloats } from "./_compare.ts";
import { INDEXED_LAYOUTS, someIndices } from "./_indexed_cases.ts";
import { testOnWebGpu } from "./_testing.ts";

for (const options of [{}, { maxBindingBytes: 256 }]) {
  const where = "maxBindingBytes" in options ? " beyond one binding" : "";
  testOnWebGpu(`gather() takes rows by index${where}`, async (gpu) => {
    for (const layout of INDEXED_LAYOUTS) {
      const { outer, length, inner, count } = layout;
      const x = randomFloats([outer, length, inner], 1);
      for (const dtype of ["float32", "int32"] as const) {
        await assertAgrees(
          gpu,
          {
            x: { ...x, dtype },
            indices: integers([count], someIndices(layout)),
            out: { ...floats([outer, count, inner], []), dtype },
          },
          (backend, { x, indices, out }) =>
            backend.gather(x, indices, out, layout),
        );
      }
    }
  }, options);
}

testOnWebGpu("gather() runs more than 65,535 workgroups", async (gpu) => {
  const layout = { outer: 1, length: 7, inner: 1, count: 65_536 * 64 + 1 };
  await assertAgrees(
    gpu,
    {
      x: integers([7], (i) => i * i),
      indices: integers([layout.count], (i) => i % 7),
      out: integers([layout.count], []),
    },
    (backend, { x, indices, out }) => backend.gather(x, indices, out, layout),
  );
});
