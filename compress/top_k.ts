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
   * Keep exactly k weights, of equals those that come first in the list of
   * weights (zeros never). By default the strict rule of the CrAM code: weights above the k-th largest
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
  }${exact ? " exactly" : ""}`;
  return {
    name,
    sparsity,
    compress(weights, known) {
      checkWeights(`prune by ${name}`, weights);
      if (known !== undefined) {
        known.apply(weights);
        return known;
      }
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
  const masks = Masks.unwritten(weights);
  const [{ tensor: { device } }] = weights;
  using _scope = device.scope();
  const parts = partsOf(weights, masks, global);
  const sizes: number[] = [];
  for (const { x, segment } of parts) {
    sizes[segment] = (sizes[segment] ?? 0) + x.size;
  }
  const counts = sizes.map((size) => countOf(size, sparsity));
  const filled = parts.filter(({ x }) => x.size > 0);
  if (filled.length === 0) return masks;
  const joined = global ? joinParts(filled, exact) : filled;
  const thresholds = magnitudeThresholds(joined, counts, { exact });
  for (const part of joined) pruneBelow(part, thresholds, part.mask);
  return masks;
}

type Part = MagnitudeTensor & { readonly mask: Tensor };

/** Each weight with its mask and its position in the list. */
function partsOf(
  weights: readonly Weight[],
  masks: Masks,
  global: boolean,
): Part[] {
  let base = 0;
  return weights.map(({ name, tensor: x }, i) => {
    const mask = masks.entries.get(name) as Tensor;
    if (!global) return { x, segment: i, base: 0, mask };
    const part = { x, segment: 0, base, mask };
    base += x.size;
    return part;
  });
}

/** Joins parts that lie one behind the other; where positions count, also in the list. */
function joinParts(parts: readonly Part[], exact: boolean): Part[] {
  const indexOf = new Map(parts.map(({ x }, i) => [x, i]));
  return spansOf(parts.map(({ x }) => x)).flatMap(({ flat, members }) => {
    const indices = members.map((x) => indexOf.get(x) as number);
    const own = indices.map((i) => parts[i]);
    const masks = spansOf(own.map(({ mask }) => mask));
    const isInOrder = indices.every((index, i) => index === indices[0] + i);
    return masks.length === 1 && (isInOrder || !exact)
      ? [{ ...own[0], x: flat, mask: masks[0].flat }]
      : own;
  });
}
