/** Random numbers and dropout. */

import type { RandomState } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import type { GpuView } from "./_buffer.ts";
import type { Kernel } from "./_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";
import { wgslFunctions } from "./_wgsl_math.ts";

const WORKGROUP_SIZE = 64;

/** Where the random numbers of a kernel begin. */
export const STATE_UNIFORMS = {
  // The block of four words that the first element takes.
  first_block: "u32",
  seed_low: "u32",
  seed_high: "u32",
  stream_low: "u32",
  stream_high: "u32",
} as const;

/** What drops elements: the numbers below which it does, and what the others are multiplied by. */
export const DROPOUT_UNIFORMS = {
  ...STATE_UNIFORMS,
  threshold: "u32",
  factor: "f32",
} as const;

const UNIFORMS = { size: "u32", ...STATE_UNIFORMS } as const;

/** The four words of a block of Philox4x32-10 (see `_philox.ts`), by the uniforms above. */
export const PHILOX = `
fn philox(block: u32) -> vec4<u32> {
  var c = vec4<u32>(block, 0u, u.stream_low, u.stream_high);
  var key = vec2<u32>(u.seed_low, u.seed_high);
  for (var round = 0u; round < 10u; round++) {
    let a = mul_wide(0xd2511f53u, c.x);
    let b = mul_wide(0xcd9e8d57u, c.z);
    c = vec4<u32>(b.y ^ c.y ^ key.x, b.x, a.y ^ c.w ^ key.y, a.x);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}`;

const DECLARATIONS = wgslFunctions(PHILOX) + PHILOX;

function storing(value: string): string {
  return `
  let i = index * 4u;
  if (i >= u.size) {
    return;
  }
  let upper = philox(u.first_block + index) >> vec4<u32>(8u);
  let result = ${value};
  if (i + 4u <= u.size) {
    out_store4(i, result);
  } else {
    for (var k = 0u; i + k < u.size; k++) {
      out_store(i + k, result[k]);
    }
  }`;
}

const uniformKernel: Kernel = {
  name: "random-uniform",
  operands: { out: { access: "read_write", type: "f32", vector: true } },
  uniforms: UNIFORMS,
  workgroupSize: WORKGROUP_SIZE,
  declarations: DECLARATIONS,
  body: storing("vec4<f32>(upper) * 5.9604645e-8"),
};

const dropoutKernel: Kernel = {
  name: "dropout",
  operands: {
    x: { access: "read", type: "f32", vector: true },
    out: { access: "read_write", type: "f32", vector: true },
  },
  uniforms: { size: "u32", ...DROPOUT_UNIFORMS },
  workgroupSize: WORKGROUP_SIZE,
  declarations: DECLARATIONS,
  body: storing(
    "select(x_load4(i) * u.factor, vec4<f32>(), upper < vec4<u32>(u.threshold))",
  ),
};

type Uniforms<T> = Readonly<Record<keyof T, number>>;

function stateUniforms(
  state: RandomState,
  firstBlock: number,
): Uniforms<typeof STATE_UNIFORMS> {
  return {
    first_block: firstBlock,
    seed_low: state.seedLow,
    seed_high: state.seedHigh,
    stream_low: state.streamLow,
    stream_high: state.streamHigh,
  };
}

/** The values of {@linkcode DROPOUT_UNIFORMS}. */
export function dropoutUniforms(
  rate: number,
  state: RandomState,
  firstBlock: number,
): Uniforms<typeof DROPOUT_UNIFORMS> {
  return {
    ...stateUniforms(state, firstBlock),
    // u is a multiple of 2^-24: whole numbers compare exactly.
    threshold: Math.ceil(Math.fround(rate) * 2 ** 24),
    factor: 1 / (1 - rate),
  };
}

function groupsOf(size: number): number {
  return Math.ceil(size / (4 * WORKGROUP_SIZE));
}

/** Uniform numbers in [0, 1). */
export function randomUniform(
  runtime: Runtime,
  out: GpuView,
  state: RandomState,
): void {
  forRowRanges(sizeOf(out.shape), 4, runtime.binding, (start, size) => {
    runtime.run(
      uniformKernel,
      { out: rowsOf(out, 1, start, size) },
      { size, ...stateUniforms(state, start / 4) },
      groupsOf(size),
    );
  });
}

/** `out = u < rate ? 0 : x / (1 - rate)`. */
export function dropout(
  runtime: Runtime,
  x: GpuView,
  out: GpuView,
  rate: number,
  state: RandomState,
): void {
  forRowRanges(sizeOf(out.shape), 4, runtime.binding, (start, size) => {
    runtime.run(
      dropoutKernel,
      { x: rowsOf(x, 1, start, size), out: rowsOf(out, 1, start, size) },
      { size, ...dropoutUniforms(rate, state, start / 4) },
      groupsOf(size),
    );
  });
}
