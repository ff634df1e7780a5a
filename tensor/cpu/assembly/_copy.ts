// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/* Numbers of 4 bytes, whatever they mean. */

/** Copies neighbours. */
export function copyWords(from: usize, to: usize, count: i32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  for (; count > 0; count--) {
    store<u32>(to, load<u32>(from));
    from += 4;
    to += 4;
  }
}

/** Repeats the number at an address. */
export function repeatWord(from: usize, to: usize, count: i32): void {
  const words = v128.load32_splat(from);
  for (; count >= 4; count -= 4) {
    v128.store(to, words);
    to += 16;
  }
  for (; count > 0; count--) {
    v128.store32_lane(to, words, 0);
    to += 4;
  }
}
