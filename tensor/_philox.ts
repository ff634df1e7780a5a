/**
 * Philox4x32-10: numbers that are a keyed function of a counter, so that any
 * element of a random tensor can be computed on its own.
 *
 * J. Salmon, M. Moraes, R. Dror, D. Shaw: "Parallel Random Numbers: As Easy
 * as 1, 2, 3", SC 2011.
 */

import type { RandomState } from "./backend.ts";

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
/** The golden ratio and √3 - 1, in 32 bits. */
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;

/** The upper 32 bits of a product of two unsigned 32-bit numbers, by halves. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = Math.imul(aLow, bLow);
  const middle = (Math.imul(aHigh, bLow) + (low >>> 16)) >>> 0;
  const other = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (other >>> 16)) | 0;
}

/** Encrypts the counter in the first four words of `block` in place. */
export function philox(
  block: Uint32Array,
  keyLow: number,
  keyHigh: number,
): void {
  let c0 = block[0];
  let c1 = block[1];
  let c2 = block[2];
  let c3 = block[3];
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIERS[0], c0);
    const low0 = Math.imul(MULTIPLIERS[0], c0);
    const high1 = multiplyHigh(MULTIPLIERS[1], c2);
    const low1 = Math.imul(MULTIPLIERS[1], c2);
    c0 = high1 ^ c1 ^ keyLow;
    c1 = low1;
    c2 = high0 ^ c3 ^ keyHigh;
    c3 = low0;
    keyLow = (keyLow + WEYL[0]) | 0;
    keyHigh = (keyHigh + WEYL[1]) | 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/** Words of the sequence that {@linkcode RandomState} describes, from the first one of a block on. */
export function philoxWords(
  state: RandomState,
  count: number,
  firstBlock = 0,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(count);
  const block = new Uint32Array(4);
  for (let first = 0; first < count; first += 4) {
    const index = firstBlock + first / 4;
    block[0] = index;
    block[1] = Math.floor(index / 2 ** 32);
    block[2] = state.streamLow;
    block[3] = state.streamHigh;
    philox(block, state.seedLow, state.seedHigh);
    for (let i = 0; i < 4 && first + i < count; i++) {
      words[first + i] = block[i];
    }
  }
  return words;
}
