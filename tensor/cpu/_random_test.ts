import { againstReference, noise } from "./_against_reference.ts";

const STATE = {
  seedLow: 0x89abcdef,
  seedHigh: 0xfedcba98,
  streamLow: 3,
  streamHigh: 0xffffffff,
};

Deno.test("randomUniform() of the cpu device draws the same bits as the reference", async () => {
  await againstReference((stage) => {
    for (const count of [1, 2, 3, 4, 5, 15, 16, 17, 100_003]) {
      stage.backend.randomUniform(stage.output([count]), STATE);
    }
  });
});

Deno.test("dropout() of the cpu device drops the same elements as the reference", async () => {
  await againstReference((stage) => {
    for (const rate of [0, 0.1, 0.5, 2 ** -24, 1 - 2 ** -24]) {
      for (const count of [1, 7, 16, 30_001]) {
        const x = stage.input([count], [NaN, ...noise(997, 3)]);
        stage.backend.dropout(x, stage.output([count]), rate, STATE);
      }
    }
  });
});
