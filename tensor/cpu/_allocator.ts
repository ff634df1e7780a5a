/**
 * Divides a range of addresses into blocks.
 *
 * @module
 */

/** Blocks start and end at multiples of this many bytes: one cache line, so that threads never share one. */
export const ALIGNMENT = 64;

/**
 * Best fit with immediate coalescing. It knows addresses only; the memory
 * itself belongs to the heap.
 */
export class Allocator {
  /** Free blocks by ascending size, then address. */
  readonly #bySize: { readonly start: number; readonly size: number }[] = [];
  /** The size of each free block, by its start. */
  readonly #sizeAt = new Map<number, number>();
  /** The start of each free block, by its end. */
  readonly #startBefore = new Map<number, number>();

  /** Free blocks at the moment, for tests. */
  get freeBlocks(): readonly {
    readonly start: number;
    readonly size: number;
  }[] {
    return this.#bySize;
  }

  /**
   * Takes a block.
   *
   * @param byteLength Its least size, at least 1.
   * @returns Where it starts, or `undefined` if no free block is large enough.
   */
  take(byteLength: number): number | undefined {
    const size = alignUp(byteLength);
    const index = this.#lowerBound(size, 0);
    if (index === this.#bySize.length) return undefined;
    const block = this.#bySize[index];
    this.#remove(block.start, block.size);
    if (block.size > size) this.#insert(block.start + size, block.size - size);
    return block.start;
  }

  /**
   * Gives a block back, or adds new addresses.
   *
   * @param start Where it starts.
   * @param byteLength The size that was taken.
   */
  give(start: number, byteLength: number): void {
    let size = alignUp(byteLength);
    const before = this.#startBefore.get(start);
    const after = this.#sizeAt.get(start + size);
    if (after !== undefined) {
      this.#remove(start + size, after);
      size += after;
    }
    if (before !== undefined) {
      this.#remove(before, start - before);
      size += start - before;
      start = before;
    }
    this.#insert(start, size);
  }

  /** How many bytes are free right before an address. */
  freeBefore(end: number): number {
    return end - (this.#startBefore.get(end) ?? end);
  }

  #insert(start: number, size: number): void {
    this.#bySize.splice(this.#lowerBound(size, start), 0, { start, size });
    this.#sizeAt.set(start, size);
    this.#startBefore.set(start + size, start);
  }

  #remove(start: number, size: number): void {
    this.#bySize.splice(this.#lowerBound(size, start), 1);
    this.#sizeAt.delete(start);
    this.#startBefore.delete(start + size);
  }

  /** The first free block that is not ordered before a size and start. */
  #lowerBound(size: number, start: number): number {
    let low = 0;
    let high = this.#bySize.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = this.#bySize[middle];
      if (block.size < size || (block.size === size && block.start < start)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

/** The next multiple of {@linkcode ALIGNMENT}. */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
