/** Types of elements in WGSL. */

import type { DType } from "../dtype.ts";
import type { ElementType } from "./_kernel.ts";

/** How kernels see the elements of a dtype; 32-bit words of them if they are smaller. */
export function elementTypeOf(dtype: DType): ElementType {
  return dtype === "float32" ? "f32" : dtype === "int32" ? "i32" : "u32";
}
