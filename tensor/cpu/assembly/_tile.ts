// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * The two micro-kernels of all products: a tile of 4 rows and 16 columns whose
 * 16 vectors of sums stay in registers. Both read B in panels of 16 columns,
 * `[k][16]`.
 *
 * They do what strips (_strips.ts) leave: rests of slabs, partial tiles and
 * panels. Unrolling by 2 is the fastest of what was tried (1, 2, 3, 4; tiles of 3
 * to 8 rows and 8 to 24 columns).
 */

import { madd } from "./_kernel.ts";

/** Rows of a tile. */
export const TILE_ROWS: i32 = 4;

/** Columns of a tile. */
export const TILE_COLUMNS: i32 = 16;

/** Bytes of a row of a panel. */
export const PANEL_BYTES: usize = 64;

/**
 * A in rows. `pointers` holds, for each segment of the sum over k, the
 * addresses of the four rows' first element; the segment's length is at
 * `lengths`, `lengthStride` bytes from one to the next.
 *
 * target_i = base_i + Σ_k row_i[k] · b[k]
 */
export function rowsTile(
  pointers: usize,
  lengths: usize,
  lengthStride: usize,
  segments: i32,
  b: usize,
  base0: usize,
  base1: usize,
  base2: usize,
  base3: usize,
  target0: usize,
  target1: usize,
  target2: usize,
  target3: usize,
): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c02 = f32x4.splat(0);
  let c03 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c12 = f32x4.splat(0);
  let c13 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c22 = f32x4.splat(0);
  let c23 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c32 = f32x4.splat(0);
  let c33 = f32x4.splat(0);
  for (let s = 0; s < segments; s++) {
    let a0 = <usize> load<u32>(pointers);
    let a1 = <usize> load<u32>(pointers, 4);
    let a2 = <usize> load<u32>(pointers, 8);
    let a3 = <usize> load<u32>(pointers, 12);
    pointers += 16;
    let k = load<i32>(lengths);
    lengths += lengthStride;
    for (; k >= 2; k -= 2) {
      const ub0 = v128.load(b);
      const ub1 = v128.load(b, 16);
      const ub2 = v128.load(b, 32);
      const ub3 = v128.load(b, 48);
      const ua0 = v128.load32_splat(a0);
      c00 = madd(ua0, ub0, c00);
      c01 = madd(ua0, ub1, c01);
      c02 = madd(ua0, ub2, c02);
      c03 = madd(ua0, ub3, c03);
      const ua1 = v128.load32_splat(a1);
      c10 = madd(ua1, ub0, c10);
      c11 = madd(ua1, ub1, c11);
      c12 = madd(ua1, ub2, c12);
      c13 = madd(ua1, ub3, c13);
      const ua2 = v128.load32_splat(a2);
      c20 = madd(ua2, ub0, c20);
      c21 = madd(ua2, ub1, c21);
      c22 = madd(ua2, ub2, c22);
      c23 = madd(ua2, ub3, c23);
      const ua3 = v128.load32_splat(a3);
      c30 = madd(ua3, ub0, c30);
      c31 = madd(ua3, ub1, c31);
      c32 = madd(ua3, ub2, c32);
      c33 = madd(ua3, ub3, c33);
      const vb0 = v128.load(b, 64);
      const vb1 = v128.load(b, 80);
      const vb2 = v128.load(b, 96);
      const vb3 = v128.load(b, 112);
      const va0 = v128.load32_splat(a0, 4);
      c00 = madd(va0, vb0, c00);
      c01 = madd(va0, vb1, c01);
      c02 = madd(va0, vb2, c02);
      c03 = madd(va0, vb3, c03);
      const va1 = v128.load32_splat(a1, 4);
      c10 = madd(va1, vb0, c10);
      c11 = madd(va1, vb1, c11);
      c12 = madd(va1, vb2, c12);
      c13 = madd(va1, vb3, c13);
      const va2 = v128.load32_splat(a2, 4);
      c20 = madd(va2, vb0, c20);
      c21 = madd(va2, vb1, c21);
      c22 = madd(va2, vb2, c22);
      c23 = madd(va2, vb3, c23);
      const va3 = v128.load32_splat(a3, 4);
      c30 = madd(va3, vb0, c30);
      c31 = madd(va3, vb1, c31);
      c32 = madd(va3, vb2, c32);
      c33 = madd(va3, vb3, c33);
      a0 += 8;
      a1 += 8;
      a2 += 8;
      a3 += 8;
      b += 128;
    }
    if (k > 0) {
      const ub0 = v128.load(b);
      const ub1 = v128.load(b, 16);
      const ub2 = v128.load(b, 32);
      const ub3 = v128.load(b, 48);
      const ua0 = v128.load32_splat(a0);
      c00 = madd(ua0, ub0, c00);
      c01 = madd(ua0, ub1, c01);
      c02 = madd(ua0, ub2, c02);
      c03 = madd(ua0, ub3, c03);
      const ua1 = v128.load32_splat(a1);
      c10 = madd(ua1, ub0, c10);
      c11 = madd(ua1, ub1, c11);
      c12 = madd(ua1, ub2, c12);
      c13 = madd(ua1, ub3, c13);
      const ua2 = v128.load32_splat(a2);
      c20 = madd(ua2, ub0, c20);
      c21 = madd(ua2, ub1, c21);
      c22 = madd(ua2, ub2, c22);
      c23 = madd(ua2, ub3, c23);
      const ua3 = v128.load32_splat(a3);
      c30 = madd(ua3, ub0, c30);
      c31 = madd(ua3, ub1, c31);
      c32 = madd(ua3, ub2, c32);
      c33 = madd(ua3, ub3, c33);
      b += 64;
    }
  }
  c00 = f32x4.add(c00, v128.load(base0));
  c01 = f32x4.add(c01, v128.load(base0, 16));
  c02 = f32x4.add(c02, v128.load(base0, 32));
  c03 = f32x4.add(c03, v128.load(base0, 48));
  c10 = f32x4.add(c10, v128.load(base1));
  c11 = f32x4.add(c11, v128.load(base1, 16));
  c12 = f32x4.add(c12, v128.load(base1, 32));
  c13 = f32x4.add(c13, v128.load(base1, 48));
  c20 = f32x4.add(c20, v128.load(base2));
  c21 = f32x4.add(c21, v128.load(base2, 16));
  c22 = f32x4.add(c22, v128.load(base2, 32));
  c23 = f32x4.add(c23, v128.load(base2, 48));
  c30 = f32x4.add(c30, v128.load(base3));
  c31 = f32x4.add(c31, v128.load(base3, 16));
  c32 = f32x4.add(c32, v128.load(base3, 32));
  c33 = f32x4.add(c33, v128.load(base3, 48));
  v128.store(target0, c00);
  v128.store(target0, c01, 16);
  v128.store(target0, c02, 32);
  v128.store(target0, c03, 48);
  v128.store(target1, c10);
  v128.store(target1, c11, 16);
  v128.store(target1, c12, 32);
  v128.store(target1, c13, 48);
  v128.store(target2, c20);
  v128.store(target2, c21, 16);
  v128.store(target2, c22, 32);
  v128.store(target2, c23, 48);
  v128.store(target3, c30);
  v128.store(target3, c31, 16);
  v128.store(target3, c32, 32);
  v128.store(target3, c33, 48);
}

/**
 * A in columns. `pointers` holds, for each k, the address of a run of numbers,
 * of which the four at `offset` are column k of the tile.
 *
 * target_i = base_i + Σ_k pointers[k][offset + i] · b[k]
 */
export function columnsTile(
  pointers: usize,
  offset: usize,
  length: i32,
  b: usize,
  base0: usize,
  base1: usize,
  base2: usize,
  base3: usize,
  target0: usize,
  target1: usize,
  target2: usize,
  target3: usize,
): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c02 = f32x4.splat(0);
  let c03 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c12 = f32x4.splat(0);
  let c13 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c22 = f32x4.splat(0);
  let c23 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c32 = f32x4.splat(0);
  let c33 = f32x4.splat(0);
  for (; length >= 2; length -= 2) {
    const p = <usize> load<u32>(pointers) + offset;
    const q = <usize> load<u32>(pointers, 4) + offset;
    const ub0 = v128.load(b);
    const ub1 = v128.load(b, 16);
    const ub2 = v128.load(b, 32);
    const ub3 = v128.load(b, 48);
    const ua0 = v128.load32_splat(p);
    c00 = madd(ua0, ub0, c00);
    c01 = madd(ua0, ub1, c01);
    c02 = madd(ua0, ub2, c02);
    c03 = madd(ua0, ub3, c03);
    const ua1 = v128.load32_splat(p, 4);
    c10 = madd(ua1, ub0, c10);
    c11 = madd(ua1, ub1, c11);
    c12 = madd(ua1, ub2, c12);
    c13 = madd(ua1, ub3, c13);
    const ua2 = v128.load32_splat(p, 8);
    c20 = madd(ua2, ub0, c20);
    c21 = madd(ua2, ub1, c21);
    c22 = madd(ua2, ub2, c22);
    c23 = madd(ua2, ub3, c23);
    const ua3 = v128.load32_splat(p, 12);
    c30 = madd(ua3, ub0, c30);
    c31 = madd(ua3, ub1, c31);
    c32 = madd(ua3, ub2, c32);
    c33 = madd(ua3, ub3, c33);
    const vb0 = v128.load(b, 64);
    const vb1 = v128.load(b, 80);
    const vb2 = v128.load(b, 96);
    const vb3 = v128.load(b, 112);
    const va0 = v128.load32_splat(q);
    c00 = madd(va0, vb0, c00);
    c01 = madd(va0, vb1, c01);
    c02 = madd(va0, vb2, c02);
    c03 = madd(va0, vb3, c03);
    const va1 = v128.load32_splat(q, 4);
    c10 = madd(va1, vb0, c10);
    c11 = madd(va1, vb1, c11);
    c12 = madd(va1, vb2, c12);
    c13 = madd(va1, vb3, c13);
    const va2 = v128.load32_splat(q, 8);
    c20 = madd(va2, vb0, c20);
    c21 = madd(va2, vb1, c21);
    c22 = madd(va2, vb2, c22);
    c23 = madd(va2, vb3, c23);
    const va3 = v128.load32_splat(q, 12);
    c30 = madd(va3, vb0, c30);
    c31 = madd(va3, vb1, c31);
    c32 = madd(va3, vb2, c32);
    c33 = madd(va3, vb3, c33);
    pointers += 8;
    b += 128;
  }
  if (length > 0) {
    const p = <usize> load<u32>(pointers) + offset;
    const ub0 = v128.load(b);
    const ub1 = v128.load(b, 16);
    const ub2 = v128.load(b, 32);
    const ub3 = v128.load(b, 48);
    const ua0 = v128.load32_splat(p);
    c00 = madd(ua0, ub0, c00);
    c01 = madd(ua0, ub1, c01);
    c02 = madd(ua0, ub2, c02);
    c03 = madd(ua0, ub3, c03);
    const ua1 = v128.load32_splat(p, 4);
    c10 = madd(ua1, ub0, c10);
    c11 = madd(ua1, ub1, c11);
    c12 = madd(ua1, ub2, c12);
    c13 = madd(ua1, ub3, c13);
    const ua2 = v128.load32_splat(p, 8);
    c20 = madd(ua2, ub0, c20);
    c21 = madd(ua2, ub1, c21);
    c22 = madd(ua2, ub2, c22);
    c23 = madd(ua2, ub3, c23);
    const ua3 = v128.load32_splat(p, 12);
    c30 = madd(ua3, ub0, c30);
    c31 = madd(ua3, ub1, c31);
    c32 = madd(ua3, ub2, c32);
    c33 = madd(ua3, ub3, c33);
  }
  c00 = f32x4.add(c00, v128.load(base0));
  c01 = f32x4.add(c01, v128.load(base0, 16));
  c02 = f32x4.add(c02, v128.load(base0, 32));
  c03 = f32x4.add(c03, v128.load(base0, 48));
  c10 = f32x4.add(c10, v128.load(base1));
  c11 = f32x4.add(c11, v128.load(base1, 16));
  c12 = f32x4.add(c12, v128.load(base1, 32));
  c13 = f32x4.add(c13, v128.load(base1, 48));
  c20 = f32x4.add(c20, v128.load(base2));
  c21 = f32x4.add(c21, v128.load(base2, 16));
  c22 = f32x4.add(c22, v128.load(base2, 32));
  c23 = f32x4.add(c23, v128.load(base2, 48));
  c30 = f32x4.add(c30, v128.load(base3));
  c31 = f32x4.add(c31, v128.load(base3, 16));
  c32 = f32x4.add(c32, v128.load(base3, 32));
  c33 = f32x4.add(c33, v128.load(base3, 48));
  v128.store(target0, c00);
  v128.store(target0, c01, 16);
  v128.store(target0, c02, 32);
  v128.store(target0, c03, 48);
  v128.store(target1, c10);
  v128.store(target1, c11, 16);
  v128.store(target1, c12, 32);
  v128.store(target1, c13, 48);
  v128.store(target2, c20);
  v128.store(target2, c21, 16);
  v128.store(target2, c22, 32);
  v128.store(target2, c23, 48);
  v128.store(target3, c30);
  v128.store(target3, c31, 16);
  v128.store(target3, c32, 32);
  v128.store(target3, c33, 48);
}
