/**
 * Reference-counted memory of a device.
 *
 * @module
 */

import type { BackendBuffer } from "./backend.ts";
import type { Device } from "./device.ts";

let nextId = 1;

/** Memory that several tensors may share. */
export class Storage {
  /** Grows with every new storage. */
  readonly id: number = nextId++;
  /** Where it lives. */
  readonly device: Device;
  /** What kernels see. */
  readonly buffer: BackendBuffer;
  /** Counts writes in place, by which tapes find out that a value they saved is gone. */
  version = 0;
  #references = 1;
  readonly #free: () => void;

  /** Made by `device.allocate()`, with one reference; `free` is called behind the last. */
  constructor(device: Device, buffer: BackendBuffer, free: () => void) {
    this.device = device;
    this.buffer = buffer;
    this.#free = free;
  }

  /** Whether more than one tensor holds it. */
  get shared(): boolean {
    return this.#references > 1;
  }

  /** Counts one more tensor that holds it. */
  retain(): void {
    this.#references++;
  }

  /** Counts one tensor less; the last frees it. */
  release(): void {
    if (--this.#references === 0) this.#free();
  }
}
