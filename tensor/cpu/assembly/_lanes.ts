// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Loops over rows take four elements at a time and the rest one by one, with
 * the same code for both: `load<Four>` and `load<One>`.
 */

/** Four neighbouring elements. */
export class Four {}
/** One element, which fills all lanes. */
export class One {}

export function loadLanes<W>(address: usize): v128 {
  if (idof<W>() == idof<Four>()) return v128.load(address);
  return v128.load32_splat(address);
}

export function storeLanes<W>(address: usize, x: v128): void {
  if (idof<W>() == idof<Four>()) v128.store(address, x);
  else v128.store32_lane(address, x, 0);
}

/** Bytes of what is loaded at once. */
export function laneBytes<W>(): usize {
  return idof<W>() == idof<Four>() ? 16 : 4;
}

/** Bytes of a row that are loaded by fours. */
export function wholeBytes(bytes: usize): usize {
  return bytes & ~15;
}
