/** What went wrong on a device: WebGPU tells it late and on the side. */

import { DeviceError, DeviceLostError, OutOfMemoryError } from "../errors.ts";

/** At most so many messages are kept; the first ones tell most. */
const MAX_MESSAGES = 8;

/** How long a failure waits for news that the device was lost, in milliseconds. */
const NEWS_DELAY = 100;

/** Collects errors of a device until someone asks. */
export class Health {
  #lost: string | undefined;
  #messages: string[] = [];
  #outOfMemory = false;
  #closed = false;
  readonly #news: Promise<void>;

  constructor(gpu: GPUDevice) {
    gpu.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      if (error instanceof GPUOutOfMemoryError) this.#outOfMemory = true;
      this.report(error.message);
    });
    this.#news = gpu.lost.then(({ reason, message }) => {
      this.#lost = message ? `${message} (${reason})` : reason;
    });
  }

  /** Takes note of what went wrong, to be thrown by {@linkcode Health.check}. */
  report(message: string): void {
    if (this.#messages.length < MAX_MESSAGES) {
      this.#messages.push(message.trim());
    }
  }

  /** The device is being closed by its owner: its loss is none. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Whether the device can be used.
   *
   * @throws {DeviceLostError} If it was lost.
   * @throws {DeviceError} If it was closed.
   */
  checkAlive(): void {
    if (this.#closed) {
      throw new DeviceError("Cannot use a webgpu device that was closed");
    }
    if (this.#lost !== undefined) {
      throw new DeviceLostError(
        `Cannot use the webgpu device any more: it was lost: ${this.#lost}`,
      );
    }
  }

  /** Waits a moment for the loss of the device to become known: a failed call does not say that it is the reason. */
  async settle(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const delay = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, NEWS_DELAY);
    });
    await Promise.race([this.#news, delay]);
    clearTimeout(timer);
  }

  /**
   * Throws what went wrong since the last time.
   *
   * @throws {DeviceLostError} If the device was lost.
   * @throws {OutOfMemoryError} If it ran out of memory.
   * @throws {DeviceError} If it found anything invalid.
   */
  check(): void {
    this.checkAlive();
    if (this.#messages.length === 0) return;
    const text = this.#messages.join("\n");
    const error = this.#outOfMemory
      ? new OutOfMemoryError(`The webgpu device ran out of memory: ${text}`)
      : new DeviceError(`The webgpu device failed: ${text}`);
    this.#forget();
    throw error;
  }

  /**
   * Forgets what went wrong, and what is about to become known of it.
   *
   * @throws {DeviceLostError} If the device was lost.
   */
  async recover(): Promise<void> {
    await this.settle();
    this.checkAlive();
    this.#forget();
  }

  #forget(): void {
    this.#messages = [];
    this.#outOfMemory = false;
  }
}
