/** Rounding to float16, where the adapter's own is not that of IEEE 754. */

import { float16Bits } from "../float16.ts";
import { runProbe } from "./_probe.ts";

/** `float16_bits(bits)`: from the bits of a float32 to those of the nearest float16, ties to even. */
export const FLOAT16_BITS = `
// The mantissa without its last bits, rounded to nearest, ties to even; a
// carry runs on into the exponent.
fn rounded_shift(bits: u32, shift: u32) -> u32 {
  let half = (1u << (shift - 1u)) - 1u;
  return (bits + half + ((bits >> shift) & 1u)) >> shift;
}
fn float16_bits(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return 0x7e00u; }
  if (size >= 0x477ff000u) { return sign | 0x7c00u; }
  if (size >= 0x38800000u) {
    return sign | rounded_shift(size - 0x38000000u, 13u);
  }
  // Below 2^-14 the last place is worth 2^-24, below 2^-25 all is 0.
  if (size < 0x33000000u) { return sign; }
  let mantissa = (size & 0x7fffffu) | 0x800000u;
  return sign | rounded_shift(mantissa, 126u - (size >> 23u));
}`;

/** Numbers whose rounding tells adapters apart: ties, what is next to them, the largest, the smallest. */
const PROBES = Float32Array.of(
  1 + 2 ** -11,
  1 + 3 * 2 ** -11,
  -1 - 2 ** -11 - 2 ** -23,
  1 + 2 ** -10 - 2 ** -23,
  65519.99609375,
  -65520,
  1e9,
  -Infinity,
  2 ** -25,
  2 ** -25 + 2 ** -48,
  -3 * 2 ** -25,
  2 ** -14 - 2 ** -26,
);

const PROBE_SOURCE = `enable f16;
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f16>>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  out[id.x] = vec4<f16>(x[id.x]);
}`;

/** By adapter: asking again would take a pipeline each time. */
const known = new Map<string, Promise<boolean>>();

/**
 * Whether a device converts float32 to float16 as IEEE 754 has it: to the
 * nearest, ties to even, beyond the largest to infinity, without losing
 * subnormal numbers. WGSL leaves all of this open.
 *
 * @param gpu A device with `shader-f16`.
 * @param adapter What the answer is remembered by.
 * @returns Whether all probes are rounded so.
 */
export function roundsHalf(gpu: GPUDevice, adapter: string): Promise<boolean> {
  let answer = known.get(adapter);
  if (answer === undefined) {
    known.set(adapter, answer = probe(gpu));
    // A device that was lost says nothing about the next one.
    answer.catch(() => known.delete(adapter));
  }
  return answer;
}

async function probe(gpu: GPUDevice): Promise<boolean> {
  const pipeline = gpu.createComputePipeline({
    layout: "auto",
    compute: { module: gpu.createShaderModule({ code: PROBE_SOURCE }) },
  });
  const groups = PROBES.length / 4;
  const bytes = await runProbe(
    gpu,
    pipeline,
    2 * PROBES.length,
    PROBES,
    groups,
  );
  const bits = new Uint16Array(bytes);
  return PROBES.every((number, i) => bits[i] === float16Bits(number));
}
