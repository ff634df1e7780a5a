/** Uniform blocks, shared by all dispatches that have the same numbers. */

import { DeviceLostError } from "../errors.ts";
import { Block } from "./_buffer.ts";
import type { Kernel } from "./_kernel.ts";
import { uniformFields } from "./_source.ts";

/** Blocks that are kept; the ones longest unused go first. */
const MAX_BLOCKS = 4096;

/** Content-addressed uniform buffers of one device. */
export class UniformCache {
  readonly #gpu: GPUDevice;
  readonly #retire: (block: Block) => void;
  readonly #blocks = new Map<string, Block>();
  readonly #layouts = new WeakMap<
    Kernel,
    ReturnType<typeof uniformFields>
  >();

  /**
   * @param gpu The device.
   * @param retire Destroys a block once nothing recorded uses it any more.
   */
  constructor(gpu: GPUDevice, retire: (block: Block) => void) {
    this.#gpu = gpu;
    this.#retire = retire;
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
    const words = Math.ceil(fields.length / 4) * 4;
    const data = new DataView(new ArrayBuffer(words * 4));
    data.setUint32(0, groups, true);
    for (let i = 0; i < bases.length; i++) {
      data.setUint32(4 + 4 * i, bases[i], true);
    }
    for (let i = 1 + bases.length; i < fields.length; i++) {
      const [name, type] = fields[i];
      const value = values[name];
      if (value === undefined) {
        throw new TypeError(
          `Cannot run kernel "${kernel.name}": uniform "${name}" is missing`,
        );
      }
      if (type === "f32") data.setFloat32(4 * i, value, true);
      else if (type === "i32") data.setInt32(4 * i, value, true);
      else data.setUint32(4 * i, value, true);
    }
    const key = String.fromCharCode(...new Uint16Array(data.buffer));
    let block = this.#blocks.get(key);
    if (block === undefined) block = this.#make(data.buffer);
    else this.#blocks.delete(key);
    this.#blocks.set(key, block);
    return block;
  }

  #make(bytes: ArrayBuffer): Block {
    if (this.#blocks.size >= MAX_BLOCKS) {
      const [key, oldest] = this.#blocks.entries().next().value!;
      this.#blocks.delete(key);
      this.#retire(oldest);
    }
    const gpu = this.#gpu.createBuffer({
      label: "uniforms",
      size: bytes.byteLength,
      usage: GPUBufferUsage.UNIFORM,
      mappedAtCreation: true,
    });
    try {
      new Uint8Array(gpu.getMappedRange()).set(new Uint8Array(bytes));
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
