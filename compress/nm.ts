/**
 * N:M pruning.
 *
 * @module
 */

import { ArgumentError, type Tensor } from "@cram/tensor";
import { pruneNM } from "@cram/tensor/flat";
import type { Compressor } from "./compressor.ts";
import { Masks } from "./masks.ts";
import { checkWeights, type Weight } from "./weight.ts";

/** The largest group that {@linkcode nm} takes. */
const MAX_GROUP = 32;

/** How a weight falls into groups; see {@linkcode nmGroups}. */
export interface NMGroups {
  /** The weight. */
  readonly name: string;
  /** How many groups it has, the last one included. */
  readonly groups: number;
  /** How many weights the last group lacks to m; 0 if it is whole. */
  readonly missing: number;
  /** Whether groups lie within one position and output channel, as hardware needs it: its input channels are a multiple of m. */
  readonly conformant: boolean;
}

/**
 * Keeps the n weights of largest magnitude of every m consecutive ones along
 * the input channels, as the CrAM code does: a convolution is read in the
 * order output, row, column, input; a linear layer in the order output, input.
 * Of equal weights the later ones are kept. The last group of a weight, if it
 * has fewer than m weights, keeps its n largest.
 *
 * @param n How many are kept, from 1.
 * @param m Of how many, above n, at most 32.
 * @returns The compressor.
 * @throws {ArgumentError} If n and m are not whole numbers with 1 ≤ n < m ≤ 32.
 *
 * @example 2:4
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { nm } from "@cram/compress";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const weight = tensor(device, [[0.5], [-0.75], [0.25], [1]]);
 * using _masks = nm(2, 4).compress([{ name: "weight", tensor: weight }]);
 * assertEquals([...await weight.data()], [0, -0.75, 0, 1]);
 * ```
 */
export function nm(n: number, m: number): Compressor {
  if (
    !(Number.isInteger(n) && Number.isInteger(m) && n >= 1 && n < m &&
      m <= MAX_GROUP)
  ) {
    throw new ArgumentError(
      `Cannot prune ${n}:${m}: expected whole numbers 1 ≤ n < m ≤ ${MAX_GROUP}`,
    );
  }
  return {
    name: `${n}:${m}`,
    sparsity: 1 - n / m,
    compress(weights, known) {
      checkWeights(`prune ${n}:${m}`, weights);
      if (known !== undefined) {
        known.apply(weights);
        return known;
      }
      const masks = Masks.for(weights);
      for (const { name, tensor } of weights) {
        pruneNM(tensor, masks.entries.get(name) as Tensor, n, m);
      }
      return masks;
    },
  };
}

/**
 * How weights fall into groups of m, to see where hardware cannot use them.
 *
 * @param weights The weights.
 * @param m The size of a group.
 * @returns One entry for each weight.
 * @throws {ArgumentError} If m is not a whole number of at least 2.
 *
 * @example A stem with three input channels
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { nmGroups } from "@cram/compress";
 * import { openDevice, zeros } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using stem = zeros(device, [7, 7, 3, 64]);
 * assertEquals(nmGroups([{ name: "conv1.weight", tensor: stem }], 4), [
 *   { name: "conv1.weight", groups: 2352, missing: 0, conformant: false },
 * ]);
 * ```
 */
export function nmGroups(weights: readonly Weight[], m: number): NMGroups[] {
  if (!(Number.isInteger(m) && m >= 2)) {
    throw new ArgumentError(
      `Cannot see groups of ${m} weights: expected a whole number of at least 2`,
    );
  }
  return weights.map(({ name, tensor: { size, shape } }) => {
    const groups = Math.ceil(size / m);
    const inputs = shape.at(-2) ?? 1;
    return {
      name,
      groups,
      missing: groups * m - size,
      conformant: inputs % m === 0,
    };
  });
}
