import { openDevice, tensor } from "@cram/tensor";
import { assertEquals } from "@std/assert";
import { countHits, countTopHits } from "./classification.ts";

Deno.test("countTopHits() counts as sorting does", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const rows = Array.from(
    { length: 30 },
    (_, i) => Array.from({ length: 7 }, (_, j) => Math.sin(1 + 7 * i + 3 * j)),
  );
  const classes = rows.map((_, i) => i % 7);
  const logits = tensor(device, rows);
  const labels = tensor(device, classes, { dtype: "int32" });
  const before = device.memory.liveBytes;
  for (let k = 1; k <= 7; k++) {
    using hits = countTopHits(logits, labels, k);
    const expected = rows.filter((row, i) =>
      row.toSorted((a, b) => b - a).indexOf(row[classes[i]]) < k
    );
    assertEquals(await hits.item(), expected.length);
  }
  assertEquals(device.memory.liveBytes, before);
  using top = countTopHits(logits, labels, 1);
  assertEquals(await top.item(), await countHits(logits, labels).item());
});

Deno.test("countTopHits() does not count what is no number", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const logits = tensor(device, [[NaN, NaN, NaN], [NaN, 1, 0], [0, 1, NaN]]);
  const labels = tensor(device, [0, 1, 1], { dtype: "int32" });
  assertEquals(await countTopHits(logits, labels, 1).item(), 0);
});
