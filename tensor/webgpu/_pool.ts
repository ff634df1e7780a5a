/**
 * Buffers that are used again. A buffer that is given back serves the next
 * allocation of its size class at once: work on it runs in the order in which
 * it was recorded, and uploads are recorded like all other work.
 *
 * Of several the oldest is taken, so that a step that repeats its allocations
 * gets the same buffers each time, and dispatches find the bind groups of the
 * step before. By the last one given back, the order would change all the time.
 */

import { Block } from "./_buffer.ts";

/** The bytes that a block for an allocation of `byteLength` bytes has: powers of two up to 1 MiB, then eighths of an octave. */
export function sizeClass(byteLength: number, maxBufferBytes: number): number {
  const octave = 2 ** Math.ceil(Math.log2(Math.max(byteLength, 256)));
  if (octave <= 2 ** 20) return octave;
  const step = octave / 16;
  const size = Math.ceil(byteLength / step) * step;
  return Math.min(size, maxBufferBytes - maxBufferBytes % 16);
}

/** What a pool does with buffers of the platform. */
export interface PoolPlatform {
  /** Makes a storage buffer. */
  create(size: number): GPUBuffer;
  /** Destroys a block once nothing recorded uses it any more. */
  retire(block: Block): void;
}

/** Limits of a pool, in bytes. */
export interface PoolLimits {
  /** The largest buffer. */
  readonly maxBufferBytes: number;
  /** What used and unused blocks should take together. */
  readonly memoryLimit: number;
}

/** Below this the pool does not care, in bytes. */
const SMALL = 64 * 2 ** 20;

/** How much more than what was ever used at once the pool keeps. */
const SLACK = 1.25;

/** The buffers of one device. */
export class Pool {
  readonly #platform: PoolPlatform;
  readonly #limits: PoolLimits;
  /** Unused blocks, the longest unused first. */
  readonly #free = new Set<Block>();
  /** The same by their sizes, the oldest last. */
  readonly #freeBySize = new Map<number, Block[]>();
  readonly #used = new Set<Block>();
  #freeBytes = 0;
  #usedBytes = 0;
  #peakBytes = 0;

  constructor(platform: PoolPlatform, limits: PoolLimits) {
    this.#platform = platform;
    this.#limits = limits;
  }

  /** Bytes of all blocks. */
  get bytes(): number {
    return this.#usedBytes + this.#freeBytes;
  }

  /** A block of at least so many bytes, of unspecified content. */
  take(byteLength: number): Block {
    const size = sizeClass(byteLength, this.#limits.maxBufferBytes);
    this.#usedBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    let block = this.#freeBySize.get(size)?.pop();
    if (block !== undefined) {
      this.#free.delete(block);
      this.#freeBytes -= size;
    } else {
      this.#shrink(Math.min(
        this.#limits.memoryLimit,
        Math.max(SMALL, SLACK * this.#peakBytes),
      ));
      block = new Block(this.#platform.create(size));
    }
    this.#used.add(block);
    return block;
  }

  /** Takes a block back. */
  give(block: Block): void {
    this.#used.delete(block);
    this.#usedBytes -= block.size;
    this.#free.add(block);
    this.#freeBytes += block.size;
    let list = this.#freeBySize.get(block.size);
    if (list === undefined) this.#freeBySize.set(block.size, list = []);
    list.splice(positionOf(list, block), 0, block);
  }

  /** Gives all unused blocks back to the platform. */
  trim(): void {
    this.#peakBytes = this.#usedBytes;
    this.#shrink(0);
  }

  /** Destroys all blocks, used or not. */
  close(): void {
    for (const block of [...this.#used, ...this.#free]) block.gpu.destroy();
    this.#used.clear();
    this.#free.clear();
    this.#freeBySize.clear();
    this.#freeBytes = this.#usedBytes = 0;
  }

  /** Gives unused blocks back to the platform, the longest unused first, as long as all blocks take too much. */
  #shrink(budget: number): void {
    for (const block of this.#free) {
      if (this.bytes <= budget) return;
      this.#free.delete(block);
      this.#freeBytes -= block.size;
      const list = this.#freeBySize.get(block.size)!;
      list.splice(positionOf(list, block), 1);
      this.#platform.retire(block);
    }
  }
}

/** Where a block is in a list from the youngest to the oldest, or belongs. */
function positionOf(list: readonly Block[], block: Block): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].id > block.id) low = middle + 1;
    else high = middle;
  }
  return low;
}
