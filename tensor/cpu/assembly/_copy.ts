// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/** Copies a few floats. */
export function copyFloats(from: usize, to: usize, count: i32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  for (; count > 0; count--) {
    store<f32>(to, load<f32>(from));
    from += 4;
    to += 4;
  }
}
