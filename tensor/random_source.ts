/**
 * A source of random sequences, for programs that draw many times.
 *
 * @module
 */

import { ArgumentError } from "./errors.ts";
import { philoxWords } from "./_philox.ts";
import { type RandomSequence, randomState } from "./_random_state.ts";

/**
 * Hands out the streams of one seed, one after the other, so that no two draws
 * of a program are the same. Its whole state is `seed` and `stream`: a source
 * made from them goes on where this one is.
 *
 * @example Two layers, an order of examples, and going on later
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, randomNormal, RandomSource } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const random = new RandomSource(42n);
 * const first = randomNormal(device, [8, 4], random.next());
 * const second = randomNormal(device, [4, 2], random.next());
 * const later = new RandomSource(random.seed, random.stream);
 * assertEquals(later.permutation(5), random.permutation(5));
 * ```
 */
export class RandomSource {
  /** What all draws come from. */
  readonly seed: bigint;
  #stream: bigint;

  /**
   * Begins at a stream.
   *
   * @param seed What all draws come from; 0 to 2^64 - 1.
   * @param stream The first stream to hand out.
   * @throws {ArgumentError} If seed or stream is no bigint of 64 bits.
   */
  constructor(seed: bigint, stream = 0n) {
    randomState("RandomSource", { seed, stream });
    this.seed = seed;
    this.#stream = stream;
  }

  /** The stream that is handed out next. */
  get stream(): bigint {
    return this.#stream;
  }

  /**
   * Hands out a sequence that no other draw of this source uses.
   *
   * @returns Options for {@linkcode randomUniform}, `dropout` and the like.
   */
  next(): Required<RandomSequence> {
    return { seed: this.seed, stream: this.#stream++ };
  }

  /**
   * Draws a number on the host.
   *
   * @returns A multiple of 2^-53 in [0, 1).
   */
  uniform(): number {
    const [high, low] = this.#words(2);
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) * 2 ** -53;
  }

  /**
   * Draws a whole number on the host.
   *
   * @param bound What it stays below; 1 to 2^32.
   * @returns One of 0 to `bound` - 1.
   * @throws {ArgumentError} If `bound` is out of its range.
   */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new ArgumentError(
        `Cannot draw a whole number below ${bound}: expected 1 to 2^32`,
      );
    }
    return Math.floor(this.uniform() * bound);
  }

  /**
   * Draws an order of things (Fisher and Yates).
   *
   * @param length How many things; 0 to 2^32 - 1.
   * @returns The numbers 0 to `length` - 1, in an order drawn evenly.
   * @throws {ArgumentError} If `length` is out of its range.
   */
  permutation(length: number): Uint32Array<ArrayBuffer> {
    if (!Number.isInteger(length) || length < 0 || length >= 2 ** 32) {
      throw new ArgumentError(
        `Cannot permute ${length} things: expected 0 to 2^32 - 1`,
      );
    }
    const order = Uint32Array.from({ length }, (_, i) => i);
    const words = this.#words(length);
    for (let i = length - 1; i > 0; i--) {
      const j = Math.floor(words[i] * 2 ** -32 * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  #words(count: number): Uint32Array<ArrayBuffer> {
    return philoxWords(randomState("RandomSource", this.next()), count);
  }
}
