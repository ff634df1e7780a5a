import { topK } from "@cram/compress";
import { assertEquals } from "@std/assert";
import { OneShotTable } from "./one_shot_table.ts";

const METRICS = [
  { metric: "accuracy", title: "accuracy", percent: true },
  { metric: "loss", title: "loss" },
];
const compressors = [topK(0.5)];
const tune = (): Promise<void> => Promise.resolve();

Deno.test("OneShotTable aligns numbers under their names", () => {
  const table = new OneShotTable({ compressors }, METRICS);
  assertEquals(
    [
      table.header,
      table.row({
        name: "dense",
        sparsity: 0,
        metrics: { accuracy: 1, loss: 0.5 },
      }),
      table.row({
        name: "top-k 50 %",
        sparsity: 0.5,
        metrics: { accuracy: 1 / 3, loss: 12.25 },
      }),
    ].join("\n"),
    `
            sparsity  accuracy     loss
dense          0.0 %   100.0 %   0.5000
top-k 50 %    50.0 %    33.3 %  12.2500`.slice(1),
  );
});

Deno.test("OneShotTable shows how far draws differ, if there are several", () => {
  const metrics = { accuracy: 0.5, loss: 1 };
  const tuned = {
    draws: [],
    mean: { accuracy: 1, loss: 0.25 },
    deviation: { accuracy: 0.0123, loss: 0.5 },
  };
  const rows = [1, 10].flatMap((draws) => {
    const tuning = { draws, tune };
    const table = new OneShotTable({ compressors: [], tuning }, METRICS);
    return [
      table.header,
      table.row({ name: "dense", sparsity: 0, metrics, tuned }),
    ];
  });
  assertEquals(
    rows.join("\n"),
    `
        sparsity  accuracy     loss    tuned
dense      0.0 %    50.0 %   1.0000  100.0 %
        sparsity  accuracy     loss            tuned
dense      0.0 %    50.0 %   1.0000  100.00 ± 1.23 %`.slice(1),
  );
  // An evaluation that was interrupted has results without draws.
  const table = new OneShotTable({
    compressors: [],
    tuning: { draws: 1, tune },
  }, METRICS);
  assertEquals(
    table.row({ name: "dense", sparsity: 0, metrics }).trimEnd(),
    "dense      0.0 %    50.0 %   1.0000",
  );
});
