import { openDevice, tensor } from "@cram/tensor";
import { assertAlmostEquals } from "@std/assert";
import { spanLoss } from "./span_loss.ts";

/** The loss of one position by its formula. */
function crossEntropy(logits: readonly number[], position: number): number {
  const total = logits.reduce((sum, x) => sum + Math.exp(x), 0);
  return Math.log(total) - logits[position];
}

const START = [[1, 2, 0], [0, -1, 3]];
const END = [[0, 1, 1], [2, 2, -2]];

async function loss(start: number[], end: number[]): Promise<number> {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const labels = [start, end].map((list) =>
    tensor(device, list, { dtype: "int32" })
  );
  return await spanLoss(
    { start: tensor(device, START), end: tensor(device, END) },
    { start: labels[0], end: labels[1] },
  ).item();
}

Deno.test("spanLoss() is the mean over starts and ends", async () => {
  const starts = (crossEntropy(START[0], 1) + crossEntropy(START[1], 2)) / 2;
  const ends = (crossEntropy(END[0], 2) + crossEntropy(END[1], 0)) / 2;
  const value = await loss([1, 2], [2, 0]);
  assertAlmostEquals(value, (starts + ends) / 2, 1e-6);
});

Deno.test("spanLoss() leaves out positions behind the sequence, and takes 0 for those before it", async () => {
  const value = await loss([3, 99], [-1, 3]);
  assertAlmostEquals(value, NaN);
  const starts = crossEntropy(START[0], 0);
  const ends = (crossEntropy(END[0], 0) + crossEntropy(END[1], 1)) / 2;
  assertAlmostEquals(
    await loss([-5, 99], [-1, 1]),
    (starts + ends) / 2,
    1e-6,
  );
});
