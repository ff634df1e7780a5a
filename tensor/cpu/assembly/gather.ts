// @ts-nocheck: AssemblyScript, compiled by ../build.ts

import { address, int, slice, threadScratch } from "./_kernel.ts";
import { copyWords, repeatWord } from "./_copy.ts";

/** (x, indices, out, outer, length, inner, count, missing): out[o, i, :] = x[o, indices[i], :]. */
export function gather(params: usize, part: i32, parts: i32): void {
  const x = address(params, 0);
  const indices = address(params, 1);
  const out = address(params, 2);
  const outer = int(params, 3);
  const length = int(params, 4);
  const inner = int(params, 5);
  const count = int(params, 6);
  const missing = threadScratch();
  store<i32>(missing, int(params, 7));
  const rowBytes = <usize> inner << 2;
  const end = slice(outer * count, part + 1, parts);
  for (let row = slice(outer * count, part, parts); row < end; row++) {
    const o = row / count;
    const index = load<i32>(indices + (<usize> (row - o * count) << 2));
    const target = out + <usize> row * rowBytes;
    if (<u32> index < <u32> length) {
      copyWords(x + <usize> (o * length + index) * rowBytes, target, inner);
    } else {
      repeatWord(missing, target, inner);
    }
  }
}

class Float {}
class Int {}

/** Adds a row of words to another. */
function addRow<T>(source: usize, target: usize, count: i32): void {
  const end = <usize> count << 2;
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) {
    const a = v128.load(target + i);
    const b = v128.load(source + i);
    const sum = idof<T>() == idof<Float>() ? f32x4.add(a, b) : i32x4.add(a, b);
    v128.store(target + i, sum);
  }
  for (; i < end; i += 4) {
    const a = v128.load32_splat(target + i);
    const b = v128.load32_splat(source + i);
    const sum = idof<T>() == idof<Float>() ? f32x4.add(a, b) : i32x4.add(a, b);
    v128.store32_lane(target + i, sum, 0);
  }
}

/**
 * (indices, updates, out, outer, length, inner, count, byColumns):
 * out[o, indices[i], :] += updates[o, i, :]. A part owns columns or rows of
 * the output, and adds to them in ascending order of i.
 */
function scatter<T>(params: usize, part: i32, parts: i32): void {
  const indices = address(params, 0);
  const updates = address(params, 1);
  const out = address(params, 2);
  const outer = int(params, 3);
  const length = int(params, 4);
  const inner = int(params, 5);
  const count = int(params, 6);
  const byColumns = int(params, 7) != 0;
  const firstColumn = byColumns ? slice(inner, part, parts, 16) : 0;
  const columns = (byColumns ? slice(inner, part + 1, parts, 16) : inner) -
    firstColumn;
  const firstRow = byColumns ? 0 : slice(length, part, parts);
  const endRow = byColumns ? length : slice(length, part + 1, parts);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < count; i++) {
      const index = load<i32>(indices + (<usize> i << 2));
      if (index < firstRow || index >= endRow) continue;
      const source = (o * count + i) * inner + firstColumn;
      const target = (o * length + index) * inner + firstColumn;
      addRow<T>(
        updates + (<usize> source << 2),
        out + (<usize> target << 2),
        columns,
      );
    }
  }
}

export function scatterAdd(params: usize, part: i32, parts: i32): void {
  scatter<Float>(params, part, parts);
}

export function scatterAddInt(params: usize, part: i32, parts: i32): void {
  scatter<Int>(params, part, parts);
}
