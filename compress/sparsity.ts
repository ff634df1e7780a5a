/**
 * Reports of how sparse weights are.
 *
 * @module
 */

import {
  cast,
  equal,
  formatShape,
  type Shape,
  sum,
  type Tensor,
} from "@cram/tensor";
import type { Weight } from "./weight.ts";

/** How many of some weights are 0. */
export interface Sparsity {
  /** How many there are. */
  readonly size: number;
  /** How many are 0. */
  readonly zeros: number;
  /** `zeros / size`; 0 if there are none. */
  readonly sparsity: number;
}

/** The sparsity of one parameter. */
export interface LayerSparsity extends Sparsity {
  /** The parameter. */
  readonly name: string;
  /** Its shape. */
  readonly shape: Shape;
  /** Whether it is one of the prunable weights. */
  readonly prunable: boolean;
}

/** The sparsity of a model. */
export interface SparsityReport {
  /** Each parameter, in the order given. */
  readonly layers: readonly LayerSparsity[];
  /** All prunable weights: the figure that papers name. */
  readonly prunable: Sparsity;
  /** All parameters, also biases and normalization, which are not pruned. */
  readonly all: Sparsity;
}

async function zerosIn(tensor: Tensor): Promise<number> {
  using isZero = equal(tensor, 0);
  using ones = cast(isZero, "int32");
  using total = sum(ones);
  return await total.item();
}

function total(layers: readonly Sparsity[]): Sparsity {
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  const zeros = layers.reduce((sum, layer) => sum + layer.zeros, 0);
  return { size, zeros, sparsity: size === 0 ? 0 : zeros / size };
}

/**
 * Counts zeros. All counts are read back together.
 *
 * @param parameters All parameters of a model.
 * @param prunable The names of those that compressors are given; by default the ones with at least 2 axes.
 * @returns The sparsity of each parameter and overall.
 *
 * @example A weight and a bias
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { sparsityOf } from "@cram/compress";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const report = await sparsityOf([
 *   { name: "weight", tensor: tensor(device, [[0, 1], [2, 0]]) },
 *   { name: "bias", tensor: tensor(device, [1, 1]) },
 * ]);
 * assertEquals(report.prunable.sparsity, 0.5);
 * assertEquals(report.all, { size: 6, zeros: 2, sparsity: 2 / 6 });
 * ```
 */
export async function sparsityOf(
  parameters: readonly Weight[],
  prunable?: ReadonlySet<string>,
): Promise<SparsityReport> {
  const layers = await Promise.all(
    parameters.map(async ({ name, tensor }) => {
      const { shape, size } = tensor;
      return {
        name,
        shape,
        prunable: prunable?.has(name) ?? shape.length >= 2,
        ...total([{ size, zeros: await zerosIn(tensor), sparsity: 0 }]),
      };
    }),
  );
  return {
    layers,
    prunable: total(layers.filter((layer) => layer.prunable)),
    all: total(layers),
  };
}

/**
 * A report as a table of text, one line for each prunable parameter.
 *
 * @param report The report.
 * @returns Lines that end with the two overall figures.
 */
export function formatSparsity(report: SparsityReport): string {
  const rows = [
    ...report.layers.filter(({ prunable }) => prunable).map((layer) =>
      [`${layer.name} ${formatShape(layer.shape)}`, layer] as const
    ),
    ["prunable weights", report.prunable] as const,
    ["all parameters", report.all] as const,
  ];
  const width = Math.max(...rows.map(([title]) => title.length));
  return rows.map(([title, { size, zeros, sparsity }]) =>
    `${title.padEnd(width)}  ${`${zeros}`.padStart(9)} of ${
      `${size}`.padStart(9)
    }  ${(100 * sparsity).toFixed(2).padStart(6)} %`
  ).join("\n");
}
