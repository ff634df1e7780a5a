/**
 * Tensors on three devices: `reference` (plain TypeScript, float64), `cpu`
 * (WebAssembly SIMD with threads) and `webgpu`.
 *
 * @module
 */

export * from "./activation.ts";
export * from "./arithmetic.ts";
export * from "./comparison.ts";
export * from "./device.ts";
export * from "./dtype.ts";
export * from "./errors.ts";
export * from "./float16.ts";
export * from "./logical.ts";
export * from "./math.ts";
export * from "./op_record.ts";
export * from "./open_device.ts";
export * from "./scope.ts";
export * from "./shape.ts";
export { Tensor } from "./tensor.ts";
