// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/** Copies neighbouring words. */
export function copyWords(source: usize, target: usize, count: i32): void {
  const end = <usize> count << 2;
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) {
    v128.store(target + i, v128.load(source + i));
  }
  for (; i < end; i += 4) store<u32>(target + i, load<u32>(source + i));
}

/** Repeats the word at an address. */
export function repeatWord(
  source: usize,
  target: usize,
  count: i32,
): void {
  const end = <usize> count << 2;
  const words = v128.load32_splat(source);
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) v128.store(target + i, words);
  for (; i < end; i += 4) v128.store32_lane(target + i, words, 0);
}
