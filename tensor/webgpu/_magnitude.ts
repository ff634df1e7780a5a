/** Magnitudes as kernels compare them. */

/**
 * The bits of |w|, which order as the magnitudes do, denormals too; all NaN
 * are one and the largest. Signed, so that -1 has bits below all of them.
 */
export const MAGNITUDE = `
fn magnitude(bits: u32) -> i32 {
  let size = bits & 0x7fffffffu;
  return i32(select(size, 0x7fffffffu, size > 0x7f800000u));
}
`;
