// @ts-nocheck: AssemblyScript, compiled by ../build.ts

import { copyWords } from "./_copy.ts";
import { gelu4, geluTanh4, relu4, tanh4 } from "./_math.ts";
import { gelus, isNative } from "./_native.ts";

/** The number of GELU. */
export const GELU: i32 = 2;

/**
 * Applies an activation in place: 0 none, 1 relu, 2 gelu, 3 geluTanh, 4 tanh.
 * `copy` receives what was there before, unless it is 0; `room` is 16 bytes.
 */
export function activate(
  activation: i32,
  x: usize,
  copy: usize,
  count: i32,
  room: usize,
): void {
  if (copy != 0) memory.copy(copy, x, <usize> count << 2);
  if (activation == 0) return;
  if (activation == GELU && isNative != 0) {
    gelus(x, 1, count, 0);
    return;
  }
  const end = x + (<usize> count << 2);
  for (; x + 16 <= end; x += 16) {
    v128.store(x, activation4(activation, v128.load(x)));
  }
  if (x < end) {
    const rest = <i32> ((end - x) >> 2);
    copyWords(x, room, rest);
    v128.store(room, activation4(activation, v128.load(room)));
    copyWords(room, x, rest);
  }
}

function activation4(activation: i32, x: v128): v128 {
  if (activation == 1) return relu4(x);
  if (activation == GELU) return gelu4(x);
  if (activation == 3) return geluTanh4(x);
  return tanh4(x);
}
