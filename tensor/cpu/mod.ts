/**
 * The cpu device: WebAssembly SIMD kernels on all cores.
 *
 * @module
 */

import type { Backend, DeviceInfo } from "../backend.ts";
import type { DeviceOptions } from "../open_device.ts";
import { attention } from "./_attention.ts";
import { batchNorm } from "./_batch_norm.ts";
import { convolution } from "./_convolution.ts";
import { elementwise } from "./_elementwise.ts";
import { flat } from "./_flat.ts";
import { layerNorm } from "./_layer_norm.ts";
import { matmul } from "./_matmul.ts";
import { memory } from "./_memory.ts";
import { pooling } from "./_pooling.ts";
import { random } from "./_random.ts";
import { reduction } from "./_reduce.ts";
import { type CpuBuffer, Runtime, type RuntimeOptions } from "./_runtime.ts";
import { softmax } from "./_softmax.ts";
import { structure } from "./_structure.ts";

/** Opens the cpu backend. */
export async function openCpuBackend(
  options: DeviceOptions & RuntimeOptions = {},
): Promise<Backend<CpuBuffer>> {
  const runtime = await Runtime.start(options);
  // One line for each family of kernels.
  return {
    info: describe(runtime, options),
    ...attention(runtime),
    ...batchNorm(runtime),
    ...convolution(runtime),
    ...elementwise(runtime),
    ...flat(runtime),
    ...layerNorm(runtime),
    ...matmul(runtime),
    ...memory(runtime),
    ...pooling(runtime),
    ...random(runtime),
    ...reduction(runtime),
    ...softmax(runtime),
    ...structure(runtime),
  };
}

function describe(runtime: Runtime, options: DeviceOptions): DeviceInfo {
  const { relaxedSimd, shared, native, maxBytes, threads } = runtime;
  return {
    kind: "cpu",
    description: `WebAssembly SIMD${
      native ? " and AVX-512" : ""
    } on ${threads} ${threads === 1 ? "thread" : "threads"}`,
    software: false,
    threads,
    dtypes: [
      "float32",
      "int32",
      "uint32",
      "bool",
      "uint8",
      "float16",
      "bfloat16",
    ],
    floatDTypes: ["float32"],
    features: [
      ...relaxedSimd ? ["relaxed-simd"] : [],
      ...shared ? ["shared-memory"] : [],
      ...native ? ["avx512"] : [],
    ],
    maxBufferBytes: maxBytes,
    maxBindingBytes: maxBytes,
    memoryLimit: Math.min(options.memoryLimit ?? maxBytes, maxBytes),
  };
}
