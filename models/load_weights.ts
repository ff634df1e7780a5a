/**
 * Weights from files that PyTorch wrote.
 *
 * @module
 */

import type { Safetensors, Tensor } from "@cram/tensor";
import type { Module } from "./module.ts";
import { importStateDict } from "./pytorch.ts";

/**
 * Copies the tensors of a safetensors file, with PyTorch's names and order of
 * axes, into a model: weights of torchvision and timm, or what
 * `exportStateDict()` gave. Nothing is changed if something does not fit.
 *
 * @param model The model.
 * @param file The opened file. Its integers of 64 bits are passed over: models have none, and PyTorch's counters of batches are.
 * @throws {StateDictError} If names are missing or unexpected, or shapes or dtypes differ: of a classifier with another number of classes, for instance.
 * @throws {SafetensorsError} If the file has a type that tensors do not have, or got shorter.
 *
 * @example From one process to another
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { exportStateDict, loadWeights, resnet20 } from "@cram/models";
 * import {
 *   encodeSafetensors,
 *   openDevice,
 *   parseSafetensors,
 * } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using a = resnet20(device, { seed: 1n });
 * using b = resnet20(device, { seed: 2n });
 * using _scope = device.scope();
 * await using file = parseSafetensors(
 *   await encodeSafetensors(exportStateDict(a)),
 * );
 * await loadWeights(b, file);
 * assertEquals(
 *   await b.stateDict().get("fc.weight")?.data(),
 *   await a.stateDict().get("fc.weight")?.data(),
 * );
 * ```
 */
export async function loadWeights(
  model: Module,
  file: Safetensors,
): Promise<void> {
  const [variable] = model.variables().values();
  if (variable === undefined) return;
  const { device } = variable.value;
  using _scope = device.scope();
  const state = new Map<string, Tensor>();
  for (const [name, { dtype }] of file.entries) {
    if (dtype === "I64") continue;
    state.set(name, await file.tensor(device, name));
  }
  importStateDict(model, state);
}
