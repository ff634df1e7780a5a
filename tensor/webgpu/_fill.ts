/** Setting every element to one value. */

import { type DType, dtypeInfo } from "../dtype.ts";
import { bfloat16Bits, float16Bits } from "../float16.ts";
import { sizeOf } from "../shape.ts";
import type { GpuView } from "./_buffer.ts";
import type { Kernel } from "./_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;

/** Sets words, and the lower bits of the one behind them. */
const fillKernel: Kernel = {
  name: "fill",
  operands: { out: { access: "read_write", type: "u32", vector: true } },
  uniforms: { words: "u32", rest_bits: "u32", value: "u32" },
  workgroupSize: WORKGROUP_SIZE,
  body: `
  let i = index * 4u;
  if (i + 4u <= u.words) {
    out_store4(i, vec4<u32>(u.value));
    return;
  }
  for (var j = i; j < u.words; j++) {
    out_store(j, u.value);
  }
  if (u.rest_bits > 0u && u.words - i < 4u) {
    out_store(u.words, insertBits(out_load(u.words), u.value, 0u, u.rest_bits));
  }`,
};

/** `out[i] = value`. */
export function fill(runtime: Runtime, out: GpuView, value: number): void {
  const { byteSize } = dtypeInfo(out.dtype);
  const word = wordOf(out.dtype, value);
  forRowRanges(sizeOf(out.shape), byteSize, runtime.binding, (start, size) => {
    const bytes = size * byteSize;
    runtime.run(
      fillKernel,
      { out: rowsOf(out, 1, start, size) },
      { words: Math.floor(bytes / 4), rest_bits: 8 * (bytes % 4), value: word },
      Math.ceil(bytes / (16 * WORKGROUP_SIZE)),
    );
  });
}

/** A word full of elements. */
function wordOf(dtype: DType, value: number): number {
  switch (dtype) {
    case "float32":
      return new Uint32Array(Float32Array.of(value).buffer)[0];
    case "bool":
      return Number(value !== 0);
    case "uint8":
      return (value & 0xff) * 0x01010101;
    case "float16":
      return float16Bits(value) * 0x00010001;
    case "bfloat16":
      return bfloat16Bits(value) * 0x00010001;
    default:
      return value;
  }
}
