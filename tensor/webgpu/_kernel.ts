/**
 * How a kernel is written down. A kernel is WGSL text around named operands:
 *
 * ```ts ignore
 * const scaleKernel = kernelFamily((negate: boolean): Kernel => ({
 *   name: `scale-${negate}`,
 *   operands: {
 *     x: { access: "read", type: "f32", vector: true },
 *     out: { access: "read_write", type: "f32", vector: true },
 *   },
 *   uniforms: { size: "u32", factor: "f32" },
 *   workgroupSize: 64,
 *   body: `
 *     let i = index * 4u;
 *     if (i + 4u <= u.size) {
 *       out_store4(i, x_load4(i) * ${negate ? "-" : ""}u.factor);
 *     } else {
 *       for (var j = i; j < u.size; j++) {
 *         out_store(j, x_load(j) * ${negate ? "-" : ""}u.factor);
 *       }
 *     }
 *   `,
 * }));
 *
 * runtime.run(scaleKernel(false), { x, out }, { size, factor: 2 }, groups);
 * ```
 *
 * **Sizes are uniforms, flags are parameters of the family**, so that another
 * batch size compiles nothing.
 *
 * **Operands** are read and written by generated functions that take the
 * index of an element of the view (for `u32` operands of a smaller dtype: of a
 * 32-bit word):
 * `x_load(i)`, `x_store(i, value)`, and for `vector` operands `x_load4(i)`,
 * `x_store4(i, value)` with `i` a multiple of 4. The functions know about
 * everything that is awkward in WebGPU, so that a kernel does not:
 *
 * - An `f32` operand may be a float16 tensor: what is loaded is converted, and
 *   what is stored is rounded to nearest even. Kernels compute in float32, and
 *   there is a pipeline for each combination of dtypes that is used. An operand
 *   of type `f16` is a float16 tensor whose elements are moved unchanged.
 *   `x_rounded(value)` is what a load gives of what was stored.
 * - Views begin at any multiple of their elements' size, bindings at multiples
 *   of `minStorageBufferOffsetAlignment`: what is left over is added to `i`. A
 *   `vector` operand that does not begin at a multiple of four elements is read
 *   by four scalar loads.
 * - A buffer that is read and written in one dispatch (in place, or two views
 *   of one buffer) is bound once, for all operands that live in it.
 * - An operand larger than one binding is **bound in parts**, and the
 *   functions pick the part. On WebGPU's default limits a buffer (256 MiB) has
 *   at most 2 parts (128 MiB), so that four operands of any size fit the 8
 *   storage buffers of a stage. `run` throws `BufferTooLargeError` where they
 *   do not. Kernels with more large operands, and elementwise ones on devices
 *   with large buffers, are called for ranges of rows instead, with sub-views
 *   from `_rows.ts`, which also keeps their loads free of the choice of part.
 * - An `atomic` operand (of type `u32`) also has `x_add(i, value)`, by which
 *   many invocations add to one element. Integers only: their sums do not
 *   depend on the order.
 *
 * Reads beyond the end give any value of the buffer; **writes beyond the end
 * must not happen** (they may hit a neighbouring view).
 *
 * **In the body** (of `main`) there are `u` (the uniforms), `group` (the
 * linear index of the workgroup, in `[0, groups)`), `lane` (the index of the
 * invocation in it) and `index = group * workgroupSize + lane`. `groups` may
 * exceed 65,535: the runtime folds it into two dimensions and returns early
 * from workgroups that are too many. `declarations` holds functions and
 * `var<workgroup>`; they can use the operands' functions and `u` too.
 *
 * There are also `is_nan(x)` (`x != x` is not reliable), `nan()` and `inf()`
 * (constant infinities are compile errors), for f32.
 *
 * Ranges of at most 2^32 - 1 elements; every buffer of WebGPU has fewer.
 */

/** The type of an operand's elements as the kernel sees them. */
export type ElementType = "f32" | "i32" | "u32";

/** The type of an operand's elements in memory, or in a kernel that moves them as they are. */
export type StorageType = ElementType | "f16";

/** One operand of a kernel. */
export interface OperandSpec {
  /** Whether the kernel writes it; written operands can be read too. */
  readonly access: "read" | "read_write";
  /** The type of its elements; `f32` operands may be float16 tensors. */
  readonly type: StorageType;
  /** Whether it is (also) accessed four elements at a time. */
  readonly vector?: boolean;
  /** Whether it is added to atomically; written `u32` operands only. */
  readonly atomic?: boolean;
}

/** A kernel. See the text above. */
export interface Kernel {
  /** Its name, for messages and profiles. */
  readonly name: string;
  /** Its operands by name. */
  readonly operands: Readonly<Record<string, OperandSpec>>;
  /** Its uniforms by name. */
  readonly uniforms: Readonly<Record<string, ElementType>>;
  /** Invocations of one workgroup. */
  readonly workgroupSize: number;
  /** WGSL beside `main`. */
  readonly declarations?: string;
  /** WGSL of `main`. */
  readonly body: string;
}

/**
 * A function that makes each kernel of a family once. Kernels are known by
 * identity: pipelines are kept with them.
 *
 * @param make Makes the kernel with these flags.
 * @returns The same, with memory.
 */
export function kernelFamily<
  Flags extends readonly (string | number | boolean)[],
>(make: (...flags: Flags) => Kernel): (...flags: Flags) => Kernel {
  const made = new Map<string, Kernel>();
  return (...flags) => {
    const key = flags.join();
    let kernel = made.get(key);
    if (kernel === undefined) made.set(key, kernel = make(...flags));
    return kernel;
  };
}
