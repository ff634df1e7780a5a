/**
 * Masks as values: which weights of a model are kept.
 *
 * @module
 */

import {
  ArgumentError,
  assign,
  cast,
  DTypeError,
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
import { joinRows, spansOf } from "@cram/tensor/flat";
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
    return make(
      weights,
      ({ device, shape }) => zeros(device, shape, { dtype: "bool" }),
    );
  }

  /**
   * Masks for weights, whose elements may be anything: for compressors that write
   * all of them.
   *
   * @param weights The weights.
   * @returns The masks, for the caller to dispose of.
   */
  static unwritten(weights: readonly Weight[]): Masks {
    return make(
      weights,
      ({ device, shape }) => device.allocate(shape, "bool", "Masks"),
    );
  }

  /**
   * Reads masks that were saved by `writeSafetensors(path, masks.entries)`.
   *
   * @param file The opened file.
   * @param weights The weights that the masks are for; those without a mask in the file have none.
   * @returns The masks, for the caller to dispose of.
   * @throws {ArgumentError} If the file has a mask of another weight.
   * @throws {DTypeError} If a tensor of the file is no mask.
   * @throws {ShapeError} If a mask and its weight differ in shape.
   *
   * @example There and back
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Masks, topK } from "@cram/compress";
   * import { openDevice, tensor } from "@cram/tensor";
   * import { encodeSafetensors, parseSafetensors } from "@cram/tensor/safetensors";
   *
   * await using device = await openDevice("reference");
   * using _scope = device.scope();
   * const weights = [{ name: "weight", tensor: tensor(device, [[1, 4, 2]]) }];
   * const masks = topK(0.5).compress(weights)!;
   * const file = parseSafetensors(await encodeSafetensors(masks.entries));
   * using loaded = await Masks.load(file, weights);
   * assertEquals(await loaded.count(), await masks.count());
   * ```
   */
  static async load(
    file: Safetensors,
    weights: readonly Weight[],
  ): Promise<Masks> {
    const masked = weights.filter(({ name }) => file.entries.has(name));
    for (const [name, { dtype, shape }] of file.entries) {
      const weight = masked.find((one) => one.name === name);
      if (weight === undefined) {
        throw new ArgumentError(
          `Cannot load the mask of "${name}": there is no such weight`,
        );
      }
      if (dtype !== "BOOL") {
        throw new DTypeError(
          `Cannot load the mask of "${name}", whose dtype is ${dtype}: expected BOOL`,
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
    try {
      for (const [name, mask] of masks.entries) {
        using saved = await file.tensor(mask.device, name);
        assign(mask, saved);
      }
    } catch (error) {
      masks[Symbol.dispose]();
      throw error;
    }
    return masks;
  }

  /**
   * Sets the weights that are not kept to 0, in place.
   *
   * @param weights The weights; those without a mask stay as they are.
   * @throws {ShapeError} If a weight and its mask differ in shape.
   */
  apply(weights: readonly Weight[]): void {
    this.check(weights);
    const rows = weights.flatMap(({ name, tensor }) => {
      const mask = this.entries.get(name);
      return mask === undefined ? [] : [[tensor, mask]];
    });
    if (rows.length === 0) return;
    using _scope = rows[0][0].device.scope();
    for (const [x, mask] of joinRows(rows)) assign(x, where(mask, x, 0));
  }

  /**
   * Checks that the masks fit weights.
   *
   * @param weights The weights; those without a mask are not looked at.
   * @throws {ShapeError} If a weight and its mask differ in shape.
   */
  check(weights: readonly Weight[]): void {
    for (const { name, tensor } of weights) this.#check(name, tensor);
  }

  /**
   * What both keep. A weight that only one of the two has a mask of is kept
   * where that one keeps it.
   *
   * @param other Masks of the same weights, or of some of them.
   * @returns New masks, for the caller to dispose of.
   * @throws {ShapeError} If masks of the same name differ in shape.
   *
   * @example Two halves
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { nm, topK } from "@cram/compress";
   * import { openDevice, tensor } from "@cram/tensor";
   *
   * await using device = await openDevice("reference");
   * using _scope = device.scope();
   * const weights = () => [
   *   { name: "weight", tensor: tensor(device, [[1], [2], [4], [3]]) },
   * ];
   * const first = topK(0.5, { exact: true }).compress(weights())!;
   * const second = nm(1, 2).compress(weights())!;
   * using both = first.and(second);
   * assertEquals(await both.count(), new Map([["weight", { kept: 1, size: 4 }]]));
   * using either = first.or(second);
   * assertEquals(await either.count(), new Map([["weight", { kept: 3, size: 4 }]]));
   * ```
   */
  and(other: Masks): Masks {
    const names = new Set([...this.entries.keys(), ...other.entries.keys()]);
    return this.#combine(other, names, logicalAnd);
  }

  /**
   * What either keeps. A weight that only one of the two has a mask of is
   * kept as a whole, and has none in the result.
   *
   * @param other Masks of the same weights, or of some of them.
   * @returns New masks, for the caller to dispose of.
   * @throws {ShapeError} If masks of the same name differ in shape.
   */
  or(other: Masks): Masks {
    const names = [...this.entries.keys()]
      .filter((name) => other.entries.has(name));
    return this.#combine(other, new Set(names), logicalOr);
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

  #combine(
    other: Masks,
    names: ReadonlySet<string>,
    operation: (a: Tensor, b: Tensor) => Tensor,
  ): Masks {
    for (const [name, mask] of this.entries) other.#check(name, mask);
    const sources = [...names].map((name) => ({
      name,
      tensors: [this, other].flatMap(({ entries }) => entries.get(name) ?? []),
    }));
    const result = Masks.for(
      sources.map(({ name, tensors: [tensor] }) => ({ name, tensor })),
    );
    if (sources.length === 0) return result;
    using _scope = sources[0].tensors[0].device.scope();
    const rows = sources.map(({ name, tensors }) => [
      result.entries.get(name) as Tensor,
      ...tensors,
    ]);
    for (const count of [2, 3]) {
      const some = rows.filter((row) => row.length === count);
      for (const [target, a, b] of joinRows(some)) {
        assign(target, b === undefined ? a : operation(a, b));
      }
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

/** Makes masks in the memory that is allocated for each span of weights. */
function make(
  weights: readonly Weight[],
  allocate: (weights: Tensor) => Tensor,
): Masks {
  const masks = new Map<Tensor, Tensor>();
  const flats: Tensor[] = [];
  for (const span of spansOf(weights.map(({ tensor }) => tensor))) {
    using weightsFlat = span.flat;
    const flat = allocate(weightsFlat);
    flats.push(flat);
    let offset = 0;
    for (const tensor of span.members) {
      masks.set(tensor, flat.view(offset, tensor.shape));
      offset += tensor.size;
    }
  }
  const entries = weights.map(({ name, tensor }) =>
    [name, masks.get(tensor) as Tensor] as const
  );
  return new Masks(new Map(entries), flats);
}
