/** What tests of the webgpu device share. */

import type { DType } from "../dtype.ts";
import type { DeviceOptions } from "../open_device.ts";
import { findAdapter } from "./_adapter.ts";
import type { GpuView } from "./_buffer.ts";
import { openWebGpuBackend, type WebGpuBackend } from "./backend.ts";
import type { Runtime } from "./_runtime.ts";

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

/** Registers a test with a backend of its own, once for the adapter's limits and once for WebGPU's default limits; skipped where there is no adapter. */
export function testOnWebGpu(
  name: string,
  test: (backend: WebGpuBackend) => Promise<void>,
  options: DeviceOptions = {},
): void {
  for (const limits of ["native", "default"] as const) {
    Deno.test({
      name: `${name} [${limits} limits]`,
      ignore: !available,
      fn: async () => {
        const backend = await openWebGpuBackend({ limits, ...options });
        try {
          await test(backend as unknown as WebGpuBackend);
        } finally {
          backend.close();
        }
      },
    });
  }
}

/** Copies values to a buffer of their own. */
export function viewOfValues(
  runtime: Runtime,
  values: Float32Array | Int32Array | Uint32Array,
  shape: readonly number[] = [values.length],
): GpuView {
  const dtype: DType = values instanceof Float32Array
    ? "float32"
    : values instanceof Int32Array
    ? "int32"
    : "uint32";
  const buffer = runtime.allocate(Math.max(4, values.byteLength));
  const { byteOffset, byteLength } = values;
  runtime.write(
    buffer,
    0,
    new Uint8Array(values.buffer, byteOffset, byteLength),
  );
  return { buffer, byteOffset: 0, shape, dtype };
}

/** Reads a `float32` view. */
export async function valuesOf(
  runtime: Runtime,
  { buffer, byteOffset, shape }: GpuView,
): Promise<Float32Array> {
  const size = shape.reduce((a, b) => a * b, 1);
  const bytes = await runtime.read(buffer, byteOffset, 4 * size);
  return new Float32Array(bytes.buffer);
}
