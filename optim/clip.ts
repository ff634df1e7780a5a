/**
 * Clipping of gradients by their global norm.
 *
 * @module
 */

import {
  add,
  ArgumentError,
  clip,
  concat,
  div,
  l2Norm,
  reshape,
  type Tensor,
} from "@cram/tensor";

/**
 * Clips the norm over all parameters, as `torch.nn.utils.clip_grad_norm_`:
 * gradients are multiplied by min(1, maxNorm / (norm + 1e-6)).
 */
export interface Clipping {
  /** The largest norm. */
  readonly maxNorm: number;
  /**
   * Where in a step with two passes: the gradient of the first pass
   * (`first`), which changes the ascent too; each of the two by itself
   * (`each`); or the gradient that the base optimizer sees (`combined`).
   * Default: `combined`.
   */
  readonly where?: "first" | "each" | "combined";
}

/** Checks a clipping. */
export function checkClipping({ maxNorm, where = "combined" }: Clipping): void {
  if (!(maxNorm > 0 && maxNorm < Infinity)) {
    throw new ArgumentError(
      `Cannot clip gradients to norm ${maxNorm}: expected a number above 0`,
    );
  }
  if (!["first", "each", "combined"].includes(where)) {
    throw new ArgumentError(
      `Cannot clip gradients at "${where}": expected "first", "each" or "combined"`,
    );
  }
}

/** The norm over flat tensors, a scalar on the device. */
export function globalNorm(chunks: readonly Tensor[]): Tensor {
  const norms = chunks.map((chunk) => l2Norm(chunk));
  return norms.length === 1
    ? norms[0]
    : l2Norm(concat(norms.map((norm) => reshape(norm, [1]))));
}

/** Keeps a gradient of 0 from being divided by. */
const NORM_EPSILON = 1e-12;

/** What makes an ascent along flat tensors have length ρ, a scalar on the device. */
export function ascentScale(rho: number, chunks: readonly Tensor[]): Tensor {
  return div(rho, add(globalNorm(chunks), NORM_EPSILON));
}

/** Not 0 for an infinite norm: by that scale kernels leave a step out, and nobody would learn of it. */
const SCALES = { low: 2 ** -126, high: 1 } as const;

/** What gradients of a norm are multiplied by, a scalar on the device. */
export function clipScale(norm: Tensor, maxNorm: number): Tensor {
  return clip(div(maxNorm, add(norm, 1e-6)), SCALES);
}
