/**
 * The device: what tensors live on.
 *
 * @module
 */

import type { Backend, DeviceInfo } from "./backend.ts";
import { type DType, type DTypeInfo, dtypeInfo } from "./dtype.ts";
import {
  BufferTooLargeError,
  DeviceError,
  DTypeError,
  OutOfMemoryError,
} from "./errors.ts";
import { Scope, scopeOrderError } from "./scope.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "./shape.ts";
import { Storage } from "./_storage.ts";
import { Tensor } from "./tensor.ts";
import type { TuneOptions, Tuning } from "./tuning.ts";

/** What a device's tensors take at the moment. */
export interface DeviceMemory {
  /** Bytes of all tensors that were not disposed of; shared memory counts once. */
  readonly liveBytes: number;
  /** How many separate pieces of memory these are. */
  readonly liveBuffers: number;
  /** The most bytes that were live at once. */
  readonly peakBytes: number;
}

/**
 * Puts other kernels in the place of a device's, such as the same with a clock
 * around them.
 */
export let replaceBackend: (device: Device, backend: Backend) => void;

/**
 * Something that tensors live on and operations run on. Get one with
 * `openDevice()`.
 */
export class Device implements AsyncDisposable {
  #backend: Backend;
  #scope: Scope | undefined;
  #liveBytes = 0;
  #liveBuffers = 0;
  #peakBytes = 0;
  #closed = false;

  /**
   * Made by `openDevice()`, or around a backend of one's own.
   *
   * @param backend The kernels.
   */
  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** The kernels, for authors of optimizers and compressors. */
  get backend(): Backend {
    return this.#backend;
  }

  /** What the device is and can do. */
  get info(): DeviceInfo {
    return this.backend.info;
  }

  /** What its tensors take. */
  get memory(): DeviceMemory {
    return {
      liveBytes: this.#liveBytes,
      liveBuffers: this.#liveBuffers,
      peakBytes: this.#peakBytes,
    };
  }

  /**
   * What values of a dtype are to operations of this device. Floats that it
   * does not compute with are for storage and casts.
   *
   * @param dtype The dtype.
   * @returns Its kind here.
   * @throws {DTypeError} If `dtype` is none.
   *
   * @example Half precision, which needs a GPU or the reference
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { openDevice } from "@cram/tensor";
   *
   * await using device = await openDevice("cpu");
   * assertEquals(device.kindOf("float16"), "storage");
   * ```
   */
  kindOf(dtype: DType): DTypeInfo["kind"] {
    const { kind } = dtypeInfo(dtype);
    return kind === "float" && !this.info.floatDTypes.includes(dtype)
      ? "storage"
      : kind;
  }

  /** Whether the device was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Opens a scope: tensors made from now on belong to it until it is closed.
   *
   * @returns The scope, for `using`.
   */
  scope(): Scope {
    this.#scope = new Scope(this, this.#scope);
    return this.#scope;
  }

  /**
   * Makes a tensor of unspecified content, which belongs to the open scope.
   *
   * @param shape Its shape.
   * @param dtype Its dtype.
   * @param op The operation that makes it, for messages.
   * @returns The tensor.
   * @throws {ShapeError} If `shape` is none.
   * @throws {DTypeError} If the device has no such dtype.
   * @throws {BufferTooLargeError} If the device has no buffers of this size.
   * @throws {OutOfMemoryError} If the device's memory limit is reached.
   * @throws {DeviceError} If the device is closed.
   */
  allocate(shape: Shape, dtype: DType, op: string): Tensor {
    checkShape(shape);
    const { kind, dtypes, maxBufferBytes, memoryLimit } = this.info;
    if (this.#closed) {
      throw new DeviceError(
        `Cannot make a tensor for "${op}": the ${kind} device is closed`,
      );
    }
    if (!dtypes.includes(dtype)) {
      throw new DTypeError(
        `Cannot make a ${dtype} tensor for "${op}": the ${kind} device has ${
          dtypes.join(", ")
        }`,
      );
    }
    const byteLength = Math.max(
      4,
      Math.ceil(sizeOf(shape) * dtypeInfo(dtype).byteSize / 4) * 4,
    );
    if (byteLength > maxBufferBytes) {
      throw new BufferTooLargeError(
        `Cannot make a ${dtype} tensor of shape ${
          formatShape(shape)
        } for "${op}": it needs ${byteLength} bytes, a buffer of the ${kind} device has at most ${maxBufferBytes}`,
      );
    }
    if (this.#liveBytes + byteLength > memoryLimit) {
      throw new OutOfMemoryError(
        `Cannot make a ${dtype} tensor of shape ${
          formatShape(shape)
        } for "${op}": it needs ${byteLength} bytes, and ${this.#liveBytes} of the ${kind} device's ${memoryLimit} are in use`,
      );
    }
    const buffer = this.backend.allocate(byteLength);
    this.#liveBytes += byteLength;
    this.#liveBuffers++;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    const storage = new Storage(this, buffer, () => {
      this.#liveBytes -= byteLength;
      this.#liveBuffers--;
      if (!this.#closed) this.backend.free(buffer);
    });
    return this.adopt(new Tensor(storage, 0, shape, dtype, op));
  }

  /** Gives a new tensor to the open scope. */
  adopt(tensor: Tensor): Tensor {
    this.#scope?.add(tensor);
    return tensor;
  }

  /** Takes a tensor out of whichever open scope owns it. */
  forget(tensor: Tensor): void {
    for (let scope = this.#scope; scope; scope = scope.outer) {
      if (scope.delete(tensor)) return;
    }
  }

  /**
   * Closes the innermost scope; called by the scope itself.
   *
   * @throws {ScopeError} If it is not the innermost one.
   */
  closeScope(scope: Scope): void {
    if (this.#scope !== scope) throw scopeOrderError();
    this.#scope = scope.outer;
  }

  /**
   * Waits until everything that was called so far is computed.
   *
   * @throws {DeviceLostError} If the device went away.
   * @throws {OutOfMemoryError} If the device ran out of memory.
   */
  async synchronize(): Promise<void> {
    await this.backend.synchronize();
  }

  /**
   * Compiles what a function is going to need, so that its first real run is
   * not held up. Kernels take milliseconds each to compile on webgpu, where
   * pages compile several at once; other devices have nothing to compile, and
   * do not call the function.
   *
   * The function is called, but **its kernels are not run**: tensors that were
   * there before stay as they are, those that are made inside hold anything, and
   * belong to a scope that is closed behind it. What it does on the host is
   * done, so that a pass forward and backward is a good choice and a step of an
   * optimizer, which counts and keeps state, is none. Nothing can be read
   * inside, and nothing else must be computed on the device until it returns.
   *
   * @param run For instance the passes of a training step.
   * @throws {DeviceError} If a kernel does not compile, or something is read inside.
   *
   * @example A product that is compiled before it is needed
   * ```ts
   * import { matmul, ones, openDevice } from "@cram/tensor";
   *
   * await using device = await openDevice("cpu");
   * using _scope = device.scope();
   * const x = ones(device, [64, 64]);
   * await device.warmup(() => matmul(x, x));
   * matmul(x, x);
   * ```
   */
  async warmup(run: () => unknown): Promise<void> {
    await this.backend.compile?.(async () => {
      using _scope = this.scope();
      await run();
    });
  }

  /**
   * Finds out by trials how products of matrices and convolutions of a function
   * are computed fastest, and computes them so from then on. Only webgpu has a
   * choice. Without this, it chooses by sizes and by what is known of the
   * adapter, which is the same in each run; with it, what is chosen depends on
   * how fast things were at that time, and so does the rounding of results.
   * **Keep the result** and give it to {@linkcode openDevice} later: then the
   * same is chosen, and nothing is tried again.
   *
   * As with {@linkcode Device.warmup}, the function is called but its kernels
   * are not run. Trials take from some tenths of a second to seconds for each
   * size of product, and memory for one product's operands. Ways that fail on
   * the device are left out.
   *
   * @param run For instance the passes of a training step.
   * @param options Who is told of products.
   * @returns All that is known, also from before and of other adapters; `undefined` on devices that have no choice, which do not call the function.
   * @throws {DeviceError} If a kernel does not compile, something is read inside, or the device is being profiled.
   *
   * @example Trials whose result is kept
   * ```ts
   * import { matmul, ones, openDevice } from "@cram/tensor";
   *
   * await using device = await openDevice("cpu");
   * using _scope = device.scope();
   * const x = ones(device, [64, 64]);
   * const tuning = await device.tune(() => matmul(x, x));
   * // Later, or elsewhere on the same GPU:
   * await using again = await openDevice("cpu", { tuning });
   * ```
   */
  async tune(
    run: () => unknown,
    options: TuneOptions = {},
  ): Promise<Tuning | undefined> {
    return await this.backend.tune?.(async () => {
      using _scope = this.scope();
      await run();
    }, options);
  }

  /**
   * Gives memory that no tensor uses back to the platform. webgpu keeps it for
   * later tensors otherwise, up to a quarter more than was ever used at once;
   * other devices have nothing to give back.
   */
  trim(): void {
    this.backend.trim?.();
  }

  /** Frees everything that lives on the device and stops its threads. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.backend.close();
  }

  /**
   * {@linkcode Device.close} when all that was begun is done, for `await using`.
   * A process that ends while an emulated GPU still compiles or computes can
   * crash.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    // Whoever needs a result has been told of errors; and another error may be on its way.
    await this.backend.synchronize().catch(() => {});
    this.close();
  }

  static {
    replaceBackend = (device, backend) => {
      device.#backend = backend;
    };
  }
}
