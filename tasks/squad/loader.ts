/**
 * Batches of features of about the same length.
 *
 * @module
 */

import { orderRandom } from "../data/random_streams.ts";
import type { Feature } from "./feature.ts";

/** Options of {@linkcode FeatureLoader}. */
export interface FeatureLoaderOptions {
  /** Features in a batch; one batch of an epoch has what is left. */
  readonly batchSize: number;
  /** How many tokens a feature has at most; batches are not filled up beyond. */
  readonly maxLength: number;
  /** What the order comes from. */
  readonly seed: bigint;
  /** Whether each epoch has an order of its own, or all go from short to long. */
  readonly shuffle: boolean;
  /** Lengths of batches are multiples of it, so that there are not too many different ones. Default: 16. */
  readonly padToMultipleOf?: number;
  /** The token that batches are filled up with, `[PAD]`. Default: 0. */
  readonly padId?: number;
}

/** Features of one step, filled up to the same length. */
export interface FeatureBatch {
  /** Which step it is for. */
  readonly step: number;
  /** Which epoch the step belongs to, from 0. */
  readonly epoch: number;
  /** How many features there are. */
  readonly size: number;
  /** How many tokens each has, with padding. */
  readonly length: number;
  /** Which features they are, by their places in the list, `[size]`. */
  readonly features: Uint32Array;
  /** The tokens, `[PAD]` behind the last, `[size, length]`. */
  readonly inputIds: Int32Array;
  /** 1 for tokens of the passage and the `[SEP]` behind it, `[size, length]`. */
  readonly tokenTypes: Int32Array;
  /** 1 for tokens, 0 for padding, `[size, length]`. */
  readonly attentionMask: Uint8Array;
  /** The positions of the answers' first tokens, `[size]`. */
  readonly startPositions: Int32Array;
  /** The positions of the answers' last tokens, `[size]`. */
  readonly endPositions: Int32Array;
}

/** Features are sorted by length among so many batches, which leaves enough to chance. */
const BATCHES_TOGETHER = 32;

/**
 * Makes batches of features that are about as long as each other, so that
 * there is little padding. What a batch holds is a function of the seed and the
 * step alone, each feature is in one batch of an epoch, and all epochs have
 * the same number of batches.
 *
 * @example
 * ```ts ignore
 * import { createFeatures, FeatureLoader } from "@cram/tasks";
 *
 * const features = createFeatures(examples, tokenizer);
 * const options = { batchSize: 16, maxLength: 384, seed: 1n, shuffle: true };
 * const loader = new FeatureLoader(features, options);
 * for await (const batch of loader.batches(0, loader.stepsPerEpoch)) {
 *   console.log(batch.size, batch.length);
 * }
 * ```
 */
export class FeatureLoader {
  /** How many batches an epoch has. */
  readonly stepsPerEpoch: number;
  readonly #features: readonly Feature[];
  readonly #options: FeatureLoaderOptions;
  #order:
    | { readonly epoch: number; readonly batches: readonly Uint32Array[] }
    | undefined;

  /**
   * Takes the features.
   *
   * @param features The features.
   * @param options Batches and order.
   */
  constructor(features: readonly Feature[], options: FeatureLoaderOptions) {
    this.#features = features;
    this.#options = options;
    this.stepsPerEpoch = Math.ceil(features.length / options.batchSize);
  }

  /**
   * Makes the batches of a range of steps. Steps count through all epochs.
   *
   * @param from The first step.
   * @param to The step after the last one.
   * @returns The batches in the order of their steps.
   */
  async *batches(
    from: number,
    to: number,
  ): AsyncGenerator<FeatureBatch, void, void> {
    for (let step = from; step < to; step++) yield this.#batch(step);
  }

  #batch(step: number): FeatureBatch {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const features = this.#batchesOf(epoch)[step % this.stepsPerEpoch];
    const size = features.length;
    const length = this.#paddedLength(features);
    const inputIds = new Int32Array(size * length)
      .fill(this.#options.padId ?? 0);
    const tokenTypes = new Int32Array(size * length);
    const attentionMask = new Uint8Array(size * length);
    const startPositions = new Int32Array(size);
    const endPositions = new Int32Array(size);
    for (const [row, index] of features.entries()) {
      const feature = this.#features[index];
      const start = row * length;
      const end = start + feature.ids.length;
      inputIds.set(feature.ids, start);
      tokenTypes.fill(1, start + feature.contextStart, end);
      attentionMask.fill(1, start, end);
      startPositions[row] = feature.startPosition;
      endPositions[row] = feature.endPosition;
    }
    return {
      step,
      epoch,
      size,
      length,
      features,
      inputIds,
      tokenTypes,
      attentionMask,
      startPositions,
      endPositions,
    };
  }

  #paddedLength(features: Uint32Array): number {
    const { maxLength, padToMultipleOf = 16 } = this.#options;
    let longest = 0;
    for (const index of features) {
      longest = Math.max(longest, this.#features[index].ids.length);
    }
    const padded = Math.ceil(longest / padToMultipleOf) * padToMultipleOf;
    return Math.min(padded, maxLength);
  }

  #batchesOf(epoch: number): readonly Uint32Array[] {
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, batches: this.#arrange(epoch) };
    }
    return this.#order.batches;
  }

  #arrange(epoch: number): Uint32Array[] {
    const { batchSize, seed, shuffle } = this.#options;
    const { length } = this.#features;
    if (!shuffle) {
      const all = this.#sorted(Uint32Array.from({ length }, (_, i) => i));
      return cut(all, batchSize);
    }
    const random = orderRandom(seed, epoch);
    const groups = cut(
      random.permutation(length),
      BATCHES_TOGETHER * batchSize,
    );
    const batches = groups.flatMap((group) =>
      cut(this.#sorted(group), batchSize)
    );
    return Array.from(
      random.permutation(batches.length),
      (index) => batches[index],
    );
  }

  #sorted(indices: Uint32Array): Uint32Array {
    const lengthOf = (index: number): number =>
      this.#features[index].ids.length;
    return indices.toSorted((a, b) => lengthOf(a) - lengthOf(b));
  }
}

function cut(indices: Uint32Array, size: number): Uint32Array[] {
  const parts: Uint32Array[] = [];
  for (let i = 0; i < indices.length; i += size) {
    parts.push(indices.subarray(i, i + size));
  }
  return parts;
}
