/**
 * The memory of the cpu device: one WebAssembly memory that all threads see.
 *
 * @module
 */

import { OutOfMemoryError } from "../errors.ts";
import { ALIGNMENT, alignUp, Allocator } from "./_allocator.ts";

const PAGE_BYTES = 65_536;

/** Kernels may read, not write, a vector that juts out of a block. */
const MARGIN_BYTES = ALIGNMENT;

/** The least the memory grows by at once. */
const GROWTH_BYTES = 16 * 1024 * 1024;

/** The most pages that 32-bit addresses reach. */
export const MAX_PAGES = 65_536;

/** Hands out blocks of a WebAssembly memory, and lets it grow. */
export class Heap {
  readonly #memory: WebAssembly.Memory;
  readonly #allocator = new Allocator();
  readonly #maxBytes: number;
  #end: number;
  #bytes: Uint8Array;

  /**
   * @param memory The memory.
   * @param base The first address that is not the kernels' own.
   * @param maxPages How far the memory can grow.
   */
  constructor(memory: WebAssembly.Memory, base: number, maxPages: number) {
    this.#memory = memory;
    this.#maxBytes = maxPages * PAGE_BYTES - MARGIN_BYTES;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#end = this.#bytes.length - MARGIN_BYTES;
    const start = alignUp(base);
    this.#allocator.give(start, this.#end - start);
  }

  /**
   * Takes a block of unspecified content, aligned to 64 bytes.
   *
   * @throws {OutOfMemoryError} If the memory cannot grow that far.
   */
  take(byteLength: number): number {
    const address = this.#allocator.take(byteLength);
    if (address !== undefined) return address;
    this.#grow(byteLength);
    return this.#allocator.take(byteLength)!;
  }

  /** Gives a block back. */
  give(address: number, byteLength: number): void {
    this.#allocator.give(address, byteLength);
  }

  /** A view of bytes; valid until the next block is taken. */
  bytes(address: number, byteLength: number): Uint8Array {
    return this.#bytes.subarray(address, address + byteLength);
  }

  /** Writes int32 at an address. */
  writeInts(address: number, values: readonly number[]): void {
    new Int32Array(this.#bytes.buffer, address, values.length).set(values);
  }

  #grow(byteLength: number): void {
    const missing = alignUp(byteLength) -
      this.#allocator.freeBefore(this.#end);
    const room = this.#maxBytes - this.#end;
    const wanted = Math.min(
      room,
      Math.max(missing, GROWTH_BYTES, this.#end / 8),
    );
    const pages = Math.ceil(wanted / PAGE_BYTES);
    if (missing > room || !this.#tryGrow(pages)) {
      throw new OutOfMemoryError(
        `Cannot allocate ${byteLength} bytes on the cpu device: its memory of ${this.#end} bytes cannot grow by ${missing} bytes`,
      );
    }
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#allocator.give(this.#end, pages * PAGE_BYTES);
    this.#end += pages * PAGE_BYTES;
  }

  #tryGrow(pages: number): boolean {
    try {
      this.#memory.grow(pages);
      return true;
    } catch { // RangeError: the platform has no more
      return false;
    }
  }
}
