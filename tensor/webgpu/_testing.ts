/** What tests of the webgpu device share. */

import { assert } from "@std/assert";
import type { DType } from "../dtype.ts";
import { fromFloat16, toFloat16 } from "../float16.ts";
import type { DeviceOptions } from "../open_device.ts";
import type { ReferenceBackend } from "../reference/backend.ts";
import { elementsOf, type ReferenceView } from "../reference/buffer.ts";
import { createReferenceBackend } from "../reference/mod.ts";
import { sizeOf } from "../shape.ts";
import { findAdapter } from "./_adapter.ts";
import type { GpuView } from "./_buffer.ts";
import { openWebGpuBackend, type WebGpuBackend } from "./backend.ts";
import type { Runtime, Traits } from "./_runtime.ts";

/** Whether tests that need an adapter must run: then none of them is skipped. */
function isRequired(): boolean {
  const permission = Deno.permissions.querySync({
    name: "env",
    variable: "CRAM_REQUIRE_WEBGPU",
  });
  return permission.state === "granted" &&
    Deno.env.get("CRAM_REQUIRE_WEBGPU") === "1";
}

const available = isRequired() || await findAdapter({}) !== undefined;

/** Registers a test with a backend of its own, once for the adapter's limits and once for WebGPU's default limits unless the options say which; skipped where there is no adapter. */
export function testOnWebGpu(
  name: string,
  test: (backend: WebGpuBackend) => Promise<void>,
  options: DeviceOptions = {},
  traits: Partial<Traits> = {},
): void {
  const { limits: wanted } = options;
  for (const limits of wanted ? [wanted] : ["native", "default"] as const) {
    Deno.test({
      name: `${name} [${limits} limits]`,
      ignore: !available,
      fn: async () => {
        const backend = await openWebGpuBackend(
          { ...options, limits },
          traits,
        );
        try {
          await test(backend);
        } finally {
          backend.close();
        }
      },
    });
  }
}

/** Copies values to a buffer of their own; words of 16 bits are float16. */
export function viewOfValues(
  runtime: Runtime,
  values: Float32Array | Int32Array | Uint32Array | Uint16Array,
  shape: readonly number[] = [values.length],
): GpuView {
  const dtype: DType = values instanceof Float32Array
    ? "float32"
    : values instanceof Int32Array
    ? "int32"
    : values instanceof Uint16Array
    ? "float16"
    : "uint32";
  const buffer = runtime.allocate(byteLengthOf(values));
  const { byteOffset, byteLength } = values;
  runtime.write(
    buffer,
    0,
    new Uint8Array(values.buffer, byteOffset, byteLength),
  );
  return { buffer, byteOffset: 0, shape, dtype };
}

/** Whole words, of which there is one at least. */
function byteLengthOf({ byteLength }: ArrayBufferView): number {
  return Math.max(4, Math.ceil(byteLength / 4) * 4);
}

/** Reads a `float32` or `float16` view. */
export async function valuesOf(
  runtime: Runtime,
  { buffer, byteOffset, shape, dtype }: GpuView,
): Promise<Float32Array> {
  const size = shape.reduce((a, b) => a * b, 1);
  const half = dtype === "float16";
  const bytes = await runtime.read(buffer, byteOffset, (half ? 2 : 4) * size);
  return half
    ? fromFloat16(new Uint16Array(bytes.buffer))
    : new Float32Array(bytes.buffer);
}

/** The same numbers on the reference device and on webgpu. */
export interface Twin {
  readonly reference: ReferenceView;
  readonly gpu: GpuView;
}

/** Pairs of equal tensors, and their comparison. */
export class Twins {
  readonly reference: ReferenceBackend = createReferenceBackend();
  readonly #runtime: Runtime;
  readonly #dtype: "float32" | "float16";
  #seed = 1;

  constructor(runtime: Runtime, dtype: "float32" | "float16" = "float32") {
    this.#runtime = runtime;
    this.#dtype = dtype;
  }

  /** Numbers in [-1, 1), `offset` elements behind the start of their buffer. */
  random(shape: readonly number[], offset = 0): Twin {
    const values = new Float32Array(sizeOf(shape) + offset);
    for (const i of values.keys()) {
      this.#seed = (this.#seed + 0x9e3779b9) >>> 0;
      let word = Math.imul(this.#seed ^ (this.#seed >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      values[i] = (word ^ (word >>> 15)) / 2 ** 31;
    }
    return this.#of(values, shape, offset);
  }

  /** A tensor that kernels are to fill, `offset` elements behind the start of its buffer. */
  output(shape: readonly number[], offset = 0): Twin {
    const values = new Float32Array(sizeOf(shape) + offset).fill(NaN);
    return this.#of(values, shape, offset);
  }

  /** Fails unless both are the same but for `tolerance` and, of float16, one rounding, and nothing before them was written. */
  async assertClose(
    { reference, gpu }: Twin,
    tolerance: number,
    message: string,
  ): Promise<void> {
    const half = this.#dtype === "float16";
    const whole = { byteOffset: 0, dtype: this.#dtype } as const;
    const offset = gpu.byteOffset / (half ? 2 : 4);
    const shape = [offset + sizeOf(gpu.shape)];
    const expected = elementsOf({ ...reference, ...whole, shape });
    const actual = await valuesOf(this.#runtime, { ...gpu, ...whole, shape });
    for (let i = 0; i < actual.length; i++) {
      const same = Object.is(actual[i], expected[i]) ||
        Math.abs(actual[i] - expected[i]) <=
          tolerance + (half ? 2 ** -10 * Math.abs(expected[i]) : 0);
      assert(
        same,
        `${message}: element ${i - offset} of [${gpu.shape}] is ${
          actual[i]
        }, expected ${expected[i]}`,
      );
    }
  }

  #of(values: Float32Array, shape: readonly number[], offset: number): Twin {
    const dtype = this.#dtype;
    const elements = dtype === "float16" ? toFloat16(values) : values;
    const buffer = this.reference.allocate(byteLengthOf(elements));
    this.reference.write(buffer, 0, new Uint8Array(elements.buffer));
    const byteOffset = elements.BYTES_PER_ELEMENT * offset;
    const gpu = viewOfValues(this.#runtime, elements);
    return {
      reference: { buffer, byteOffset, shape, dtype },
      gpu: { ...gpu, byteOffset, shape },
    };
  }
}
