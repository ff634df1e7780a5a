/**
 * One-shot compression of a trained model.
 *
 * @module
 */

import { ArgumentError, type Tensor } from "@cram/tensor";
import type { Compressor } from "./compressor.ts";
import type { Masks } from "./masks.ts";
import { sparsityOf, type SparsityReport } from "./sparsity.ts";
import type { Weight } from "./weight.ts";

/** Options of {@linkcode compressOnce}. */
export interface CompressOnceOptions {
  /** Which parameters are compressed. Default: those with at least 2 axes. */
  readonly prunable?: (weight: Weight) => boolean;
}

/** What {@linkcode compressOnce} did. */
export interface Compressed {
  /** Which weights were kept, for the caller to dispose of; `undefined` if the compressor removes none. */
  readonly masks: Masks | undefined;
  /** How sparse the model is now. */
  readonly report: SparsityReport;
}

/**
 * Compresses a model in place, at once and without training, as the CrAM paper
 * evaluates models (Peste et al., ICLR 2023, section 4). Models with batch
 * normalization need new running statistics then: see `retuneBatchNorm()` of
 * `@cram/models`.
 *
 * @param parameters All parameters of the model, by name.
 * @param compressor What is done to the prunable ones.
 * @param options Which ones these are.
 * @returns The masks, and a report.
 * @throws {ArgumentError} If no parameter is prunable.
 *
 * @example Half of a layer
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { compressOnce, topK } from "@cram/compress";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const weight = tensor(device, [[0.5, -2], [3, 0.1]]);
 * const parameters = new Map([
 *   ["weight", weight],
 *   ["bias", tensor(device, [1, 1])],
 * ]);
 * const { masks, report } = await compressOnce(
 *   parameters,
 *   topK(0.5, { exact: true }),
 * );
 * using _masks = masks;
 * assertEquals([...await weight.data()], [0, -2, 3, 0]);
 * assertEquals(report.prunable.sparsity, 0.5);
 * ```
 */
export async function compressOnce(
  parameters: ReadonlyMap<string, Tensor>,
  compressor: Compressor,
  options: CompressOnceOptions = {},
): Promise<Compressed> {
  const { prunable = ({ tensor }) => tensor.rank >= 2 } = options;
  const all = Array.from(parameters, ([name, tensor]) => ({ name, tensor }));
  const weights = all.filter(prunable);
  if (weights.length === 0) {
    throw new ArgumentError(
      `Cannot compress by ${compressor.name}: none of the ${all.length} parameters is prunable`,
    );
  }
  const masks = compressor.compress(weights);
  const names = new Set(weights.map(({ name }) => name));
  return { masks, report: await sparsityOf(all, names) };
}
