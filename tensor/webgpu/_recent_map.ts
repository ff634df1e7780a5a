/** A bounded map from short sequences of 32-bit words, as caches of every dispatch need it: no strings are made to look something up. */

interface Entry<V> {
  readonly words: Uint32Array;
  readonly value: V;
}

/**
 * Keeps what was used recently: at least the last `capacity / 2` values that
 * were set or found, at most `capacity`. There are two generations: when the
 * young one is full, the old one is given up.
 */
export class RecentMap<V> {
  readonly #perGeneration: number;
  readonly #onEvict: (value: V) => void;
  #young = new Map<number, Entry<V>>();
  #old = new Map<number, Entry<V>>();

  /**
   * @param capacity How many values are kept at most.
   * @param onEvict Told of each value that is kept no more.
   */
  constructor(capacity: number, onEvict: (value: V) => void = () => {}) {
    this.#perGeneration = capacity >> 1;
    this.#onEvict = onEvict;
  }

  /** How many values are kept. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Finds the value of the first `length` words. */
  get(words: Uint32Array, length: number): V | undefined {
    const hash = hashOf(words, length);
    let entry = this.#young.get(hash);
    if (entry !== undefined) {
      return isSame(entry, words, length) ? entry.value : undefined;
    }
    entry = this.#old.get(hash);
    if (entry === undefined || !isSame(entry, words, length)) return undefined;
    this.#old.delete(hash);
    this.#add(hash, entry);
    return entry.value;
  }

  /** Keeps a value for the first `length` words, which have none. */
  set(words: Uint32Array, length: number, value: V): void {
    const hash = hashOf(words, length);
    // Two sequences with one hash are rare: the later one takes the place.
    this.#evict(this.#young, hash);
    this.#evict(this.#old, hash);
    this.#add(hash, { words: words.slice(0, length), value });
  }

  #add(hash: number, entry: Entry<V>): void {
    if (this.#young.size >= this.#perGeneration) {
      for (const { value } of this.#old.values()) this.#onEvict(value);
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(hash, entry);
  }

  #evict(generation: Map<number, Entry<V>>, hash: number): void {
    const entry = generation.get(hash);
    if (entry === undefined) return;
    generation.delete(hash);
    this.#onEvict(entry.value);
  }
}

/** The mixing of MurmurHash3; 30 bits, which engines keep without a box. */
function hashOf(words: Uint32Array, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) {
    let word = Math.imul(words[i], 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash ^= word;
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64 | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 2;
}

function isSame<V>(
  entry: Entry<V>,
  words: Uint32Array,
  length: number,
): boolean {
  if (entry.words.length !== length) return false;
  for (let i = 0; i < length; i++) {
    if (entry.words[i] !== words[i]) return false;
  }
  return true;
}
