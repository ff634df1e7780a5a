// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * The convention of all kernels
 * =============================
 *
 * A kernel is an exported function
 *
 *     export function name(params: usize, part: i32, parts: i32): void
 *
 * of a file that `index.ts` re-exports. It reads its arguments with
 * `address`, `int`, `float` and `double` below and does part `part` of
 * `parts` of the work. Parts run on any thread, in any order, at the same
 * time; no part may write what another one reads or writes. What a part
 * computes may depend on `part` and `parts`, never on the thread, so that
 * results are the same bits whenever the caller picks the same `parts`.
 * `slice` splits a range evenly.
 *
 * TypeScript runs it with `runtime.run("name", [arguments], parts)`, which
 * returns when all parts are done (see ../_runtime.ts). `build.ts` derives the
 * type `KernelName` from the exports.
 *
 * Rules:
 * - Arguments are numbers, each in a slot of 8 bytes, as float64 (which holds
 *   every address, int32 and float32 exactly). An absent pointer is 0.
 * - No mutable globals or static data: every thread has its own globals, and
 *   all share one memory. Constant tables are fine.
 * - No allocation. Room that only one thread uses while it runs one part is at
 *   `threadScratch()`; room that outlives a part is allocated by the caller
 *   (`runtime.withScratch`).
 * - No decorators (`deno fmt` cannot keep them); small functions are inlined
 *   by the optimizer.
 * - `madd(a, b, c)` is a·b + c, in one instruction where the engine has it.
 */

/** Argument `index`, a byte address; 0 if absent. */
export function address(params: usize, index: i32): usize {
  return <usize> load<f64>(params + ((<usize> index) << 3));
}

/** Argument `index`, a whole number. */
export function int(params: usize, index: i32): i32 {
  return <i32> load<f64>(params + ((<usize> index) << 3));
}

/** Argument `index`, a float32. */
export function float(params: usize, index: i32): f32 {
  return <f32> load<f64>(params + ((<usize> index) << 3));
}

/** Argument `index`, a float64. */
export function double(params: usize, index: i32): f64 {
  return load<f64>(params + ((<usize> index) << 3));
}

/**
 * Where part `part` of `count` items starts; it ends where the next one
 * starts. All starts but the end of the last part are multiples of `step`.
 */
export function slice(count: i32, part: i32, parts: i32, step: i32 = 1): i32 {
  const steps = (count + step - 1) / step;
  return min(
    count,
    step * <i32> (<i64> steps * <i64> part / <i64> parts),
  );
}

/** a·b + c. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

// The only mutable globals: they are written once, when a thread starts.
let scratch: usize = 0;
let slab: usize = 0;

/** Not a kernel: gives this thread its own room. */
export function bindThread(scratchAddress: usize, slabAddress: usize): void {
  scratch = scratchAddress;
  slab = slabAddress;
}

/** Where this thread's strips find the slab that they multiply with; see _strips.ts. */
export function threadSlab(): usize {
  return slab;
}

/** 1 MiB, aligned to 64 bytes, of this thread alone; its content lasts for one part. */
export function threadScratch(): usize {
  return scratch;
}
