import { assertAgrees, floats, randomFloats } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";

const STATES = [
  { seedLow: 0, seedHigh: 0, streamLow: 0, streamHigh: 0 },
  {
    seedLow: 0xdeadbeef,
    seedHigh: 0xffffffff,
    streamLow: 7,
    streamHigh: 0x80000000,
  },
];

for (const options of [{}, { maxBindingBytes: 512 }]) {
  const where = "maxBindingBytes" in options ? " beyond one binding" : "";
  testOnWebGpu(`randomUniform() draws the same bits${where}`, async (gpu) => {
    for (const state of STATES) {
      for (const size of [1, 2, 3, 4, 5, 1027]) {
        await assertAgrees(
          gpu,
          { out: { ...floats([size], []), byteOffset: 4 } },
          (backend, { out }) => backend.randomUniform(out, state),
        );
      }
    }
  }, options);

  testOnWebGpu(`dropout() drops the same elements${where}`, async (gpu) => {
    const x = randomFloats([1027], 1);
    for (const rate of [0, 0.1, 0.5, 0.999]) {
      await assertAgrees(
        gpu,
        { x, out: x },
        (backend, { x, out }) => backend.dropout(x, out, rate, STATES[1]),
      );
    }
  }, options);
}

testOnWebGpu("dropout() drops infinities and NaN too", async (gpu) => {
  const x = floats([40], (i) => [Infinity, NaN][i % 2]);
  await assertAgrees(
    gpu,
    { x, out: x },
    (backend, { x, out }) => backend.dropout(x, out, 0.5, STATES[0]),
  );
});
