/**
 * Tensors on three devices: `reference` (plain TypeScript, float64), `cpu`
 * (WebAssembly SIMD with threads) and `webgpu`.
 *
 * @module
 */

export * from "./device.ts";
export * from "./dtype.ts";
export * from "./elementwise.ts";
export * from "./errors.ts";
export * from "./op_record.ts";
export * from "./scope.ts";
export * from "./shape.ts";
export { Tensor } from "./tensor.ts";
