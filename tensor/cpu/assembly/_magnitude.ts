// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Magnitudes are compared as whole numbers: the bits of a float32 without its
 * sign are in the order of its magnitude, also where it is subnormal. All
 * NaNs are the same key, above infinity.
 */

/** The key of all NaNs. */
export const NAN_KEY = 0x7f800001;

/** The key of one float32. */
export function magnitudeKey(bits: u32): u32 {
  return min<u32>(bits & 0x7fffffff, NAN_KEY);
}

/** The keys of four float32. */
export function magnitudeKeys(x: v128): v128 {
  return i32x4.min_u(
    v128.and(x, i32x4.splat(0x7fffffff)),
    i32x4.splat(NAN_KEY),
  );
}

/** The bits of a float32 that has a key. */
export function keyBits(key: u32): u32 {
  return key == NAN_KEY ? 0x7fffffff : key;
}
