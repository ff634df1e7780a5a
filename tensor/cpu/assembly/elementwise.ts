// @ts-nocheck: AssemblyScript, compiled by ../build.ts
import { address, int, slice } from "./_kernel.ts";

/** (a, b, out, count): out = a + b. */
export function add(params: usize, part: i32, parts: i32): void {
  const a = address(params, 0);
  const b = address(params, 1);
  const out = address(params, 2);
  const count = int(params, 3);
  const end = <usize> slice(count, part + 1, parts, 16) << 2;
  let i = <usize> slice(count, part, parts, 16) << 2;
  for (; i + 16 <= end; i += 16) {
    v128.store(out + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
  }
  for (; i < end; i += 4) {
    store<f32>(out + i, load<f32>(a + i) + load<f32>(b + i));
  }
}
