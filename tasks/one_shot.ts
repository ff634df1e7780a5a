/**
 * What is left of a model when it is compressed at once.
 *
 * @module
 */

import {
  compressOnce,
  type CompressOnceOptions,
  type Compressor,
} from "@cram/compress";
import type { Module } from "@cram/models";
import { copy, type Device } from "@cram/tensor";
import { meanAndDeviation } from "./statistics.ts";

/** How good a model is: numbers by name. */
export type Metrics = Readonly<Record<string, number>>;

/** What {@linkcode evaluateOneShot} needs. */
export interface OneShotOptions {
  /** Where the model lives. */
  readonly device: Device;
  /** What is compressed. */
  readonly model: Module;
  /** What is tried, one after the other; the model as it is comes first by itself. */
  readonly compressors: readonly Compressor[];
  /** Which parameters are compressed. Default: those with at least 2 axes. */
  readonly prunable?: CompressOnceOptions["prunable"];
  /** Measures the model as it is at that moment. */
  readonly measure: () => Promise<Metrics>;
  /** How running statistics are tuned behind each compression; by default they are not. */
  readonly tuning?: StatisticsTuning;
  /** Ends the evaluation early. */
  readonly signal?: AbortSignal;
  /** Told of each result as soon as it is there. */
  readonly onResult?: (result: OneShotResult) => void | Promise<void>;
}

/** Running statistics anew, from random samples of the training data. */
export interface StatisticsTuning {
  /** How often that is tried. */
  readonly draws: number;
  /**
   * Tunes the model in place; no other variable changes.
   *
   * @param draw Which sample is taken, from 0.
   */
  tune(draw: number): Promise<void>;
}

/** How good a model is behind a compression. */
export interface OneShotResult {
  /** {@linkcode DENSE} or {@linkcode SPARSE} for the model as it is, else the name of the compressor. */
  readonly name: string;
  /** The part of the prunable weights that are 0. */
  readonly sparsity: number;
  /** How good it is with the running statistics of the training. */
  readonly metrics: Metrics;
  /** How good it is with running statistics that were tuned. */
  readonly tuned?: TunedMetrics;
}

/** How good a model is over draws of what its running statistics are tuned on. */
export interface TunedMetrics {
  /** Each draw; fewer than asked for if the evaluation was ended early. */
  readonly draws: readonly Metrics[];
  /** The mean of each metric. */
  readonly mean: Metrics;
  /** Their sample standard deviations; 0 for a single draw. */
  readonly deviation: Metrics;
}

/** What a model is called that is not compressed. */
export const DENSE = "dense";

/** What it is called if it was pruned before. */
export const SPARSE = "sparse";

/** From which part of zeros on a model is called sparse: some weights of any may be 0. */
const SPARSE_FROM = 0.01;

/**
 * Measures a model as it is and compressed by each of some compressors, before
 * and after its running statistics are tuned (Peste et al., ICLR 2023,
 * section 4). In the end the model is as it was.
 *
 * @param options Model, compressors and how it is measured.
 * @returns One result for the model as it is and each compressor. If `signal` ended it early there are fewer, and the last one may lack draws.
 * @throws {ArgumentError} If the model has no prunable weights.
 */
export async function evaluateOneShot(
  options: OneShotOptions,
): Promise<OneShotResult[]> {
  const { device, model, compressors, signal } = options;
  const results: OneShotResult[] = [];
  using _scope = device.scope();
  const saved = new Map(
    Array.from(model.stateDict(), ([name, tensor]) => [name, copy(tensor)]),
  );
  try {
    for (const compressor of [undefined, ...compressors]) {
      model.loadStateDict(saved);
      const sparsity = await compress(options, compressor);
      const metrics = await options.measure();
      // What is measured when the signal comes is not complete.
      if (signal?.aborted) break;
      const result = {
        name: compressor?.name ?? (sparsity < SPARSE_FROM ? DENSE : SPARSE),
        sparsity,
        metrics,
        tuned: await measureTuned(options),
      };
      results.push(result);
      await options.onResult?.(result);
      if (signal?.aborted) break;
    }
  } finally {
    model.loadStateDict(saved);
  }
  return results;
}

/** Compresses the model in place; returns the part of its prunable weights that are 0. */
async function compress(
  { device, model, prunable }: OneShotOptions,
  compressor: Compressor = AS_IT_IS,
): Promise<number> {
  using _scope = device.scope();
  const { report } = await compressOnce(model.parameters(), compressor, {
    prunable,
  });
  return report.prunable.sparsity;
}

const AS_IT_IS: Compressor = { name: DENSE, compress: () => undefined };

async function measureTuned(
  { tuning, measure, signal }: OneShotOptions,
): Promise<TunedMetrics | undefined> {
  const draws: Metrics[] = [];
  for (let draw = 0; draw < (tuning?.draws ?? 0); draw++) {
    await tuning!.tune(draw);
    const metrics = await measure();
    if (signal?.aborted) break;
    draws.push(metrics);
  }
  return draws.length === 0 ? undefined : summarize(draws);
}

function summarize(draws: readonly Metrics[]): TunedMetrics {
  const summaries = Object.keys(draws[0]).map((name) =>
    [name, meanAndDeviation(draws.map((draw) => draw[name]))] as const
  );
  return {
    draws,
    mean: Object.fromEntries(summaries.map(([name, { mean }]) => [name, mean])),
    deviation: Object.fromEntries(
      summaries.map(([name, { deviation }]) => [name, deviation]),
    ),
  };
}
