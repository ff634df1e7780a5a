/**
 * The tensor: a handle on reference-counted memory of a device.
 *
 * @module
 */

import type { View } from "./backend.ts";
import type { Device } from "./device.ts";
import { type DType, dtypeInfo, type HostArray, hostArray } from "./dtype.ts";
import { DeviceError, DisposedError, ShapeError } from "./errors.ts";
import { bfloat16Value, float16Value } from "./float16.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "./shape.ts";
import type { Storage } from "./_storage.ts";

let nextId = 1;

/**
 * The memory behind a handle.
 *
 * @throws {DisposedError} If the tensor was disposed of.
 * @throws {DeviceError} If its device is closed.
 */
export let storageOf: (tensor: Tensor) => Storage;

/**
 * A tensor as kernels see it.
 *
 * @throws {DisposedError} If the tensor was disposed of.
 * @throws {DeviceError} If its device is closed.
 */
export let viewOf: (tensor: Tensor) => View;

/**
 * Makes a handle see other memory, which it takes over one reference to; the
 * memory before is let go. This is how parameters move into an arena while
 * models keep their handles.
 *
 * @throws {DisposedError} If the tensor was disposed of.
 */
export let moveHandle: (
  tensor: Tensor,
  storage: Storage,
  byteOffset: number,
) => void;

/**
 * An n-dimensional array on a device. Tensors are contiguous, row-major, and
 * handles: several may share memory, which is freed when the last of them is
 * disposed of, by hand, by `using`, or by the scope they were made in.
 *
 * @example A product
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { add, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = tensor(device, [[1, 2], [3, 4]]);
 * assertEquals([...await add(x, 1).data()], [2, 3, 4, 5]);
 * ```
 */
export class Tensor implements Disposable {
  /** A number that no other handle has, by which tapes know it. */
  readonly id: number;
  /** Where the elements live. */
  readonly device: Device;
  /** The sizes of the axes. */
  readonly shape: Shape;
  /** The type of the elements. */
  readonly dtype: DType;
  /** The operation that made it, for messages. */
  readonly op: string;

  #storage: Storage | undefined;
  #byteOffset: number;

  /**
   * Made by operations, not by users.
   *
   * @param storage The memory; this handle takes over one reference to it.
   * @param byteOffset Where the elements begin.
   * @param shape The sizes of the axes.
   * @param dtype The type of the elements.
   * @param op The operation that made it.
   */
  constructor(
    storage: Storage,
    byteOffset: number,
    shape: Shape,
    dtype: DType,
    op: string,
  ) {
    this.id = nextId++;
    this.device = storage.device;
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
    this.op = op;
    this.#storage = storage;
    this.#byteOffset = byteOffset;
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** The bytes that the elements take on the device. */
  get byteLength(): number {
    return this.size * dtypeInfo(this.dtype).byteSize;
  }

  /** Whether this handle was disposed of. */
  get disposed(): boolean {
    return this.#storage === undefined;
  }

  /**
   * How often the memory was written in place, by which tapes find out that a
   * value they saved is gone.
   *
   * @throws {DisposedError} If the tensor was disposed of.
   */
  get version(): number {
    return storageOf(this).version;
  }

  /**
   * Whether other handles see the same memory, so that a write in place would
   * be seen elsewhere.
   *
   * @throws {DisposedError} If the tensor was disposed of.
   */
  get shared(): boolean {
    return storageOf(this).shared;
  }

  /**
   * Reads the elements, after everything that was computed before.
   *
   * @returns A copy on the host, of the type that `DType` lists.
   * @throws {DisposedError} If the tensor was disposed of.
   * @throws {DeviceError} If its device is closed.
   */
  async data(): Promise<HostArray> {
    const { buffer, byteOffset } = viewOf(this);
    const isBool = this.dtype === "bool";
    // On devices, bool is one word an element.
    const result = hostArray(isBool ? "uint32" : this.dtype, this.size);
    if (this.size > 0) {
      const { backend } = this.device;
      new Uint8Array(result.buffer)
        .set(await backend.read(buffer, byteOffset, this.byteLength));
    }
    return isBool ? Uint8Array.from(result) : result;
  }

  /**
   * Reads the only element.
   *
   * @returns Its value; 0 or 1 for `bool`.
   * @throws {ShapeError} If there is not exactly one element.
   * @throws {DisposedError} If the tensor was disposed of.
   * @throws {DeviceError} If its device is closed.
   */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(
        `Cannot read ${this} as one number: it has ${this.size} elements`,
      );
    }
    const [value] = await this.data();
    if (this.dtype === "float16") return float16Value(value);
    return this.dtype === "bfloat16" ? bfloat16Value(value) : value;
  }

  /**
   * Another handle on the same elements, with a life of its own; it belongs
   * to the open scope.
   *
   * @returns The new handle.
   * @throws {DisposedError} If the tensor was disposed of.
   */
  alias(): Tensor {
    return this.view(0, this.shape);
  }

  /**
   * A contiguous part of the same memory, seen in a shape of its own. Writes
   * to either are seen in both. Gradients do not flow through a view.
   *
   * @param offset The first element, counted in row-major order.
   * @param shape The shape of the part.
   * @returns A new handle; it belongs to the open scope.
   * @throws {ShapeError} If the part does not lie within the tensor, or does not begin at a multiple of 4 bytes.
   * @throws {DisposedError} If the tensor was disposed of.
   */
  view(offset: number, shape: Shape): Tensor {
    const storage = storageOf(this);
    checkShape(shape);
    const bytes = offset * dtypeInfo(this.dtype).byteSize;
    if (
      !Number.isSafeInteger(offset) || offset < 0 ||
      offset + sizeOf(shape) > this.size || bytes % 4 !== 0
    ) {
      throw new ShapeError(
        `Cannot view ${this} as ${
          formatShape(shape)
        } from element ${offset}: the part must lie within its ${this.size} elements and begin at a multiple of 4 bytes`,
      );
    }
    storage.retain();
    return this.device.adopt(
      new Tensor(
        storage,
        this.#byteOffset + bytes,
        shape,
        this.dtype,
        this.op,
      ),
    );
  }

  /** Gives this handle up; the memory is freed with the last handle. Doing it twice is fine. */
  dispose(): void {
    const storage = this.#storage;
    if (storage === undefined) return;
    this.#storage = undefined;
    this.device.forget(this);
    storage.release();
  }

  /** The same as {@linkcode Tensor.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * What the tensor is, without its elements.
   *
   * @returns For instance `Tensor(float32 [2, 3], made by "matmul")`.
   */
  toString(): string {
    return `Tensor(${this.dtype} ${
      formatShape(this.shape)
    }, made by "${this.op}")`;
  }

  static {
    storageOf = (tensor) => {
      if (typeof tensor !== "object" || !tensor || !(#storage in tensor)) {
        throw new TypeError(
          `Cannot use ${tensor} as a tensor: it is none, or one of another copy of @cram/tensor`,
        );
      }
      if (tensor.#storage === undefined) {
        throw new DisposedError(`Cannot use ${tensor}: it was disposed of`);
      }
      if (tensor.device.closed) {
        throw new DeviceError(
          `Cannot use ${tensor}: its ${tensor.device.info.kind} device is closed`,
        );
      }
      return tensor.#storage;
    };
    viewOf = (tensor) => ({
      buffer: storageOf(tensor).buffer,
      byteOffset: tensor.#byteOffset,
      shape: tensor.shape,
      dtype: tensor.dtype,
    });
    moveHandle = (tensor, storage, byteOffset) => {
      storageOf(tensor).release();
      tensor.#storage = storage;
      tensor.#byteOffset = byteOffset;
    };
  }
}
