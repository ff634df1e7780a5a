/** The compressors of CrAM: which one a step draws, and the masks in use. */

import type { Compressor, Masks, Weight } from "@cram/compress";
import { RandomSource } from "@cram/tensor";

/** Masks of a compressor, and how many steps were taken with it. */
interface Entry {
  masks: Masks | undefined;
  draws: number;
}

export class CompressorDraws implements Disposable {
  readonly #compressors: readonly Compressor[];
  readonly #maskEvery: number;
  readonly #seed: bigint;
  readonly #entries: readonly Entry[];
  #last: Entry | undefined;
  #sparsity = 0;

  constructor(
    compressors: readonly Compressor[],
    maskEvery: number,
    seed: bigint,
  ) {
    this.#compressors = compressors;
    this.#maskEvery = maskEvery;
    this.#seed = seed;
    this.#entries = compressors.map(() => ({ masks: undefined, draws: 0 }));
  }

  /** The sparsity of the compressor that was drawn last. */
  get sparsity(): number {
    return this.#sparsity;
  }

  /** Compresses weights for a step, counted from 1; the masks stay this object's. */
  compress(weights: readonly Weight[], step: number): Masks | undefined {
    // The draw depends on seed and step alone, so that there is no generator to save.
    const drawn = new RandomSource(this.#seed, BigInt(step))
      .integer(this.#compressors.length);
    const compressor = this.#compressors[drawn];
    const entry = this.#entries[drawn];
    this.#last = entry;
    this.#sparsity = compressor.sparsity ?? 0;
    const isFresh = entry.draws % this.#maskEvery === 0;
    if (!isFresh && entry.masks !== undefined) {
      return compressor.compress(weights, entry.masks);
    }
    // Masks that are never used again make room before new ones are found.
    forget(this.#maskEvery === 1 ? this.#entries : [entry]);
    entry.masks = compressor.compress(weights);
    entry.masks?.detach();
    return entry.masks;
  }

  /** Counts the last draw: its step was taken. */
  commit(): void {
    if (this.#last !== undefined) this.#last.draws++;
    this.#last = undefined;
  }

  /** What has to be remembered, by names that begin with `draws.` and `mask.`. */
  state(): { scalars: Record<string, number>; masks: Map<string, Masks> } {
    const scalars: Record<string, number> = {};
    const masks = new Map<string, Masks>();
    for (const [i, entry] of this.#entries.entries()) {
      scalars[`draws.${i}`] = entry.draws;
      if (entry.masks !== undefined && this.#maskEvery > 1) {
        masks.set(`mask.${i}`, entry.masks);
      }
    }
    return { scalars, masks };
  }

  /** Goes on from a state; takes the masks over. */
  load(
    scalars: Readonly<Record<string, number>>,
    masks: (name: string) => Masks | undefined,
  ): void {
    this[Symbol.dispose]();
    for (const [i, entry] of this.#entries.entries()) {
      entry.draws = scalars[`draws.${i}`];
      entry.masks = masks(`mask.${i}`);
    }
  }

  [Symbol.dispose](): void {
    forget(this.#entries);
  }
}

function forget(entries: readonly Entry[]): void {
  for (const entry of entries) {
    entry.masks?.[Symbol.dispose]();
    entry.masks = undefined;
  }
}
