/**
 * What is left of a classifier's accuracy when it is compressed at once.
 *
 * @module
 */

import { compressOnce, type Compressor } from "@cram/compress";
import { type Layer, retuneBatchNorm } from "@cram/models";
import { copy, type Device, type Tensor } from "@cram/tensor";
import { setImmediate } from "node:timers/promises";
import type { ImageLoader } from "./data/loader.ts";
import type { ImageNormalizer } from "./data/normalization.ts";
import {
  type ClassifierEvaluation,
  evaluateClassifier,
  type EvaluationOptions,
} from "./evaluate.ts";

/** What running statistics are tuned on. */
export interface Calibration {
  /** Where the images come from, with the augmentation of the training. */
  readonly loader: ImageLoader;
  /** How many batches are taken. */
  readonly batches: number;
}

/** What {@linkcode evaluateOneShot} needs. */
export interface OneShotOptions extends EvaluationOptions {
  /** What is tried, one after the other; the dense model comes first by itself. */
  readonly compressors: readonly Compressor[];
  /** What running statistics are tuned on; by default they are not. */
  readonly calibration?: Calibration;
  /** Told of each result as soon as it is there. */
  readonly onResult?: (result: OneShotResult) => void;
}

/** How good a classifier is behind a compression. */
export interface OneShotResult extends ClassifierEvaluation {
  /** `dense`, or the name of the compressor. */
  readonly name: string;
  /** The part of the prunable weights that are 0. */
  readonly sparsity: number;
  /** How good it is with running statistics that were tuned. */
  readonly tuned?: ClassifierEvaluation;
}

/**
 * Measures a classifier as it is and compressed by each of some compressors,
 * before and after its running statistics are tuned (Peste et al., ICLR 2023,
 * section 4). In the end the model is as it was.
 *
 * @param options Model, data and compressors.
 * @returns One result for the dense model and each compressor; fewer if `signal` ended it early.
 * @throws {ArgumentError} If the model has no batch normalization to tune, or no prunable weights.
 * @throws {DataError} If images cannot be read.
 */
export async function evaluateOneShot(
  options: OneShotOptions,
): Promise<OneShotResult[]> {
  const { device, model, compressors, calibration, signal } = options;
  const results: OneShotResult[] = [];
  using _scope = device.scope();
  const saved = new Map(
    Array.from(model.stateDict(), ([name, tensor]) => [name, copy(tensor)]),
  );
  try {
    for (const compressor of [undefined, ...compressors]) {
      model.loadStateDict(saved);
      const sparsity = compressor && await compress(device, model, compressor);
      const untuned = await evaluateClassifier(options);
      if (calibration !== undefined) {
        await retuneBatchNorm(model, imagesOf(calibration, options));
      }
      const tuned = calibration && await evaluateClassifier(options);
      if (signal?.aborted) break;
      const name = compressor?.name ?? "dense";
      results.push({ name, sparsity: sparsity ?? 0, ...untuned, tuned });
      options.onResult?.(results[results.length - 1]);
    }
  } finally {
    model.loadStateDict(saved);
  }
  return results;
}

async function compress(
  device: Device,
  model: Layer,
  compressor: Compressor,
): Promise<number> {
  using _scope = device.scope();
  const { report } = await compressOnce(model.parameters(), compressor);
  return report.prunable.sparsity;
}

async function* imagesOf(
  { loader, batches }: Calibration,
  { normalizer, signal }: {
    readonly normalizer: ImageNormalizer;
    readonly signal?: AbortSignal;
  },
): AsyncGenerator<Tensor> {
  for await (const batch of loader.batches(0, batches)) {
    if (signal?.aborted) return;
    if (batch.size === 0) continue;
    using images = normalizer.images(batch);
    yield images;
    // Kernels of the cpu device hold this thread up; signals must still arrive.
    await setImmediate();
  }
}

/** Columns of a table of results; rows can be shown as they come. */
export class OneShotTable {
  readonly #width: number;
  readonly #isTuned: boolean;

  /**
   * Measures the columns.
   *
   * @param options What is tried.
   */
  constructor(
    { compressors, calibration }: Pick<
      OneShotOptions,
      "compressors" | "calibration"
    >,
  ) {
    this.#width = Math.max(
      "dense".length,
      ...compressors.map(({ name }) => name.length),
    );
    this.#isTuned = calibration !== undefined;
  }

  /** The names of the columns. */
  get header(): string {
    return this.#line("", ["sparsity", "accuracy", "tuned"]);
  }

  /**
   * Formats a result.
   *
   * @param result The result.
   * @returns A line.
   */
  row({ name, sparsity, accuracy, tuned }: OneShotResult): string {
    const parts = [sparsity, accuracy, tuned?.accuracy ?? NaN];
    return this.#line(name, parts.map((x) => `${(100 * x).toFixed(1)} %`));
  }

  #line(name: string, columns: readonly string[]): string {
    const shown = columns.slice(0, this.#isTuned ? 3 : 2);
    return [
      name.padEnd(this.#width),
      ...shown.map((column) => column.padStart(8)),
    ].join("  ");
  }
}
