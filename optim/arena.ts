/**
 * Parameter arenas: all parameters of a model in a few pieces of memory, so
 * that an optimizer works on θ ∈ R^d as papers write it.
 *
 * @module
 */

import type { Weight } from "@cram/compress";
import {
  ArgumentError,
  assign,
  type Device,
  DTypeError,
  dtypeInfo,
  type Tensor,
  zeros,
} from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";
import { layOut, type Place } from "./_arena_layout.ts";
import {
  type ParameterGroup,
  type ParameterSettings,
  settingsOf,
} from "./parameter_group.ts";

/** Something that holds a parameter, such as a `Variable` of a model. */
export interface ParameterSlot {
  /** The parameter; the arena exchanges it for a view into its memory. */
  value: Tensor;
}

/** A part of a chunk whose parameters have the same settings. */
export interface ArenaRange {
  /** Which chunk it is a part of. */
  readonly chunk: number;
  /** Where it begins, in elements. */
  readonly offset: number;
  /** How many elements it has. */
  readonly length: number;
  /** The settings of its parameters. */
  readonly settings: ParameterSettings;
}

/**
 * Parameters in a few flat tensors ("chunks"), prunable ones first, by group,
 * without gaps. A chunk is at most as large as one binding of the device,
 * unless a single parameter is larger.
 */
export class ParameterArena implements Disposable {
  /** The device of the parameters. */
  readonly device: Device;
  /** The parameters' names, in their order. */
  readonly names: readonly string[];
  /** All parameters, flat; writing here changes them. */
  readonly chunks: readonly Tensor[];
  /** The parts of chunks that have settings of their own. */
  readonly ranges: readonly ArenaRange[];
  /** What CrAM compresses: views of the chunks. */
  readonly weights: readonly Weight[];
  readonly #places: readonly Place[];

  /**
   * Moves parameters into an arena. Their slots then hold views of it.
   *
   * @param slots The parameters by name; all float, of one dtype and on one device.
   * @param groups Which of them have settings of their own.
   * @throws {ArgumentError} If there are none, or a group is that of none.
   * @throws {DTypeError} If they are not float or of different dtypes.
   */
  constructor(
    slots: ReadonlyMap<string, ParameterSlot>,
    groups: readonly ParameterGroup[] = [],
  ) {
    const entries = [...slots].map(([name, slot]) => ({ name, slot }));
    if (entries.length === 0) {
      throw new ArgumentError("Cannot optimize a model without parameters");
    }
    const { device, dtype } = entries[0].slot.value;
    for (const { name, slot } of entries) {
      if (slot.value.dtype !== dtype || dtypeInfo(dtype).kind !== "float") {
        throw new DTypeError(
          `Cannot optimize ${
            entries[0].slot.value
          } and "${name}", ${slot.value}, together: expected floats of one dtype`,
        );
      }
    }
    const settings = settingsOf(
      entries.map(({ name, slot }) => ({ name, rank: slot.value.rank })),
      groups,
    );
    const { places, lengths, ranges } = layOut(
      entries.map(({ slot }, i) => ({
        shape: slot.value.shape,
        ...settings[i],
      })),
      Math.floor(device.info.maxBindingBytes / dtypeInfo(dtype).byteSize),
    );
    this.device = device;
    this.names = entries.map(({ name }) => name);
    this.#places = places;
    this.chunks = lengths.map((length) => zeros(device, [length], { dtype }));
    this.ranges = ranges.map(({ group, ...range }) => ({
      ...range,
      settings: settings.find((one) =>
        one.group === group
      ) as ParameterSettings,
    }));
    for (const [i, { slot }] of entries.entries()) {
      const view = this.#view(this.chunks, places[i]);
      assign(view, slot.value);
      slot.value.dispose();
      slot.value = view;
    }
    this.weights = entries
      .map(({ name, slot }) => ({ name, tensor: slot.value }))
      .filter((_, i) => settings[i].prunable);
  }

  /**
   * Makes room for one more number for each parameter, such as a momentum.
   *
   * @returns Chunks of zeros, laid out as the parameters.
   */
  zeros(): Tensor[] {
    return this.chunks.map(({ shape, dtype }) =>
      zeros(this.device, shape, { dtype })
    );
  }

  /**
   * Copies tensors, one for each parameter, into chunks, or adds them.
   *
   * @param target Chunks as {@linkcode ParameterArena.zeros} makes them.
   * @param tensors In the order and the shapes of the parameters.
   * @param mode Whether to replace or to add; `assign` by default.
   * @throws {ArgumentError} If there is another number of them.
   */
  gather(
    target: readonly Tensor[],
    tensors: readonly Tensor[],
    mode: "assign" | "add" = "assign",
  ): void {
    if (tensors.length !== this.#places.length) {
      throw new ArgumentError(
        `Cannot gather ${tensors.length} tensors in an arena of ${this.#places.length} parameters`,
      );
    }
    const write = mode === "add" ? addInPlace : assign;
    for (const [i, tensor] of tensors.entries()) {
      using view = this.#view(target, this.#places[i]);
      write(view, tensor);
    }
  }

  /**
   * Sees chunks as one tensor for each parameter.
   *
   * @param chunks Chunks as {@linkcode ParameterArena.zeros} makes them.
   * @returns Views in the order and the shapes of the parameters.
   */
  views(chunks: readonly Tensor[]): Tensor[] {
    return this.#places.map((place) => this.#view(chunks, place));
  }

  /** Lets go of the chunks; the parameters keep their memory. */
  [Symbol.dispose](): void {
    for (const chunk of this.chunks) chunk.dispose();
  }

  #view(chunks: readonly Tensor[], { chunk, offset, shape }: Place): Tensor {
    return chunks[chunk].view(offset, shape);
  }
}
