/**
 * What kernels of the cpu device are run with: one memory, some threads.
 *
 * How to add a kernel: write it in `assembly/` as assembly/_kernel.ts tells,
 * run `deno run -A tensor/cpu/build.ts`, and call it through
 * {@linkcode Runtime.run}.
 *
 * @module
 */

import type { BackendBuffer, View } from "../backend.ts";
import { MAX_THREADS } from "../max_threads.ts";
import { builtinModule } from "./_builtin_module.ts";
import { Heap, MAX_PAGES } from "./_heap.ts";
import { KERNEL_NAMES } from "./_kernels_wasm.ts";
import { loadNative } from "./_native.ts";
import { MAX_PARTS, Pool } from "./_pool.ts";
import { STRIP_BYTES, STRIP_PAGES, writeStrips } from "./_strips.ts";
import { compileKernels, type KernelModuleOptions } from "./_wasm.ts";

/** Room for the arguments of one kernel: 512 of them. */
const PARAMS_BYTES = 4096;

/** What `threadScratch()` promises. */
const SCRATCH_BYTES = 1024 * 1024;

/** What the kernels' own constants take at most: build.ts gives them one page. */
const KERNEL_BYTES = 65_536;

/** How much elementary work a part should have at least: some 10 µs. */
const WORK_PER_PART = 32_768;

/** More parts than threads, so that a slow core can do less, but few enough to cost nothing. */
const USUAL_PARTS = 32;

/** The name of a kernel. */
export type KernelName = typeof KERNEL_NAMES[number];

/** Memory of the cpu device. */
export interface CpuBuffer extends BackendBuffer {
  /** Where it starts. */
  readonly address: number;
}

/** Options of a runtime, also those that only tests need. */
export interface RuntimeOptions extends KernelModuleOptions {
  /** How many threads run kernels where memory can be shared. Default: all that the machine has. */
  readonly threads?: number;
  /** Whether to use machine code where there can be any. Default: true. */
  readonly native?: boolean;
}

/** The memory and threads of one device. */
export class Runtime {
  /** Its memory. */
  readonly heap: Heap;
  /** Whether the kernels use relaxed SIMD. */
  readonly relaxedSimd: boolean;
  /** Whether the memory is shared by threads. */
  readonly shared: boolean;
  /** Whether there is machine code, which many inner loops are then. */
  readonly native: boolean;
  /** How many bytes the memory has at most. */
  readonly maxBytes: number;
  readonly #pool: Pool;
  #zeros = { address: 0, count: 0 };

  private constructor(
    heap: Heap,
    pool: Pool,
    relaxedSimd: boolean,
    shared: boolean,
    native: boolean,
    maxBytes: number,
  ) {
    this.heap = heap;
    this.#pool = pool;
    this.relaxedSimd = relaxedSimd;
    this.shared = shared;
    this.native = native;
    this.maxBytes = maxBytes;
  }

  /** Compiles the kernels and starts threads. */
  static async start(options: RuntimeOptions = {}): Promise<Runtime> {
    const { module, relaxedSimd, shared } = await compileKernels(options);
    const { memory, maxPages } = createMemory(shared);
    const wanted = options.threads ?? Math.min(coreCount(), MAX_THREADS);
    const threads = shared ? wanted : 1;
    const heap = new Heap(
      memory,
      KERNEL_BYTES + threads * STRIP_BYTES,
      maxPages,
    );
    const native = await loadNative(
      memory,
      WebAssembly.Module.imports(module)
        .flatMap(({ module, kind, name }) =>
          module === "_native" && kind === "function" ? [name] : []
        ),
      options.native !== false,
    );
    const pool = new Pool({
      module,
      memory,
      names: KERNEL_NAMES,
      params: heap.take(PARAMS_BYTES),
      native,
      threads: Array.from({ length: threads }, (_, thread) => {
        const slab = KERNEL_BYTES + thread * STRIP_BYTES;
        return {
          scratch: heap.take(SCRATCH_BYTES),
          slab,
          strips: writeStrips({ address: slab, relaxedSimd, shared }),
        };
      }),
    });
    await pool.start();
    return new Runtime(
      ...[
        heap,
        pool,
        relaxedSimd,
        shared,
        native.addresses.length > 0,
      ] as const,
      maxPages * 65_536,
    );
  }

  /** How many threads run kernels. */
  get threads(): number {
    return this.#pool.threads;
  }

  /**
   * Runs a kernel, and returns when it is done.
   *
   * @param name Which kernel.
   * @param args Its arguments in order: addresses (0 if absent) and other numbers, at most 512.
   * @param parts In how many parts the work is split; see {@linkcode Runtime.parts}.
   * @throws {DeviceError} If the kernel failed.
   */
  run(name: KernelName, args: readonly number[], parts: number): void {
    this.#pool.run(name, args, parts);
  }

  /**
   * In how many parts to split work that can be split evenly.
   *
   * @param work How many elementary steps it has, such as additions of one float.
   * @param most The most parts there can be. Default: as many as pay.
   * @returns A number that does not depend on the number of threads.
   */
  parts(work: number, most = USUAL_PARTS): number {
    return Math.max(
      1,
      Math.min(Math.ceil(work / WORK_PER_PART), most, MAX_PARTS),
    );
  }

  /**
   * Lends memory for the time of a call.
   *
   * @param byteLength How many bytes.
   * @param body Is called with their address, a multiple of 64.
   * @throws {OutOfMemoryError} If there is no more.
   */
  withScratch(byteLength: number, body: (address: number) => void): void {
    const size = Math.max(byteLength, 1);
    const address = this.heap.take(size);
    try {
      body(address);
    } finally {
      this.heap.give(address, size);
    }
  }

  /** The address of as many zeros (float32) as asked for. Kernels only read them. */
  zeros(count: number): number {
    if (this.#zeros.count < count) {
      // Shorter ones stay where they are: the lengths that are asked for are few.
      const address = this.heap.take(count * 4);
      this.heap.bytes(address, count * 4).fill(0);
      this.#zeros = { address, count };
    }
    return this.#zeros.address;
  }

  /** Stops the threads. */
  close(): void {
    this.#pool.close();
  }
}

/** Where a view's first element is; 0 for an absent view. */
export function addressOf(view: View<CpuBuffer> | undefined): number {
  return view === undefined ? 0 : view.buffer.address + view.byteOffset;
}

/** A memory that can grow as far as the platform lets it. */
function createMemory(
  shared: boolean,
): { memory: WebAssembly.Memory; maxPages: number } {
  for (let maxPages = MAX_PAGES;; maxPages /= 2) {
    try {
      const memory = new WebAssembly.Memory({
        initial: STRIP_PAGES,
        maximum: maxPages,
        shared,
      });
      return { memory, maxPages };
    } catch (error) {
      // Address space is scarce on some phones.
      if (maxPages <= STRIP_PAGES) throw error;
    }
  }
}

/** How many threads the machine runs at once. Node has no `navigator` before version 21. */
function coreCount(): number {
  const os = builtinModule<{ availableParallelism(): number }>("node:os");
  return globalThis.navigator?.hardwareConcurrency ??
    os?.availableParallelism() ?? 1;
}
