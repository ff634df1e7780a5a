// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/* Random numbers and dropout. */

import { address, float, int, slice, threadScratch } from "./_kernel.ts";
import { splat } from "./_math.ts";
import { drop, sixteen, spreadState } from "./_philox.ts";

/** k·2⁻²⁴ */
function toUniform(bits: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_u(bits), splat(2 ** -24));
}

/** (out, count, seedLow, seedHigh, streamLow, streamHigh): uniform numbers in [0, 1). */
export function randomUniform(params: usize, part: i32, parts: i32): void {
  const out = address(params, 0);
  const count = int(params, 1);
  const room = threadScratch();
  spreadState(params, 2, room);
  const end = slice(count, part + 1, parts, 16);
  for (let i = slice(count, part, parts, 16); i < end; i += 16) {
    sixteen(i >> 2, room);
    for (let j: usize = 0; j < 64; j += 16) {
      v128.store(room + j, toUniform(v128.load(room + j)));
    }
    const used = <usize> min(16, end - i) << 2;
    memory.copy(out + (<usize> i << 2), room, used);
  }
}

/**
 * (x, out, count, threshold, factor, seedLow, seedHigh, streamLow,
 * streamHigh): 0 where k < threshold, else x·factor.
 */
export function dropout(params: usize, part: i32, parts: i32): void {
  const x = address(params, 0);
  const out = address(params, 1);
  const count = int(params, 2);
  const threshold = i32x4.splat(int(params, 3));
  const factor = splat(float(params, 4));
  const room = threadScratch();
  spreadState(params, 5, room);
  const end = slice(count, part + 1, parts, 16);
  for (let i = slice(count, part, parts, 16); i < end; i += 16) {
    sixteen(i >> 2, room);
    const offset = <usize> i << 2;
    const used = <usize> min(16, end - i) << 2;
    let j: usize = 0;
    for (; j + 16 <= used; j += 16) {
      const bits = v128.load(room + j);
      const y = drop(v128.load(x + offset + j), bits, threshold, factor);
      v128.store(out + offset + j, y);
    }
    for (; j < used; j += 4) {
      const bits = v128.load32_splat(room + j);
      const one = v128.load32_splat(x + offset + j);
      v128.store32_lane(
        out + offset + j,
        drop(one, bits, threshold, factor),
        0,
      );
    }
  }
}
