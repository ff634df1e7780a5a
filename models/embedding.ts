/**
 * The embedding layer.
 *
 * @module
 */

import { stopGradient } from "@cram/autograd";
import {
  arange,
  type Device,
  type DType,
  embedding,
  equal,
  randomNormal,
  type RandomSource,
  reshape,
  type Tensor,
  where,
} from "@cram/tensor";
import { Layer, type Members } from "./module.ts";
import { Variable } from "./variable.ts";

/** Options of {@linkcode Embedding}. */
export interface EmbeddingOptions {
  /** How many rows the table has. */
  readonly entries: number;
  /** How many numbers a row has. */
  readonly width: number;
  /** Standard deviation of the initial weights, which are normal. */
  readonly standardDeviation: number;
  /** A row that is 0 at first and has no gradient, as `padding_idx` in PyTorch. */
  readonly paddingIndex?: number;
  /** What the weights are made of. Default: `float32`. */
  readonly dtype?: DType;
}

/** A table of rows that are looked up by number. */
export class Embedding extends Layer {
  /** `[entries, width]`. */
  readonly weight: Variable;
  readonly #paddingIndex: number | undefined;

  /**
   * Makes the layer.
   *
   * @param device Where the weights live.
   * @param options Sizes and initial weights.
   * @param random Where the weights come from.
   */
  constructor(
    device: Device,
    options: EmbeddingOptions,
    random: RandomSource,
  ) {
    super();
    const { entries, width, standardDeviation, paddingIndex, dtype } = options;
    this.#paddingIndex = paddingIndex;
    using scope = device.scope();
    const drawn = randomNormal(device, [entries, width], {
      ...random.next(),
      standardDeviation,
      dtype,
    });
    const rows = arange(device, entries, { dtype: "int32" });
    this.weight = new Variable(scope.keep(this.#wherePadding(rows, 0, drawn)));
  }

  /** `weight`. */
  override members(): Members {
    return { weight: this.weight };
  }

  /** Looks up `[…]` (`int32`) as `[…, width]`. */
  override forward(indices: Tensor): Tensor {
    const rows = embedding(this.weight.value, indices);
    return this.#wherePadding(indices, stopGradient(rows), rows);
  }

  /** `padding` for the rows of the padding index, else `rows` of shape `[...indices.shape, width]`. */
  #wherePadding(
    indices: Tensor,
    padding: Tensor | number,
    rows: Tensor,
  ): Tensor {
    if (this.#paddingIndex === undefined) return rows;
    const isPadding = equal(indices, this.#paddingIndex);
    return where(reshape(isPadding, [...indices.shape, 1]), padding, rows);
  }
}
