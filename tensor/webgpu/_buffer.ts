/** Memory of the webgpu device. */

import type { BackendBuffer, View } from "../backend.ts";

let nextId = 1;

/** A buffer of the platform, which one allocation after another uses. */
export class Block {
  /** A number that no other block has. */
  readonly id: number = nextId++;
  readonly gpu: GPUBuffer;
  /** Its size in bytes, a multiple of 16. */
  readonly size: number;
  /** How many submits there had been when work on it was recorded last. */
  usedIn = -1;

  constructor(gpu: GPUBuffer) {
    this.gpu = gpu;
    this.size = gpu.size;
  }
}

/** One allocation: a block as long as it is not given back. */
export class GpuBuffer implements BackendBuffer {
  readonly byteLength: number;
  readonly block: Block;

  constructor(byteLength: number, block: Block) {
    this.byteLength = byteLength;
    this.block = block;
  }
}

/** A tensor on the webgpu device. */
export type GpuView = View<GpuBuffer>;
