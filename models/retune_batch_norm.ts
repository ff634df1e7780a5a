/**
 * New running statistics for a model whose weights were changed.
 *
 * @module
 */

import { ArgumentError, assign, fullLike, type Tensor } from "@cram/tensor";
import { BatchNorm2d } from "./batch_norm.ts";
import { type ForwardContext, TRAINING } from "./forward_context.ts";
import { type Layer, Module } from "./module.ts";

/**
 * Finds the running statistics of a compressed model anew ("batch norm
 * tuning", Peste et al., ICLR 2023): they are reset to mean 0 and variance 1,
 * then each batch moves them as in training. No weight changes. The paper
 * takes 100 batches of 128 training images.
 *
 * @param model The model, whose normalizations have a momentum of 0.1 by default.
 * @param batches Inputs of the model; which part of a loader is the caller's choice. They stay the caller's.
 * @param options What is computed with.
 * @returns How many batches there were.
 * @throws {ArgumentError} If the model has no batch normalization.
 *
 * @example Two equal batches
 * ```ts
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * import { BatchNorm2d, retuneBatchNorm } from "@cram/models";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * using model = new BatchNorm2d(device, 1);
 * const batch = tensor(device, [1, 3], { shape: [2, 1, 1, 1] });
 * assertEquals(await retuneBatchNorm(model, [batch, batch]), 2);
 * assertAlmostEquals(await model.runningMean.value.item(), 0.19 * 2, 1e-6);
 * ```
 */
export async function retuneBatchNorm(
  model: Layer,
  batches: Iterable<Tensor> | AsyncIterable<Tensor>,
  { precision }: Pick<ForwardContext, "precision"> = {},
): Promise<number> {
  const layers = normalizationsOf(model);
  if (layers.length === 0) {
    throw new ArgumentError(
      "Cannot tune running statistics: the model has no batch normalization",
    );
  }
  for (const { runningMean, runningVariance } of layers) {
    reset(runningMean.value, 0);
    reset(runningVariance.value, 1);
  }
  let count = 0;
  for await (const batch of batches) {
    using _scope = batch.device.scope();
    model.forward(batch, { ...TRAINING, precision });
    count++;
  }
  return count;
}

function normalizationsOf(module: Module): BatchNorm2d[] {
  if (module instanceof BatchNorm2d) return [module];
  return Object.values(module.members()).flatMap((member) =>
    member instanceof Module ? normalizationsOf(member) : []
  );
}

function reset(statistic: Tensor, value: number): void {
  using values = fullLike(statistic, value);
  assign(statistic, values);
}
