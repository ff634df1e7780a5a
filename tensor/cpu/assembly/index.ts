// @ts-nocheck: AssemblyScript, compiled by ../build.ts
// Every function exported here is a kernel, except bindThread.
export { bindThread } from "./_kernel.ts";
export * from "./attention.ts";
export * from "./batch_norm.ts";
export * from "./broadcast.ts";
export * from "./cast.ts";
export * from "./convolution_weight.ts";
export * from "./copy.ts";
export * from "./depthwise.ts";
export * from "./gather.ts";
export * from "./gemm.ts";
export * from "./magnitude_select.ts";
export * from "./pad_images.ts";
export * from "./layer_norm.ts";
export * from "./pool.ts";
export * from "./prune_below.ts";
export * from "./prune_nm.ts";
export * from "./random.ts";
export * from "./reduce.ts";
export * from "./softmax.ts";
export * from "./skinny.ts";
export * from "./transpose.ts";
export * from "./unary.ts";
export * from "./update.ts";
export * from "./winograd.ts";
