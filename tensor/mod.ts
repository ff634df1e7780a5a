/**
 * Tensors on three devices: `reference` (plain TypeScript, float64), `cpu`
 * (WebAssembly SIMD with threads) and `webgpu`.
 *
 * @module
 */

export type { DeviceInfo, DeviceKind } from "./backend.ts";
export * from "./activation.ts";
export * from "./arithmetic.ts";
export * from "./attention.ts";
export * from "./batch_norm.ts";
export * from "./broadcast_to.ts";
export * from "./cast.ts";
export * from "./clip.ts";
export * from "./comparison.ts";
export * from "./concat.ts";
export * from "./conv2d.ts";
export * from "./copy.ts";
export * from "./creation.ts";
export { Device, type DeviceMemory } from "./device.ts";
export * from "./dropout.ts";
export * from "./dtype.ts";
export * from "./errors.ts";
export * from "./float16.ts";
export * from "./gather.ts";
export * from "./layer_norm.ts";
export * from "./logical.ts";
export * from "./math.ts";
export * from "./matmul.ts";
export * from "./max_threads.ts";
export * from "./one_hot.ts";
export * from "./op_record.ts";
export * from "./open_device.ts";
export * from "./pad.ts";
export * from "./pooling.ts";
export * from "./random.ts";
export * from "./random_source.ts";
export * from "./reduction.ts";
export * from "./reshape.ts";
export * from "./safetensors.ts";
export { Scope } from "./scope.ts";
export * from "./shape.ts";
export * from "./slice.ts";
export * from "./softmax.ts";
export * from "./softmax_cross_entropy.ts";
export * from "./transpose.ts";
export * from "./tuning.ts";
export * from "./where.ts";
export { Tensor } from "./tensor.ts";
