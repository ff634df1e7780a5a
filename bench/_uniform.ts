/**
 * Numbers that every library of a comparison can make for itself.
 *
 * @module
 */

/**
 * Numbers evenly from [-1, 1): a hash of their index (the finalizer of
 * MurmurHash3). `bench/python/peer.py` makes the same ones.
 */
export function uniform(seed: number, count: number): Float32Array {
  const values = new Float32Array(count);
  const start = Math.imul(seed, 0x9e3779b9);
  for (let i = 0; i < count; i++) {
    let h = (start + i) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    values[i] = (h >>> 8) / 2 ** 23 - 1;
  }
  return values;
}

/** Whole numbers from `low` to below `high`. */
export function integers(
  seed: number,
  count: number,
  low: number,
  high: number,
): Int32Array {
  return Int32Array.from(
    uniform(seed, count),
    (x) => low + Math.floor((x + 1) / 2 * (high - low)),
  );
}

/** The product of a shape's sizes. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
