/**
 * Tensors in a few numbers: the norm, and products with vectors of -1 and 1.
 *
 * For an error e and such a vector s that knows nothing of it, s·e is as large
 * as |e| in the mean square (Alon, Matias, Szegedy, STOC 1996). So a few
 * products tell how far a tensor is from that of a golden, whatever its size.
 * `goldens/fingerprint.py` computes the same.
 *
 * @module
 */

import type { HostArray } from "@cram/tensor";
import { assert } from "@std/assert";

/** The norm, then the products. */
export type Fingerprint = readonly number[];

const VECTORS = 4;

/** A word whose lowest bits are the signs of an element: a hash of its index. */
function signs(index: number): number {
  let h = Math.imul(index, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae3d);
  return h ^ (h >>> 16);
}

function fingerprint(values: HostArray): Fingerprint {
  let squares = 0;
  const products = new Float64Array(VECTORS);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const h = signs(i);
    squares += value * value;
    for (let bit = 0; bit < VECTORS; bit++) {
      products[bit] += h >>> bit & 1 ? -value : value;
    }
  }
  return [Math.sqrt(squares), ...products];
}

/**
 * How far values are from those of a fingerprint, relative to their norm: an
 * estimate of the error's norm, or the difference of the norms if it is larger.
 */
export function relativeError(
  values: HostArray,
  [norm, ...products]: Fingerprint,
): number {
  const [ownNorm, ...ownProducts] = fingerprint(values);
  const error = Math.hypot(...products.map((x, i) => x - ownProducts[i])) /
    Math.sqrt(VECTORS);
  return Math.max(error, Math.abs(norm - ownNorm)) / norm;
}

/** Checks that values are as close to those of a fingerprint as `tolerance`. */
export function assertFingerprint(
  what: string,
  values: HostArray,
  expected: Fingerprint,
  tolerance: number,
): void {
  const error = relativeError(values, expected);
  assert(
    error <= tolerance,
    `${what} differs by ${error.toExponential(1)} of its norm: ${
      fingerprint(values)
    } instead of ${expected}`,
  );
}
