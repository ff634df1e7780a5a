/** Conversions between dtypes. */

import { type DType, dtypeInfo } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { GpuView } from "./_buffer.ts";
import { FLOAT16_BITS } from "./_float16.ts";
import { type ElementType, type Kernel, kernelFamily } from "./_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;

/** `float64` is not on this device. */
type GpuDType = Exclude<DType, "float64">;

/** The type that an element's value has in a kernel. */
const VALUE_TYPES: Readonly<Record<GpuDType, ElementType>> = {
  float32: "f32",
  float16: "f32",
  bfloat16: "f32",
  int32: "i32",
  uint32: "u32",
  bool: "u32",
  uint8: "u32",
};

/** From an element's bits to its value. */
const DECODERS: Readonly<Record<GpuDType, string>> = {
  float32: "bitcast<f32>(bits)",
  float16: "float16_value(bits)",
  bfloat16: "bitcast<f32>(bits << 16u)",
  int32: "bitcast<i32>(bits)",
  uint32: "bits",
  bool: "bits",
  uint8: "bits",
};

/** From a value to an element's bits, by the type of the value. */
const ENCODERS: Readonly<
  Record<GpuDType, Readonly<Record<ElementType, string>>>
> = {
  float32: {
    f32: "bitcast<u32>(value)",
    i32: "bitcast<u32>(f32(value))",
    u32: "bitcast<u32>(f32(value))",
  },
  float16: {
    f32: "float16_bits(bitcast<u32>(value))",
    i32: "float16_bits(bitcast<u32>(signed_with_sticky_bit(value)))",
    u32: "float16_bits(bitcast<u32>(with_sticky_bit(value)))",
  },
  bfloat16: {
    f32: "bfloat16_bits(bitcast<u32>(value))",
    i32: "bfloat16_bits(bitcast<u32>(signed_with_sticky_bit(value)))",
    u32: "bfloat16_bits(bitcast<u32>(with_sticky_bit(value)))",
  },
  int32: {
    f32: "truncate_signed(value)",
    i32: "bitcast<u32>(value)",
    u32: "value",
  },
  uint32: {
    f32: "truncate(value, 4294967040.0, 0xffffffffu)",
    i32: "bitcast<u32>(value)",
    u32: "value",
  },
  // By bits: comparing with 0 may flush subnormal numbers.
  bool: {
    f32: "select(0u, 1u, (bitcast<u32>(value) << 1u) != 0u)",
    i32: "select(0u, 1u, value != 0)",
    u32: "select(0u, 1u, value != 0u)",
  },
  uint8: {
    f32: "truncate(value, 255.0, 0xffu)",
    i32: "bitcast<u32>(value) & 0xffu",
    u32: "value & 0xffu",
  },
};

/** Conversions that WGSL does not have, or not with these edge cases. */
const FUNCTIONS = `
fn float16_value(bits: u32) -> f32 {
  let sign = (bits & 0x8000u) << 16u;
  let exponent = (bits >> 10u) & 31u;
  let mantissa = bits & 0x3ffu;
  if (exponent == 0u) {
    return bitcast<f32>(sign | bitcast<u32>(f32(mantissa) * 5.9604645e-8));
  }
  let scaled = select((exponent + 112u) << 23u, 0x7f800000u, exponent == 31u);
  return bitcast<f32>(sign | scaled | (mantissa << 13u));
}
${FLOAT16_BITS}
fn bfloat16_bits(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0x7fc0u; }
  return rounded_shift(bits, 16u);
}
// A float with 24 bits that rounds to 16 bits as the integer itself would:
// what it cannot hold is kept as one bit behind all that rounding looks at.
fn with_sticky_bit(value: u32) -> f32 {
  let kept = value & 0xffffff00u;
  return f32(select(value, kept | select(0u, 0x100u, kept != value), value >= 0x1000000u));
}
fn signed_with_sticky_bit(value: i32) -> f32 {
  let size = with_sticky_bit(u32(select(value, -value, value < 0)));
  return select(size, -size, value < 0);
}
fn truncate(value: f32, largest: f32, saturated: u32) -> u32 {
  if (is_nan(value) || value <= 0.0) { return 0u; }
  if (value > largest) { return saturated; }
  return u32(value);
}
fn truncate_signed(value: f32) -> u32 {
  if (is_nan(value)) { return 0u; }
  if (value < -2147483648.0) { return 0x80000000u; }
  if (value >= 2147483648.0) { return 0x7fffffffu; }
  return bitcast<u32>(i32(value));
}
// Stores the lower bits of a word; the others stay.
fn store_bits(word: u32, value: u32, count: u32) {
  if (count >= 32u) {
    out_store(word, value);
  } else if (count > 0u) {
    out_store(word, insertBits(out_load(word), value, 0u, count));
  }
}`;

/** Elements of an invocation: as many as the smallest fit one word. */
const PER_INVOCATION = 4;

/** Each invocation converts 4 elements, which are 1, 2 or 4 words on either side. */
const castKernel = kernelFamily((from: GpuDType, to: GpuDType): Kernel => {
  const [fromSize, toSize] = [from, to].map((d) => dtypeInfo(d).byteSize);
  const elementBits = Array.from({ length: PER_INVOCATION }, (_, k) => {
    const word = Math.floor(k * fromSize / 4);
    if (fromSize === 4) return `words.${"xyzw"[word]}`;
    const shift = 8 * (k * fromSize % 4);
    return `extractBits(word${word}, ${shift}u, ${8 * fromSize}u)`;
  });
  const loads = fromSize === 4 ? ["let words = x_load4(i);"] : Array.from(
    { length: fromSize },
    (_, w) => `let word${w} = x_load(index * ${fromSize}u + ${w}u);`,
  );
  const results = elementBits.map((bits) => `convert(${bits})`).join(", ");
  const stores = toSize === 4 ? STORE_WORDS : storePacked(toSize);
  return {
    name: `cast-${from}-${to}`,
    operands: {
      x: { access: "read", type: "u32", vector: fromSize === 4 },
      out: { access: "read_write", type: "u32", vector: toSize === 4 },
    },
    uniforms: { size: "u32" },
    workgroupSize: WORKGROUP_SIZE,
    declarations: `${FUNCTIONS}
fn convert(bits: u32) -> u32 {
  let value = ${DECODERS[from]};
  return ${ENCODERS[to][VALUE_TYPES[from]]};
}`,
    body: `
  let i = index * 4u;
  if (i >= u.size) {
    return;
  }
  let count = min(u.size - i, 4u);
  ${loads.join("\n  ")}
  let result = vec4<u32>(${results});
${stores}`,
  };
});

const STORE_WORDS = `
  if (count == 4u) {
    out_store4(i, result);
  } else {
    for (var k = 0u; k < count; k++) {
      out_store(i + k, result[k]);
    }
  }`;

/** Stores elements smaller than a word; what else is in the last word stays. */
function storePacked(byteSize: number): string {
  const perWord = 4 / byteSize;
  return Array.from({ length: byteSize }, (_, word) => {
    const first = word * perWord;
    const packed = Array.from(
      { length: perWord },
      (_, k) => `(result[${first + k}] << ${8 * byteSize * k}u)`,
    ).join(" | ");
    const elements = `(max(count, ${first}u) - ${first}u)`;
    return `  store_bits(index * ${byteSize}u + ${word}u, ${packed}, ${
      8 * byteSize
    }u * ${elements});`;
  }).join("\n");
}

/** Between floats that kernels compute with: their operands convert. */
const convertKernel: Kernel = {
  name: "cast-float",
  operands: {
    x: { access: "read", type: "f32", vector: true },
    out: { access: "read_write", type: "f32", vector: true },
  },
  uniforms: { size: "u32" },
  workgroupSize: WORKGROUP_SIZE,
  body: `
  let i = index * 4u;
  if (i + 4u <= u.size) {
    out_store4(i, x_load4(i));
    return;
  }
  for (var j = i; j < u.size; j++) {
    out_store(j, x_load(j));
  }`,
};

/** Converts between any two dtypes of the device. */
export function cast(runtime: Runtime, x: GpuView, out: GpuView): void {
  const converts = runtime.traits.roundsHalf !== undefined &&
    [x, out].every(({ dtype }) => dtype === "float32" || dtype === "float16");
  const kernel = converts
    ? convertKernel
    : castKernel(x.dtype as GpuDType, out.dtype as GpuDType);
  const bytes = Math.max(...[x, out].map((v) => dtypeInfo(v.dtype).byteSize));
  const size = sizeOf(out.shape);
  forRowRanges(size, bytes, runtime.binding, (start, count) => {
    runtime.run(
      kernel,
      { x: rowsOf(x, 1, start, count), out: rowsOf(out, 1, start, count) },
      { size: count },
      Math.ceil(count / (WORKGROUP_SIZE * PER_INVOCATION)),
    );
  });
}
