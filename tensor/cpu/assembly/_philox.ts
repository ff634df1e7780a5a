// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Philox4x32-10 (see ../../_philox.ts), four blocks at a time: lane i of four
 * vectors holds the four words of block i.
 */

import { double } from "./_kernel.ts";

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** Where numbers are kept, then the state and the keys of all rounds, each in all lanes of a vector. */
const STREAM: usize = 64;
const KEYS: usize = 96;

/** Spreads seedLow, seedHigh, streamLow and streamHigh, the arguments from `first` on; 416 bytes of room. */
export function spreadState(params: usize, first: i32, room: usize): void {
  let low = <u32> double(params, first);
  let high = <u32> double(params, first + 1);
  v128.store(room + STREAM, i32x4.splat(<u32> double(params, first + 2)));
  v128.store(room + STREAM, i32x4.splat(<u32> double(params, first + 3)), 16);
  let keys = room + KEYS;
  for (let round = 0; round < ROUNDS; round++) {
    v128.store(keys, i32x4.splat(low));
    v128.store(keys, i32x4.splat(high), 16);
    low += WEYL_0;
    high += WEYL_1;
    keys += 32;
  }
}

/** Writes 16 numbers k to the room: the upper 24 bits of the words of four blocks, from block `first` on. */
export function sixteen(first: i32, room: usize): void {
  // There are less than 2^32 blocks.
  let c0 = i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(0);
  let c2 = v128.load(room + STREAM);
  let c3 = v128.load(room + STREAM, 16);
  const multiplier0 = i32x4.splat(MULTIPLIER_0);
  const multiplier1 = i32x4.splat(MULTIPLIER_1);
  const end = room + KEYS + 32 * ROUNDS;
  for (let keys = room + KEYS; keys < end; keys += 32) {
    // Products of 64 bits, whose upper and lower halves go different ways.
    const a = i64x2.extmul_low_i32x4_u(multiplier0, c0);
    const b = i64x2.extmul_high_i32x4_u(multiplier0, c0);
    const c = i64x2.extmul_low_i32x4_u(multiplier1, c2);
    const d = i64x2.extmul_high_i32x4_u(multiplier1, c2);
    const high0 = v128.shuffle<i32>(a, b, 1, 3, 5, 7);
    const high1 = v128.shuffle<i32>(c, d, 1, 3, 5, 7);
    c0 = v128.xor(v128.xor(high1, c1), v128.load(keys));
    c1 = v128.shuffle<i32>(c, d, 0, 2, 4, 6);
    c2 = v128.xor(v128.xor(high0, c3), v128.load(keys, 16));
    c3 = v128.shuffle<i32>(a, b, 0, 2, 4, 6);
  }
  // From lanes of blocks to the order of words.
  const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  storeBits(room, v128.shuffle<i64>(low01, low23, 0, 2));
  storeBits(room + 16, v128.shuffle<i64>(low01, low23, 1, 3));
  storeBits(room + 32, v128.shuffle<i64>(high01, high23, 0, 2));
  storeBits(room + 48, v128.shuffle<i64>(high01, high23, 1, 3));
}

function storeBits(out: usize, words: v128): void {
  v128.store(out, i32x4.shr_u(words, 8));
}

/** x·factor where its number k is at least the threshold, else 0. */
export function drop(x: v128, bits: v128, threshold: v128, factor: v128): v128 {
  const kept = i32x4.ge_s(bits, threshold);
  return v128.and(f32x4.mul(x, factor), kept);
}
