/**
 * Masks as values: which weights of a model are kept.
 *
 * @module
 */

import {
  ArgumentError,
  assign,
  cast,
  type Device,
  formatShape,
  logicalAnd,
  logicalOr,
  type Safetensors,
  sameShape,
  ShapeError,
  sum,
  type Tensor,
  where,
  zeros,
} from "@cram/tensor";
import { spansOf } from "@cram/tensor/flat";
import type { Weight } from "./weight.ts";

/**
 * One `bool` mask for each of some weights. Weights that lie one behind the
 * other in memory have masks that do so too, so that one kernel serves all of
 * them.
 */
export class Masks implements Disposable {
  /** The masks by the names of their weights. */
  readonly entries: ReadonlyMap<string, Tensor>;
  /** The memory of the masks, one flat tensor for each span of weights. */
  readonly flats: readonly Tensor[];

  /**
   * Made by compressors; see {@linkcode Masks.for}.
   *
   * @param entries The masks by name; views of `flats`.
   * @param flats Their memory.
   */
  constructor(
    entries: ReadonlyMap<string, Tensor>,
    flats: readonly Tensor[],
  ) {
    this.entries = entries;
    this.flats = flats;
  }

  /**
   * Masks for weights, which keep nothing yet.
   *
   * @param weights The weights.
   * @returns Masks of 0, for the caller to dispose of.
   */
  static for(weights: readonly Weight[]): Masks {
    const names = new Map(weights.map(({ name, tensor }) => [tensor, name]));
    const entries = new Map<string, Tensor>();
    const flats: Tensor[] = [];
    for (const span of spansOf(weights.map(({ tensor }) => tensor))) {
      using weightsFlat = span.flat;
      const flat = zeros(weightsFlat.device, weightsFlat.shape, {
        dtype: "bool",
      });
      flats.push(flat);
      let offset = 0;
      for (const tensor of span.members) {
        entries.set(
          names.get(tensor) as string,
          flat.view(offset, tensor.shape),
        );
        offset += tensor.size;
      }
    }
    return new Masks(entries, flats);
  }

  /**
   * Reads masks that were saved by `writeSafetensors(path, masks.entries)`.
   *
   * @param file The opened file.
   * @param weights The weights that the masks are for; those without a mask in the file have none.
   * @returns The masks, for the caller to dispose of.
   * @throws {ArgumentError} If the file has a mask of another weight.
   * @throws {ShapeError} If a mask and its weight differ in shape.
   */
  static async load(
    file: Safetensors,
    weights: readonly Weight[],
  ): Promise<Masks> {
    const masked = weights.filter(({ name }) => file.entries.has(name));
    for (const [name, { shape }] of file.entries) {
      const weight = masked.find((one) => one.name === name);
      if (weight === undefined) {
        throw new ArgumentError(
          `Cannot load the mask of "${name}": there is no such weight`,
        );
      }
      if (!sameShape(shape, weight.tensor.shape)) {
        throw new ShapeError(
          `Cannot load the mask of "${name}", of shape ${
            formatShape(shape)
          }, for a weight of shape ${formatShape(weight.tensor.shape)}`,
        );
      }
    }
    const masks = Masks.for(masked);
    for (const [name, mask] of masks.entries) {
      using saved = await file.tensor(mask.device, name);
      assign(mask, saved);
    }
    return masks;
  }

  /** The device that the masks live on. */
  get device(): Device {
    return this.flats[0].device;
  }

  /**
   * Sets the weights that are not kept to 0, in place.
   *
   * @param weights The weights; those without a mask stay as they are.
   * @throws {ShapeError} If a weight and its mask differ in shape.
   */
  apply(weights: readonly Weight[]): void {
    for (const { name, tensor } of weights) this.#check(name, tensor);
    for (const { name, tensor } of weights) {
      const mask = this.entries.get(name);
      if (mask === undefined) continue;
      using masked = where(mask, tensor, 0);
      assign(tensor, masked);
    }
  }

  /**
   * What both keep.
   *
   * @param other Masks of the same weights.
   * @returns New masks, for the caller to dispose of.
   * @throws {ArgumentError} If the two are masks of different weights.
   */
  and(other: Masks): Masks {
    return this.#combine(other, logicalAnd);
  }

  /**
   * What either keeps.
   *
   * @param other Masks of the same weights.
   * @returns New masks, for the caller to dispose of.
   * @throws {ArgumentError} If the two are masks of different weights.
   */
  or(other: Masks): Masks {
    return this.#combine(other, logicalOr);
  }

  /**
   * Counts the weights that are kept.
   *
   * @returns How many of how many are kept, by name.
   */
  async count(): Promise<Map<string, { kept: number; size: number }>> {
    return new Map(
      await Promise.all([...this.entries].map(async ([name, mask]) => {
        using ones = cast(mask, "int32");
        using total = sum(ones);
        return [name, { kept: await total.item(), size: mask.size }] as const;
      })),
    );
  }

  /** Takes the masks out of the open scopes, so that they live until they are disposed of. */
  detach(): void {
    for (const tensor of [...this.entries.values(), ...this.flats]) {
      tensor.device.forget(tensor);
    }
  }

  /** Disposes of the masks. */
  [Symbol.dispose](): void {
    for (const mask of this.entries.values()) mask.dispose();
    for (const flat of this.flats) flat.dispose();
  }

  #combine(other: Masks, operation: (a: Tensor, b: Tensor) => Tensor): Masks {
    const names = [...this.entries.keys()];
    if (
      other.entries.size !== names.length ||
      names.some((name) => !other.entries.has(name))
    ) {
      throw new ArgumentError(
        `Cannot combine masks of [${names.join(", ")}] with masks of [${
          [...other.entries.keys()].join(", ")
        }]`,
      );
    }
    for (const [name, mask] of this.entries) other.#check(name, mask);
    const weights = names.map((name) => ({
      name,
      tensor: this.entries.get(name) as Tensor,
    }));
    const result = Masks.for(weights);
    for (const [name, mask] of this.entries) {
      using combined = operation(mask, other.entries.get(name) as Tensor);
      assign(result.entries.get(name) as Tensor, combined);
    }
    return result;
  }

  #check(name: string, tensor: Tensor): void {
    const mask = this.entries.get(name);
    if (mask !== undefined && !sameShape(mask.shape, tensor.shape)) {
      throw new ShapeError(
        `Cannot use the mask of "${name}", of shape ${
          formatShape(mask.shape)
        }, on a weight of shape ${formatShape(tensor.shape)}`,
      );
    }
  }
}
