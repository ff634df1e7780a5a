/**
 * The webgpu device: WGSL kernels on whatever adapter the platform has, a
 * software adapter among them.
 *
 * @module
 */

export { findAdapter, type FoundAdapter } from "./_adapter.ts";
export { openWebGpuBackend } from "./backend.ts";
