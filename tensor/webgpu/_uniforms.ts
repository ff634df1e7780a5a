/** Uniform blocks, shared by all dispatches that have the same numbers. */

import { DeviceLostError } from "../errors.ts";
import { Block } from "./_buffer.ts";
import type { Kernel } from "./_kernel.ts";
import { RecentMap } from "./_recent_map.ts";
import { uniformFields } from "./_source.ts";

/** Blocks that are kept. */
const MAX_BLOCKS = 4096;

/** Words of the largest block: far more than any kernel has. */
const MAX_WORDS = 256;

type Fields = ReturnType<typeof uniformFields>;

/** Content-addressed uniform buffers of one device. */
export class UniformCache {
  readonly #gpu: GPUDevice;
  readonly #blocks: RecentMap<Block>;
  readonly #layouts = new WeakMap<Kernel, Fields>();
  /** Where blocks are put together, as all of their types. */
  readonly #words = new Uint32Array(MAX_WORDS);
  readonly #ints = new Int32Array(this.#words.buffer);
  readonly #floats = new Float32Array(this.#words.buffer);

  /**
   * @param gpu The device.
   * @param retire Destroys a block once nothing recorded uses it any more.
   */
  constructor(gpu: GPUDevice, retire: (block: Block) => void) {
    this.#gpu = gpu;
    this.#blocks = new RecentMap(MAX_BLOCKS, retire);
  }

  /**
   * A buffer with the uniforms of a dispatch.
   *
   * @throws {DeviceLostError} If the device was lost.
   */
  get(
    kernel: Kernel,
    groups: number,
    bases: readonly number[],
    values: Readonly<Record<string, number>>,
  ): Block {
    let fields = this.#layouts.get(kernel);
    if (fields === undefined) {
      this.#layouts.set(kernel, fields = uniformFields(kernel));
    }
    const words = this.#words;
    words[0] = groups;
    let length = 1;
    for (const base of bases) words[length++] = base;
    while (length < fields.length) {
      const [name, type] = fields[length];
      const value = values[name];
      if (value === undefined) {
        throw new TypeError(
          `Cannot run kernel "${kernel.name}": uniform "${name}" is missing`,
        );
      }
      if (type === "f32") this.#floats[length] = value;
      else if (type === "i32") this.#ints[length] = value;
      else words[length] = value;
      length++;
    }
    while (length % 4 !== 0) words[length++] = 0;
    let block = this.#blocks.get(words, length);
    if (block === undefined) {
      block = this.#make(words.subarray(0, length));
      this.#blocks.set(words, length, block);
    }
    return block;
  }

  #make(words: Uint32Array): Block {
    const gpu = this.#gpu.createBuffer({
      label: "uniforms",
      size: words.byteLength,
      usage: GPUBufferUsage.UNIFORM,
      mappedAtCreation: true,
    });
    try {
      new Uint32Array(gpu.getMappedRange()).set(words);
      gpu.unmap();
    } catch (cause) {
      // Of all calls, this one fails at once, before the loss is announced.
      throw new DeviceLostError(
        `Cannot use the webgpu device any more: it gives no memory for uniforms: ${
          (cause as Error).message
        }`,
        { cause },
      );
    }
    return new Block(gpu);
  }
}
