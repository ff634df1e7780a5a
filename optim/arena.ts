/**
 * Parameter arenas: all parameters of a model in a few pieces of memory, so
 * that an optimizer works on θ ∈ R^d as papers write it.
 *
 * @module
 */

import {
  ArgumentError,
  assign,
  type Device,
  DTypeError,
  dtypeInfo,
  type Tensor,
  zeros,
} from "@cram/tensor";
import { layOut, type Place } from "./_arena_layout.ts";

/** Something that holds a parameter, such as a `Variable` of a model. */
export interface ParameterSlot {
  /** The parameter; the arena exchanges it for a view into its memory. */
  value: Tensor;
}

/**
 * Parameters in a few flat tensors ("chunks"), matrices and convolutions
 * first, then vectors. A chunk is at most as large as one binding of the
 * device, unless a single parameter is larger. Gaps between parameters are
 * zeros and stay so.
 */
export class ParameterArena implements Disposable {
  /** The device of the parameters. */
  readonly device: Device;
  /** All parameters, flat; writing here changes them. */
  readonly chunks: readonly Tensor[];
  readonly #places: readonly Place[];

  /**
   * Moves parameters into an arena. Their slots then hold views of it.
   *
   * @param slots The parameters; all float, of one dtype and on one device.
   * @throws {ArgumentError} If there are none.
   * @throws {DTypeError} If they are not float or of different dtypes.
   */
  constructor(slots: readonly ParameterSlot[]) {
    if (slots.length === 0) {
      throw new ArgumentError("Cannot optimize a model without parameters");
    }
    const { device, dtype } = slots[0].value;
    for (const { value } of slots) {
      if (value.dtype !== dtype || dtypeInfo(dtype).kind !== "float") {
        throw new DTypeError(
          `Cannot optimize ${
            slots[0].value
          } and ${value} together: expected floats of one dtype`,
        );
      }
    }
    this.device = device;
    const { places, lengths } = layOut(
      slots.map(({ value }) => value.shape),
      dtypeInfo(dtype).byteSize,
      device.info.maxBindingBytes,
    );
    this.#places = places;
    this.chunks = lengths.map((length) => zeros(device, [length], { dtype }));
    for (const [i, slot] of slots.entries()) {
      const view = this.#view(this.chunks, places[i]);
      assign(view, slot.value);
      slot.value.dispose();
      slot.value = view;
    }
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
   * Copies tensors, one for each parameter, into chunks.
   *
   * @param target Chunks as {@linkcode ParameterArena.zeros} makes them.
   * @param tensors In the order and the shapes of the parameters.
   * @throws {ArgumentError} If there is another number of them.
   */
  gather(target: readonly Tensor[], tensors: readonly Tensor[]): void {
    if (tensors.length !== this.#places.length) {
      throw new ArgumentError(
        `Cannot gather ${tensors.length} tensors in an arena of ${this.#places.length} parameters`,
      );
    }
    for (const [i, tensor] of tensors.entries()) {
      using view = this.#view(target, this.#places[i]);
      assign(view, tensor);
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
