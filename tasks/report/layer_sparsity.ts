/**
 * How sparse each layer of a trained model is, and becomes when it is pruned
 * at once.
 *
 * @module
 */

import { type Compressor, sparsityOf, topK } from "@cram/compress";
import {
  cast,
  type Device,
  openSafetensors,
  SafetensorsError,
  type Tensor,
} from "@cram/tensor";
import type { OneShotResult } from "../one_shot.ts";
import { ReportError } from "./recorded.ts";

/** The prunable layers of a model. */
export interface LayerSparsities {
  /** What the model is pruned by, one after the other; the first is nothing. */
  readonly compressors: readonly string[];
  /** The layers, in the order of the file. */
  readonly layers: readonly {
    /** The name of the weight. */
    readonly name: string;
    /** Its shape, as in the file. */
    readonly shape: readonly number[];
    /** The part of zeros behind each of the compressors. */
    readonly sparsities: readonly number[];
  }[];
  /** The part of zeros in all layers together, behind each of the compressors. */
  readonly total: readonly number[];
}

/** What no compressor is called. */
export const AS_IT_IS = "as it is";

/** What models are pruned to that were not evaluated. */
const DEFAULT = [0.5, 0.7, 0.8, 0.9];

/** Prefix of the weights of a model in a checkpoint, beside those of optimizers. */
const MODEL = "model.";
const TOP_K = /^top-k ([\d.]+) %((?: per layer)?(?: exactly)?)$/;

/**
 * Prunes the weights of a file by Top-K, as evaluations did.
 *
 * @param device Where that is computed.
 * @param path The file.
 * @param pattern The names of prunable weights with two axes or more. Default: all.
 * @param results What evaluations found; their Top-K compressors are taken. If there are none: 50, 70, 80 and 90 %.
 * @returns The sparsity of each layer; `undefined` if no weight is prunable.
 * @throws {ReportError} If the file cannot be read.
 */
export async function layerSparsities(
  device: Device,
  path: string,
  pattern: RegExp | undefined,
  results: readonly OneShotResult[],
): Promise<LayerSparsities | undefined> {
  using _scope = device.scope();
  const weights = await readWeights(device, path, pattern);
  if (weights.length === 0) return undefined;
  const compressors = topKs(results);
  const reports = [await sparsityOf(weights)];
  for (const compressor of compressors) {
    // More are pruned each time: those that are 0 already would be anyway.
    using _inner = device.scope();
    compressor.compress(weights);
    reports.push(await sparsityOf(weights));
  }
  return {
    compressors: [AS_IT_IS, ...compressors.map(({ name }) => name)],
    layers: weights.map(({ name, tensor }, i) => ({
      name,
      shape: tensor.shape,
      sparsities: reports.map(({ layers }) => layers[i].sparsity),
    })),
    total: reports.map(({ all }) => all.sparsity),
  };
}

/** The Top-K compressors of an evaluation, from least to most zeros. */
function topKs(results: readonly OneShotResult[]): Compressor[] {
  const found = new Map<string, Compressor>();
  let kind: string | undefined;
  for (const { name } of results) {
    const [, percent, rule] = name.match(TOP_K) ?? [];
    // Of several kinds of Top-K, the others would not grow from these.
    if (percent === undefined || rule !== (kind ??= rule)) continue;
    const compressor = topK(Number(percent) / 100, {
      scope: rule.includes("per layer") ? "uniform" : "global",
      exact: rule.includes("exactly"),
    });
    found.set(name, compressor);
  }
  if (found.size === 0) return DEFAULT.map((sparsity) => topK(sparsity));
  return [...found.values()].toSorted((a, b) => a.sparsity! - b.sparsity!);
}

/** The prunable weights of a model, or of the model in a checkpoint. */
async function readWeights(
  device: Device,
  path: string,
  pattern: RegExp | undefined,
): Promise<{ readonly name: string; readonly tensor: Tensor }[]> {
  try {
    await using file = await openSafetensors(path);
    const names = [...file.entries.keys()];
    const prefix = names.some((name) => name.startsWith(MODEL)) ? MODEL : "";
    const weights: { name: string; tensor: Tensor }[] = [];
    for (const [key, { shape }] of file.entries) {
      if (!key.startsWith(prefix) || shape.length < 2) continue;
      const name = key.slice(prefix.length);
      if (pattern !== undefined && !pattern.test(name)) continue;
      const tensor = cast(await file.tensor(device, key), "float32");
      weights.push({ name, tensor });
    }
    return weights;
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new ReportError(error.message, { cause: error });
  }
}
