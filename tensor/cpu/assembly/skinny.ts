// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/* Products of few rows: each number of B is used so rarely that packing B would cost more than the product. */

import { activate } from "./_activate.ts";
import { address, int, madd, slice, threadScratch } from "./_kernel.ts";

/** Columns of the result that are computed at once. */
const COLUMNS: i32 = 64;

/**
 * (a, b, out, bias, preActivation, activation, batch, m, n, k, and from one
 * product to the next the elements of a, of b; whether B is stored `[n, k]`;
 * elements from one bias to the next: 1, or 0 if all columns have the same):
 * the product of `[m, k]` and `[k, n]`.
 */
export function skinny(params: usize, part: i32, parts: i32): void {
  const bias = address(params, 3);
  const preActivation = address(params, 4);
  const m = int(params, 7);
  const n = int(params, 8);
  const k = int(params, 9);
  const transposed = int(params, 12);
  const room = threadScratch();
  const blocks = (n + COLUMNS - 1) / COLUMNS;
  const end = slice(int(params, 6) * blocks, part + 1, parts);
  for (
    let item = slice(int(params, 6) * blocks, part, parts);
    item < end;
    item++
  ) {
    const batch = item / blocks;
    const first = item % blocks * COLUMNS;
    const count = min(COLUMNS, n - first);
    const b = address(params, 1) + (<usize> (batch * int(params, 11)) << 2);
    for (let row = 0; row < m; row++) {
      const a = address(params, 0) +
        (<usize> (batch * int(params, 10) + row * k) << 2);
      const offset = <usize> ((batch * m + row) * n + first) << 2;
      const sums = address(params, 2) + offset;
      if (transposed != 0) {
        multiplyColumns(a, b + (<usize> (first * k) << 2), k, count, sums);
      } else {
        multiplyRows(a, b + (<usize> first << 2), k, n, count, sums);
      }
      if (bias != 0) {
        const step = <usize> int(params, 13) << 2;
        let from = bias + <usize> first * step;
        for (let i: usize = 0; i < <usize> count << 2; i += 4) {
          store<f32>(sums + i, load<f32>(sums + i) + load<f32>(from));
          from += step;
        }
      }
      const copy = preActivation == 0 ? <usize> 0 : preActivation + offset;
      activate(int(params, 5), sums, copy, count, room);
    }
  }
}

/** sums[j] = Σ_k a[k]·b[k][j] for up to 64 columns of a matrix with n. */
function multiplyRows(
  a: usize,
  b: usize,
  k: i32,
  n: i32,
  count: i32,
  sums: usize,
): void {
  const stride = <usize> n << 2;
  const end = a + (<usize> k << 2);
  let column = 0;
  for (; column + 32 <= count; column += 32) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    let s4 = f32x4.splat(0);
    let s5 = f32x4.splat(0);
    let s6 = f32x4.splat(0);
    let s7 = f32x4.splat(0);
    let from = b + (<usize> column << 2);
    for (let p = a; p < end; p += 4) {
      const x = v128.load32_splat(p);
      s0 = madd(x, v128.load(from), s0);
      s1 = madd(x, v128.load(from, 16), s1);
      s2 = madd(x, v128.load(from, 32), s2);
      s3 = madd(x, v128.load(from, 48), s3);
      s4 = madd(x, v128.load(from, 64), s4);
      s5 = madd(x, v128.load(from, 80), s5);
      s6 = madd(x, v128.load(from, 96), s6);
      s7 = madd(x, v128.load(from, 112), s7);
      from += stride;
    }
    const to = sums + (<usize> column << 2);
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
    v128.store(to, s4, 64);
    v128.store(to, s5, 80);
    v128.store(to, s6, 96);
    v128.store(to, s7, 112);
  }
  for (; column + 4 <= count; column += 4) {
    let sum = f32x4.splat(0);
    let from = b + (<usize> column << 2);
    for (let p = a; p < end; p += 4) {
      sum = madd(v128.load32_splat(p), v128.load(from), sum);
      from += stride;
    }
    v128.store(sums + (<usize> column << 2), sum);
  }
  for (; column < count; column++) {
    let sum: f32 = 0;
    let from = b + (<usize> column << 2);
    for (let p = a; p < end; p += 4) {
      sum += load<f32>(p) * load<f32>(from);
      from += stride;
    }
    store<f32>(sums + (<usize> column << 2), sum);
  }
}

/** sums[j] = Σ_k a[k]·b[j][k]. */
function multiplyColumns(
  a: usize,
  b: usize,
  k: i32,
  count: i32,
  sums: usize,
): void {
  const bytes = <usize> k << 2;
  for (let j = 0; j < count; j++) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    let i: usize = 0;
    for (; i + 64 <= bytes; i += 64) {
      s0 = madd(v128.load(a + i), v128.load(b + i), s0);
      s1 = madd(v128.load(a + i, 16), v128.load(b + i, 16), s1);
      s2 = madd(v128.load(a + i, 32), v128.load(b + i, 32), s2);
      s3 = madd(v128.load(a + i, 48), v128.load(b + i, 48), s3);
    }
    for (; i + 16 <= bytes; i += 16) {
      s0 = madd(v128.load(a + i), v128.load(b + i), s0);
    }
    s0 = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
    let sum = (f32x4.extract_lane(s0, 0) + f32x4.extract_lane(s0, 1)) +
      (f32x4.extract_lane(s0, 2) + f32x4.extract_lane(s0, 3));
    for (; i < bytes; i += 4) sum += load<f32>(a + i) * load<f32>(b + i);
    store<f32>(sums, sum);
    sums += 4;
    b += bytes;
  }
}
