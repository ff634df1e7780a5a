import { chain, type Compressor, nm, quantize, topK } from "@cram/compress";
import { mul, openDevice, square, sum, tensor } from "@cram/tensor";
import { assertEquals } from "@std/assert";
import { cram } from "./cram.ts";
import { gradualPruning } from "./gradual_pruning.ts";
import type { OptimizerRule } from "./optimizer.ts";
import { sam } from "./sam.ts";
import { sgd } from "./sgd.ts";

/** The sparsity that an optimizer tells of after each of some steps, from 0. */
async function sparsitiesOf(
  rule: OptimizerRule,
  steps: number,
): Promise<number[]> {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const theta = tensor(device, [[1, 2], [3, 4]]);
  using optimizer = rule.start([theta]);
  const told = [optimizer.sparsity];
  for (let step = 0; step < steps; step++) {
    await optimizer.step(() => ({
      value: sum(square(theta)),
      gradients: [mul(theta, 2)],
    }), { learningRate: 0.01 });
    told.push(optimizer.sparsity);
  }
  return told;
}

Deno.test("Optimizer.sparsity is that of the compressor of the last step", async () => {
  const base = sgd();
  assertEquals(await sparsitiesOf(base, 1), [0, 0]);
  assertEquals(await sparsitiesOf(sam({ base }), 1), [0, 0]);
  const compressed: number[] = [];
  const watched = [0.25, 0.5, 0.75].map((sparsity): Compressor => ({
    ...topK(sparsity),
    compress(weights, known) {
      compressed.push(sparsity);
      return topK(sparsity).compress(weights, known);
    },
  }));
  const told = await sparsitiesOf(cram({ base, compressors: watched }), 12);
  assertEquals(told, [0, ...compressed]);
  assertEquals(new Set(compressed).size, 3);
  const cases: [Compressor, number][] = [
    [nm(1, 4), 0.75],
    [quantize({ bits: 4 }), 0],
    [chain(topK(0.25), nm(2, 4), quantize({ bits: 4 })), 0.5],
  ];
  for (const [compressor, sparsity] of cases) {
    const rule = cram({ base, compressors: [compressor] });
    assertEquals(await sparsitiesOf(rule, 1), [0, sparsity]);
  }
});

Deno.test("Optimizer.sparsity is that of the weights in gradual pruning", async () => {
  const rule = gradualPruning({
    base: sgd(),
    sparsity: (steps) => steps / 10,
    every: 2,
  });
  assertEquals(await sparsitiesOf(rule, 5), [0, 0, 0.2, 0.2, 0.4, 0.4]);
});
