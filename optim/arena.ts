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
  DeviceError,
  type DType,
  DTypeError,
  dtypeInfo,
  formatShape,
  sameShape,
  ShapeError,
  type Tensor,
  zeros,
} from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";
import { moveInto } from "@cram/tensor/flat";
import { layOut, type Place } from "./_arena_layout.ts";
import {
  type ParameterGroup,
  type ParameterSettings,
  settingsOf,
} from "./parameter_group.ts";

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

/** The arena that holds a parameter: the last one that it was moved into. */
const arenas = new WeakMap<Tensor, ParameterArena>();

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
  readonly #parameters: readonly Tensor[];
  readonly #places: readonly Place[];

  /**
   * Moves parameters into an arena. Their handles stay valid.
   *
   * @param parameters The parameters by name; all float, of one dtype and on one device.
   * @param groups Which of them have settings of their own.
   * @throws {ArgumentError} If there are none, one occurs twice, or a group is that of none.
   * @throws {DTypeError} If they are not float or of different dtypes.
   * @throws {DeviceError} If they live on different devices.
   */
  constructor(
    parameters: ReadonlyMap<string, Tensor>,
    groups: readonly ParameterGroup[] = [],
  ) {
    const entries = Array.from(
      parameters,
      ([name, tensor]) => ({ name, tensor }),
    );
    checkParameters(entries);
    const [{ tensor: { device, dtype } }] = entries;
    const settings = settingsOf(
      entries.map(({ name, tensor }) => ({ name, rank: tensor.rank })),
      groups,
    );
    const { places, lengths, ranges } = layOut(
      entries.map(({ tensor }, i) => ({ shape: tensor.shape, ...settings[i] })),
      Math.floor(device.info.maxBindingBytes / dtypeInfo(dtype).byteSize),
    );
    this.device = device;
    this.names = entries.map(({ name }) => name);
    this.#parameters = entries.map(({ tensor }) => tensor);
    this.#places = places;
    this.chunks = lengths.map((length) => zeros(device, [length], { dtype }));
    this.ranges = ranges.map(({ group, ...range }) => ({
      ...range,
      settings: settings.find((one) =>
        one.group === group
      ) as ParameterSettings,
    }));
    for (const [i, { tensor }] of entries.entries()) {
      moveInto(tensor, this.chunks[places[i].chunk], places[i].offset);
      arenas.set(tensor, this);
    }
    this.weights = entries.filter((_, i) => settings[i].prunable);
  }

  /**
   * The first parameter that another arena was made of since: what is written
   * here does not change it any more.
   *
   * @returns Its name; `undefined` if all are here.
   */
  movedAway(): string | undefined {
    return this.names[
      this.#parameters.findIndex((tensor) => arenas.get(tensor) !== this)
    ];
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
   * @throws {ShapeError} If one has another shape than its parameter.
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
    for (const [i, { shape }] of tensors.entries()) {
      if (!sameShape(shape, this.#places[i].shape)) {
        throw new ShapeError(
          `Cannot gather a tensor of shape ${formatShape(shape)} for "${
            this.names[i]
          }", whose shape is ${formatShape(this.#places[i].shape)}`,
        );
      }
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

/** What sums of many small steps need. */
function isSingleOrDouble(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64";
}

function checkParameters(parameters: readonly Weight[]): void {
  if (parameters.length === 0) {
    throw new ArgumentError("Cannot optimize a model without parameters");
  }
  const [first] = parameters;
  const seen = new Map<Tensor, string>();
  for (const { name, tensor } of parameters) {
    const { dtype, device } = tensor;
    if (seen.has(tensor)) {
      throw new ArgumentError(
        `Cannot optimize "${name}": it is the same tensor as "${
          seen.get(tensor)
        }"`,
      );
    }
    seen.set(tensor, name);
    if (dtype !== first.tensor.dtype || !isSingleOrDouble(dtype)) {
      throw new DTypeError(
        `Cannot optimize "${first.name}", ${first.tensor}, and "${name}", ${tensor}, together: expected float32 or float64, all of one dtype`,
      );
    }
    if (device !== first.tensor.device) {
      throw new DeviceError(
        `Cannot optimize "${first.name}" and "${name}" together: they live on different devices`,
      );
    }
  }
}
