/**
 * Top-K pruning by magnitude.
 *
 * @module
 */

import { ArgumentError, type Tensor } from "@cram/tensor";
import {
  type MagnitudeTensor,
  magnitudeThresholds,
  pruneBelow,
  spansOf,
} from "@cram/tensor/flat";
import type { Compressor } from "./compressor.ts";
import { Masks } from "./masks.ts";
import { checkWeights, type Weight } from "./weight.ts";

/** Options of {@linkcode topK}. */
export interface TopKOptions {
  /**
   * `global`: one threshold for all weights. `uniform`: one for each, and the
   * first and the last weight stay dense. Default: `global`.
   */
  readonly scope?: "global" | "uniform";
  /**
   * Keep exactly k weights, the first of equals first (zeros never). By
   * default the strict rule of the CrAM code: weights above the k-th largest
   * magnitude, which without ties are k - 1.
   */
  readonly exact?: boolean;
}

/**
 * Keeps the weights of largest magnitude: of n weights k = ⌈n · (1 - sparsity)⌉
 * by the CrAM paper (Peste et al., ICLR 2023, section 3) and its code.
 *
 * @param sparsity The fraction of weights that become 0, in [0, 1).
 * @param options Scope and rule.
 * @returns The compressor.
 * @throws {ArgumentError} If the sparsity is outside of [0, 1).
 *
 * @example Half of the weights
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { topK } from "@cram/compress";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const weight = tensor(device, [[0.5, -2], [3, 0.1]]);
 * using _masks = topK(0.5, { exact: true })
 *   .compress([{ name: "weight", tensor: weight }]);
 * assertEquals([...await weight.data()], [0, -2, 3, 0]);
 * ```
 */
export function topK(sparsity: number, options: TopKOptions = {}): Compressor {
  const { scope = "global", exact = false } = options;
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new ArgumentError(
      `Cannot prune to sparsity ${sparsity}: expected a number from 0 to below 1`,
    );
  }
  if (scope !== "global" && scope !== "uniform") {
    throw new ArgumentError(
      `Cannot prune with scope "${scope}": expected "global" or "uniform"`,
    );
  }
  const name = `top-k ${+(100 * sparsity).toFixed(4)} %${
    scope === "uniform" ? " per layer" : ""
  }`;
  return {
    name,
    compress(weights) {
      checkWeights(`prune by ${name}`, weights);
      const pruned = scope === "global" ? weights : weights.slice(1, -1);
      if (pruned.length === 0) {
        throw new ArgumentError(
          `Cannot prune by ${name}: of ${weights.length} weights the first and the last stay dense`,
        );
      }
      return prune(pruned, sparsity, scope === "global", exact);
    },
  };
}

/** How many of n weights are kept; a negative count keeps all. */
function countOf(size: number, sparsity: number): number {
  return sparsity === 0 ? -1 : Math.ceil(size * (1 - sparsity));
}

function prune(
  weights: readonly Weight[],
  sparsity: number,
  global: boolean,
  exact: boolean,
): Masks {
  const masks = Masks.for(weights);
  const [{ tensor: { device } }] = weights;
  using _scope = device.scope();
  const parts: (MagnitudeTensor & { readonly mask: Tensor })[] = [];
  const sizes: number[] = [];
  if (global) {
    let base = 0;
    const spans = spansOf(weights.map(({ tensor }) => tensor));
    for (const [i, { flat }] of spans.entries()) {
      parts.push({ x: flat, segment: 0, base, mask: masks.flats[i] });
      base += flat.size;
    }
    sizes.push(base);
  } else {
    for (const [segment, { name, tensor }] of weights.entries()) {
      const mask = masks.entries.get(name) as Tensor;
      parts.push({ x: tensor, segment, base: 0, mask });
      sizes.push(tensor.size);
    }
  }
  const counts = sizes.map((size) => countOf(size, sparsity));
  const thresholds = magnitudeThresholds(parts, counts, { exact });
  for (const part of parts) pruneBelow(part, thresholds, part.mask);
  return masks;
}
