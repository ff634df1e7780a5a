/**
 * The part of a device's kernels that optimizers and compressors are made of.
 * They run over flat ranges of parameter arenas: θ ∈ R^d as papers write it.
 * The rules of `backend.ts` hold here too.
 *
 * @module
 */

import type { BackendBuffer, Operand, View } from "./backend.ts";

/** One update of stochastic gradient descent, as `torch.optim.SGD` defines it. */
export interface SgdUpdate {
  /** η. */
  readonly learningRate: number;
  /** μ; 0 for none. */
  readonly momentum: number;
  /** Part of the gradient that does not enter the momentum, from the second step on. */
  readonly dampening: number;
  /** Whether to step along g + μv instead of v. */
  readonly nesterov: boolean;
  /** λ, coupled: λθ is added to the gradient. */
  readonly weightDecay: number;
  /** Whether this is the first step, in which v becomes g itself. */
  readonly first: boolean;
}

/** One update of Adam or AdamW, as `torch.optim.Adam` and `AdamW` define them. */
export interface AdamUpdate {
  /** η. */
  readonly learningRate: number;
  /** Decay of the mean of gradients. */
  readonly beta1: number;
  /** Decay of the mean of squared gradients. */
  readonly beta2: number;
  /** Added to the root, after the bias correction. */
  readonly epsilon: number;
  /** λ. */
  readonly weightDecay: number;
  /** AdamW: θ shrinks by ηλ first; otherwise λθ is added to the gradient. */
  readonly decoupled: boolean;
  /** The number of this step, from 1; the bias corrections are 1 - β^step, in double precision on the host. */
  readonly step: number;
}

/** Weights that share one threshold with others. */
export interface MagnitudePart<B extends BackendBuffer = BackendBuffer> {
  /** The weights. */
  readonly x: View<B>;
  /** Which threshold they belong to. */
  readonly segment: number;
  /** The position of the first weight in its segment, by which ties are ordered. */
  readonly base: number;
}

/** Kernels over flat float ranges (`float32`, and `float64` where the device has it). */
export interface FlatKernels<B extends BackendBuffer = BackendBuffer> {
  /**
   * The ascent of SAM and CrAM: `saved = θ`, then `θ += scale · g`, or
   * `θ += scale · θ² · g` if adaptive (ASAM). `scale` may be a scalar on the
   * device, such as ρ / ‖g‖; where that is 0, θ stays, whatever g is.
   */
  perturb(
    parameter: View<B>,
    gradient: View<B>,
    saved: View<B>,
    scale: Operand<B>,
    adaptive: boolean,
  ): void;

  /** `target += mask ? x : 0`, the sum of CrAM+ with sparse gradients. */
  maskedAdd(target: View<B>, x: View<B>, mask: View<B>): void;

  /**
   * `out` = θ after one step; `parameter` is θ (`out` may be the same view).
   * The gradient is multiplied by `gradientScale` first, a number or a scalar
   * on the device. Where that scalar is 0 the step is left out, whatever the
   * gradient is: `out` becomes θ, and v stays, or is 0 if this is the first
   * step. `velocity` is v, written in place; there is none without momentum.
   */
  sgdStep(
    parameter: View<B>,
    gradient: View<B>,
    velocity: View<B> | undefined,
    out: View<B>,
    gradientScale: Operand<B>,
    update: SgdUpdate,
  ): void;

  /** As {@linkcode FlatKernels.sgdStep}; `mean` and `square` are m and v, written in place. */
  adamStep(
    parameter: View<B>,
    gradient: View<B>,
    mean: View<B>,
    square: View<B>,
    out: View<B>,
    gradientScale: Operand<B>,
    update: AdamUpdate,
  ): void;

  /**
   * Finds, for each segment s, the `counts[s]`-th largest magnitude τ of its
   * parts, exactly, by radix select; magnitudes are ordered as their bits, so
   * that a NaN is the largest. Writes the bits of τ to `out[s, 0]` and to
   * `out[s, 1]` the position before which weights equal to τ are kept:
   *
   * - 0 if `exact` is false: the strict rule |w| > τ of the CrAM code;
   * - if `exact`, the position that makes exactly `counts[s]` weights be kept,
   *   the first of equals first.
   *
   * Where τ is 0, weights of 0 are not kept, whatever the count. A count of 0
   * keeps nothing (τ = NaN bits 0x7fffffff), a count of at least the number of
   * weights keeps all if `exact`; so does, in both modes, a negative count
   * (τ = -1).
   *
   * @param parts Ranges of the segments, in any order. Together they may be larger than a binding.
   * @param counts How many weights each segment keeps; see above.
   * @param exact Whether ties are kept by position.
   * @param out `uint32 [segments, 2]`; for `float64` weights `float64 [segments, 2]` with τ itself.
   */
  magnitudeThresholds(
    parts: readonly MagnitudePart<B>[],
    counts: readonly number[],
    exact: boolean,
    out: View<B>,
  ): void;

  /**
   * Prunes one part in place with the thresholds of
   * {@linkcode FlatKernels.magnitudeThresholds}: `mask` (`bool`) is whether a
   * weight is kept, and weights that are not become 0.
   */
  pruneBelow(part: MagnitudePart<B>, thresholds: View<B>, mask: View<B>): void;

  /**
   * N:M pruning in place. `x` is seen as a matrix `[rows, columns]` (a
   * convolution's `[kh·kw·in, out]`, a linear layer's `[in, out]`), read down
   * its columns one after the other, as PyTorch's `[out, kh, kw, in]` is read
   * along its rows. Of every `m` consecutive weights the `n` of largest
   * magnitude are kept, of equals the later ones, as the CrAM code was
   * observed to do; a NaN is the largest. The last group, if it has fewer than
   * `m` weights, keeps the `n` largest of what it has.
   */
  pruneNM(
    x: View<B>,
    mask: View<B>,
    layout: {
      readonly rows: number;
      readonly columns: number;
      readonly n: number;
      readonly m: number;
    },
  ): void;
}
