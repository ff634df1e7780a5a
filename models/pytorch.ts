/**
 * Weights in the order of axes that PyTorch uses.
 *
 * @module
 */

import { type Tensor, transpose } from "@cram/tensor";
import type { Module } from "./module.ts";
import type { AxisOrder } from "./variable.ts";

/** For each order of axes: how to transpose to PyTorch's, and how back. */
const PERMUTATIONS: Readonly<
  Record<
    Exclude<AxisOrder, "same">,
    { readonly to: readonly number[]; readonly from: readonly number[] }
  >
> = {
  convolution: { to: [3, 2, 0, 1], from: [2, 3, 1, 0] },
  linear: { to: [1, 0], from: [1, 0] },
};

/** Counters of batches, which PyTorch's batch normalization keeps and nobody needs. */
const COUNTER = /(^|\.)num_batches_tracked$/;

/**
 * Copies a model's tensors with the axes in PyTorch's order: convolutions
 * `[out, in, height, width]`, linear layers `[out, in]`. Names are PyTorch's
 * already.
 *
 * @param model The model.
 * @returns New tensors by name, which belong to the open scope.
 *
 * @example The stem of a ResNet
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice } from "@cram/tensor";
 * import { exportStateDict, resnet20 } from "@cram/models";
 *
 * await using device = await openDevice("reference");
 * using model = resnet20(device, { seed: 1n });
 * using scope = device.scope();
 * const state = exportStateDict(model);
 * assertEquals(state.get("conv1.weight")?.shape, [16, 3, 3, 3]);
 * ```
 */
export function exportStateDict(model: Module): Map<string, Tensor> {
  const state = new Map<string, Tensor>();
  for (const [name, { value, axisOrder }] of model.variables()) {
    state.set(
      name,
      axisOrder === "same"
        ? value.alias()
        : transpose(value, PERMUTATIONS[axisOrder].to),
    );
  }
  return state;
}

/**
 * Copies tensors with the axes in PyTorch's order into a model. Nothing is
 * changed if something does not fit. Counters named `num_batches_tracked` are
 * passed over.
 *
 * @param model The model.
 * @param state Tensors by name, on the model's device.
 * @throws {StateDictError} If names are missing or unexpected, or shapes or dtypes differ.
 *
 * @example From one model to another
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice } from "@cram/tensor";
 * import { exportStateDict, importStateDict, resnet20 } from "@cram/models";
 *
 * await using device = await openDevice("reference");
 * using a = resnet20(device, { seed: 1n });
 * using b = resnet20(device, { seed: 2n });
 * using scope = device.scope();
 * importStateDict(b, exportStateDict(a));
 * assertEquals(
 *   await b.stateDict().get("fc.bias")?.data(),
 *   await a.stateDict().get("fc.bias")?.data(),
 * );
 * ```
 */
export function importStateDict(
  model: Module,
  state: ReadonlyMap<string, Tensor>,
): void {
  const variables = model.variables();
  const converted = new Map<string, Tensor>();
  const made: Tensor[] = [];
  try {
    for (const [name, tensor] of state) {
      if (COUNTER.test(name)) continue;
      const axisOrder = variables.get(name)?.axisOrder ?? "same";
      const permutation = axisOrder === "same"
        ? undefined
        : PERMUTATIONS[axisOrder].from;
      // A tensor of another rank stays as it is, for the error that follows.
      if (permutation?.length !== tensor.rank) {
        converted.set(name, tensor);
        continue;
      }
      const transposed = transpose(tensor, permutation);
      made.push(transposed);
      converted.set(name, transposed);
    }
    model.loadStateDict(converted);
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}
