/** Setting every element to one value. */

import { sizeOf } from "../shape.ts";
import type { GpuView } from "./_buffer.ts";
import { type ElementType, type Kernel, kernelFamily } from "./_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;

const fillKernel = kernelFamily((type: ElementType): Kernel => ({
  name: `fill-${type}`,
  operands: { out: { access: "read_write", type, vector: true } },
  uniforms: { size: "u32", value: type },
  workgroupSize: WORKGROUP_SIZE,
  body: `
  let i = index * 4u;
  if (i + 4u <= u.size) {
    out_store4(i, vec4<${type}>(u.value));
  } else {
    for (var j = i; j < u.size; j++) {
      out_store(j, u.value);
    }
  }`,
}));

/** `out[i] = value`. */
export function fill(runtime: Runtime, out: GpuView, value: number): void {
  const type = out.dtype === "float32"
    ? "f32"
    : out.dtype === "int32"
    ? "i32"
    : "u32";
  forRowRanges(sizeOf(out.shape), 4, runtime.binding, (start, size) => {
    runtime.run(
      fillKernel(type),
      { out: rowsOf(out, 1, start, size) },
      { size, value },
      Math.ceil(size / (4 * WORKGROUP_SIZE)),
    );
  });
}
