/**
 * Models in float64, as the goldens are, on the device that has it.
 *
 * @module
 */

import type { Module } from "@cram/models";
import { cast, type DType } from "@cram/tensor";

/** Casts all variables of a model that nothing else refers to yet. */
export function castModel(model: Module, dtype: DType): void {
  for (const variable of model.variables().values()) {
    using before = variable.value;
    Object.assign(variable, { value: cast(before, dtype) });
  }
}
