/**
 * The order of work: one open command encoder with one open compute pass, to
 * which dispatches and copies are added, and which is submitted when enough
 * has come together or someone waits for results. A submit for every
 * dispatch costs several times more than the dispatch.
 */

/** Dispatches after which recorded work is submitted, so that the device does not wait for the host. */
const MAX_DISPATCHES = 256;

/** Bytes of retired buffers after which recorded work is submitted, so that they can be destroyed. */
const MAX_RETIRED_BYTES = 64 * 2 ** 20;

/** Recorded and submitted work of one device. */
export class Queue {
  readonly #gpu: GPUDevice;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #dispatches = 0;
  #retired: GPUBuffer[] = [];
  #retiredBytes = 0;
  #submits = 0;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** How often work was submitted. */
  get submits(): number {
    return this.#submits;
  }

  /** Adds a dispatch. */
  dispatch(
    pipeline: GPUComputePipeline,
    bindGroup: GPUBindGroup,
    x: number,
    y: number,
  ): void {
    this.#encoder ??= this.#gpu.createCommandEncoder();
    this.#pass ??= this.#encoder.beginComputePass();
    this.#pass.setPipeline(pipeline);
    this.#pass.setBindGroup(0, bindGroup);
    this.#pass.dispatchWorkgroups(x, y);
    if (++this.#dispatches >= MAX_DISPATCHES) this.flush();
  }

  /** Adds a copy between buffers; offsets and size are multiples of 4. */
  copy(
    source: GPUBuffer,
    sourceOffset: number,
    target: GPUBuffer,
    targetOffset: number,
    size: number,
  ): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#encoder ??= this.#gpu.createCommandEncoder();
    this.#encoder.copyBufferToBuffer(
      source,
      sourceOffset,
      target,
      targetOffset,
      size,
    );
  }

  /** Destroys a buffer after all work recorded so far; destroying one before its submit would invalidate the whole of it. */
  retire(buffer: GPUBuffer): void {
    if (this.#encoder === undefined) {
      buffer.destroy();
      return;
    }
    this.#retired.push(buffer);
    this.#retiredBytes += buffer.size;
    if (this.#retiredBytes >= MAX_RETIRED_BYTES) this.flush();
  }

  /** Submits what was recorded. */
  flush(): void {
    if (this.#encoder === undefined) return;
    this.#pass?.end();
    this.#gpu.queue.submit([this.#encoder.finish()]);
    this.#submits++;
    this.#encoder = undefined;
    this.#pass = undefined;
    this.#dispatches = 0;
    for (const buffer of this.#retired) buffer.destroy();
    this.#retired = [];
    this.#retiredBytes = 0;
  }
}
