/**
 * Compressors of networks: Top-K and N:M pruning, quantization, and masks as
 * values.
 *
 * @module
 */

export * from "./chain.ts";
export * from "./compressor.ts";
export * from "./gradual.ts";
export * from "./masks.ts";
export * from "./nm.ts";
export * from "./one_shot.ts";
export { quantize, type QuantizeOptions, type Quantizer } from "./quantize.ts";
export * from "./quantized_tensor.ts";
export * from "./sparsity.ts";
export * from "./top_k.ts";
export type { Weight } from "./weight.ts";
