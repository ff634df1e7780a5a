// @ts-nocheck: AssemblyScript, compiled by ../build.ts

import { address, double, int, slice } from "./_kernel.ts";
import { Four, loadLanes, One, storeLanes } from "./_lanes.ts";
import { magnitudeKey, magnitudeKeys } from "./_magnitude.ts";

/** Keeps what is above a key. */
function keep<W>(x: usize, mask: usize, key: v128): void {
  const w = loadLanes<W>(x);
  const isKept = i32x4.gt_s(magnitudeKeys(w), key);
  storeLanes<W>(x, v128.and(w, isKept));
  storeLanes<W>(mask, v128.and(isKept, i32x4.splat(1)));
}

function keepRange(
  x: usize,
  mask: usize,
  from: i32,
  to: i32,
  above: i32,
): void {
  const key = i32x4.splat(above);
  const end = <usize> to << 2;
  let i = <usize> from << 2;
  for (; i + 16 <= end; i += 16) keep<Four>(x + i, mask + i, key);
  for (; i < end; i += 4) keep<One>(x + i, mask + i, key);
}

/** (x, mask, count, base, threshold): prunes x by the threshold at an address. */
export function pruneBelow(params: usize, part: i32, parts: i32): void {
  const x = address(params, 0);
  const mask = address(params, 1);
  const count = int(params, 2);
  const base = <i64> double(params, 3);
  const threshold = address(params, 4);
  const tau = load<i32>(threshold);
  // The bits of -1 are a negative key, below all others.
  const key = tau < 0 ? tau : <i32> magnitudeKey(tau);
  const ties = <i64> load<u32>(threshold, 4) - base;
  const from = slice(count, part, parts, 16);
  const to = slice(count, part + 1, parts, 16);
  const firstDropped = <i32> max<i64>(from, min<i64>(to, ties));
  keepRange(x, mask, from, firstDropped, key - 1);
  keepRange(x, mask, firstDropped, to, key);
}
