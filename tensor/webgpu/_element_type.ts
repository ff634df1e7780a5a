/** Types of elements in WGSL. */

import type { DType } from "../dtype.ts";
import type { ElementType, StorageType } from "./_kernel.ts";

/** How kernels that compute see the elements of a dtype. */
export function elementTypeOf(dtype: DType): ElementType {
  if (dtype === "float32" || dtype === "float16") return "f32";
  return dtype === "int32" ? "i32" : "u32";
}

/** How kernels that move elements see those of a dtype. */
export function movedTypeOf(dtype: DType): "u32" | "f16" {
  return dtype === "float16" ? "f16" : "u32";
}

/** The bytes of an element in memory. */
export function elementBytes(type: StorageType): 2 | 4 {
  return type === "f16" ? 2 : 4;
}
