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

/** Someone who times what goes through a queue. */
export interface QueueObserver {
  /** Where the times of a dispatch are written; neighbours with the same answer share a pass, others have passes of their own. */
  timestamps(name: string): GPUComputePassTimestampWrites | undefined;
  /** Called behind each submit, with when it began and how many dispatches it has. */
  submitted(begin: number, dispatches: number): void;
}

/** Recorded and submitted work of one device. */
export class Queue {
  /** Who times it, if anyone does. */
  observer: QueueObserver | undefined;
  readonly #gpu: GPUDevice;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  /** Where the times of the open pass are written. */
  #timestampWrites: GPUComputePassTimestampWrites | undefined;
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
    const timestampWrites = this.observer?.timestamps(pipeline.label);
    if (timestampWrites !== this.#timestampWrites) this.#endPass();
    this.#timestampWrites = timestampWrites;
    this.#pass ??= this.#encoder.beginComputePass(
      timestampWrites && { timestampWrites },
    );
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
    this.#endPass();
    this.#encoder ??= this.#gpu.createCommandEncoder();
    this.#encoder.copyBufferToBuffer(
      source,
      sourceOffset,
      target,
      targetOffset,
      size,
    );
  }

  /** Adds a copy of the first times of a query set to a buffer. */
  resolve(querySet: GPUQuerySet, count: number, target: GPUBuffer): void {
    this.#endPass();
    this.#encoder ??= this.#gpu.createCommandEncoder();
    this.#encoder.resolveQuerySet(querySet, 0, count, target, 0);
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
    this.#endPass();
    const commands = this.#encoder.finish();
    const begin = this.observer && performance.now();
    this.#gpu.queue.submit([commands]);
    if (begin !== undefined) {
      this.observer?.submitted(begin, this.#dispatches);
    }
    this.#submits++;
    this.#encoder = undefined;
    this.#dispatches = 0;
    for (const buffer of this.#retired) buffer.destroy();
    this.#retired = [];
    this.#retiredBytes = 0;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }
}
