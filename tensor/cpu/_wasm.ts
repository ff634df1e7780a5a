/**
 * Picks the build of the kernels that fits the engine.
 *
 * @module
 */

import { unpackKernels } from "./_kernel_archive.ts";
import { KERNELS } from "./_kernels_wasm.ts";

/** The compiled kernels, and what of the platform they use. */
export interface KernelModule {
  /** The module; it imports `env.memory`. */
  readonly module: WebAssembly.Module;
  /** Whether it is the build with relaxed SIMD. */
  readonly relaxedSimd: boolean;
  /** Whether the memory must be shared. */
  readonly shared: boolean;
}

/** What to compile. Default: all that the engine has. */
export interface KernelModuleOptions {
  /** Whether to use relaxed SIMD. */
  readonly relaxedSimd?: boolean;
  /** Whether threads can share the memory. */
  readonly shared?: boolean;
}

/** Compiles the kernels. */
export async function compileKernels(
  options: KernelModuleOptions = {},
): Promise<KernelModule> {
  const {
    relaxedSimd = hasRelaxedSimd(),
    shared = typeof SharedArrayBuffer !== "undefined",
  } = options;
  const [relaxed, plain] = await unpackKernels(KERNELS);
  const binary = relaxedSimd ? relaxed : plain;
  if (!shared) unshareMemory(binary);
  return { module: await WebAssembly.compile(binary), relaxedSimd, shared };
}

/** Whether the engine takes a module of one function with `f32x4.relaxed_madd`. */
function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(
    // deno-fmt-ignore
    new Uint8Array([
      0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // "\0asm", version 1
      0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, // type () -> v128
      0x03, 0x02, 0x01, 0x00, // function 0 has type 0
      0x0a, 0x13, 0x01, 0x11, 0x00, // one body of 17 bytes, no locals
      0x41, 0x00, 0xfd, 0x11, // i32x4.splat(0), three times
      0x41, 0x00, 0xfd, 0x11,
      0x41, 0x00, 0xfd, 0x11,
      0xfd, 0x85, 0x02, // f32x4.relaxed_madd
      0x0b,
    ]),
  );
}

/** Turns the import of a shared memory into that of one thread's own. */
function unshareMemory(binary: Uint8Array): void {
  // "env", "memory", a memory, with a maximum and shared
  const pattern = "\x03env\x06memory\x02\x03";
  const codes = Array.from(pattern, (letter) => letter.charCodeAt(0));
  const start = binary.findIndex((_, index) =>
    codes.every((code, offset) => binary[index + offset] === code)
  );
  binary[start + codes.length - 1] = 0x01;
}
