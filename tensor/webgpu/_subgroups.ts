/** Whether the invocations of a workgroup can give each other numbers without barriers, found by trying it. */

import { runProbe } from "./_probe.ts";

/** How kernels use subgroups on a device. */
export interface Subgroups {
  /** Invocations of a subgroup: neighbours, always as many. */
  readonly size: number;
  /** What begins the WGSL of kernels that use them: browsers want it, Deno does not know it. */
  readonly directive: string;
}

/** What kernels that use subgroups call. */
export const SUBGROUP_CALL = "subgroupShuffleXor(";

const LANES = 64;

const DIRECTIVES = ["enable subgroups;\n", ""];

/** Every lane gets the numbers of all lanes at a distance of a power of two, and the size. */
const PROBE = `
@group(0) @binding(0) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(${LANES})
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_size) size: u32,
) {
  out[lane] = f32(size);
  for (var step = 1u; step < ${LANES}u; step <<= 1u) {
    let other = ${SUBGROUP_CALL}f32(lane), step);
    out[lane] += select(0.0, other * f32(step), step < size);
  }
}
`;

/** What a lane should write. */
function expected(lane: number, size: number): number {
  let sum = size;
  for (let step = 1; step < size; step *= 2) sum += (lane ^ step) * step;
  return sum;
}

/**
 * Tries subgroups.
 *
 * @param gpu The device.
 * @param sizes The sizes of subgroups that its adapter has.
 * @returns How they are used; `undefined` if kernels cannot rely on them.
 */
export async function probeSubgroups(
  gpu: GPUDevice,
  { subgroupMinSize: size, subgroupMaxSize }: Pick<
    GPUAdapterInfo,
    "subgroupMinSize" | "subgroupMaxSize"
  >,
): Promise<Subgroups | undefined> {
  // Where there are several sizes, each kernel may have another.
  const isFixed = size === subgroupMaxSize && size > 1 && LANES % size === 0;
  if (!isFixed || !gpu.features.has("subgroups")) return undefined;
  for (const directive of DIRECTIVES) {
    const pipeline = await compile(gpu, directive);
    if (pipeline === undefined) continue;
    const found = new Float32Array(await runProbe(gpu, pipeline, 4 * LANES));
    const works = found.every((value, lane) => value === expected(lane, size));
    return works ? { size, directive } : undefined;
  }
  return undefined;
}

async function compile(
  gpu: GPUDevice,
  directive: string,
): Promise<GPUComputePipeline | undefined> {
  gpu.pushErrorScope("validation");
  const module = gpu.createShaderModule({ code: directive + PROBE });
  const pipeline = gpu.createComputePipeline({
    layout: "auto",
    compute: { module, entryPoint: "main" },
  });
  return await gpu.popErrorScope() === null ? pipeline : undefined;
}
