/** Everything that runs kernels: memory, pipelines, the queue, in one place. */

import { sizeOf } from "../shape.ts";
import { BufferTooLargeError, DeviceError } from "../errors.ts";
import type { RequestedDevice } from "./_adapter.ts";
import { BindGroupCache } from "./_bind_groups.ts";
import { type Block, GpuBuffer, type GpuView } from "./_buffer.ts";
import type { GemmCall } from "./_gemm.ts";
import type { GemmTraits } from "./_gemm_choice.ts";
import { GemmPlans } from "./_gemm_plans.ts";
import { Health } from "./_health.ts";
import type { Kernel } from "./_kernel.ts";
import { GpuKernelTimer } from "./_kernel_timer.ts";
import { PipelineCache } from "./_pipeline.ts";
import { Pool } from "./_pool.ts";
import { Queue } from "./_queue.ts";
import { Readback } from "./_readback.ts";
import { type BindingLimits, planSlots } from "./_slots.ts";
import type { Subgroups } from "./_subgroups.ts";
import { UniformCache } from "./_uniforms.ts";

/** Larger uploads are done in pieces, which is faster in Deno. */
const MAX_UPLOAD_BYTES = 4 * 2 ** 20;

/** What a runtime must keep to. */
export interface RuntimeOptions {
  /** The bytes of one binding, a multiple of 256. */
  readonly maxBindingBytes: number;
  /** What all buffers may take together. */
  readonly memoryLimit: number;
  /** What kernels are chosen by, where it is not what the adapter has. */
  readonly traits: Partial<Traits>;
}

/** What the choice between variants of a kernel depends on. */
export interface Traits extends GemmTraits {
  /** Whether the adapter computes on the CPU: workgroup memory and barriers are slow there. */
  readonly software: boolean;
  /** Invocations that the adapter computes at once; 0 if it does not say. */
  readonly vectorLanes: number;
  /** Workgroups that keep the adapter busy. */
  readonly busyGroups: number;
  /** Invocations that a workgroup can have. */
  readonly maxInvocations: number;
  /** Bytes of workgroup memory. */
  readonly maxWorkgroupBytes: number;
  /** Whether the adapter rounds to float16 as IEEE 754 has it; `undefined` if its kernels know no float16. */
  readonly roundsHalf?: boolean;
  /** How invocations give each other numbers without barriers; `undefined` if they cannot, or need not. */
  readonly subgroups?: Subgroups | undefined;
}

/** Runs kernels on one device. */
export class Runtime {
  readonly gpu: GPUDevice;
  readonly traits: Traits;
  readonly binding: BindingLimits;
  readonly queue: Queue;
  /** How products are computed. */
  readonly gemmPlans: GemmPlans;
  /** Where products are noted instead of being computed, while a tuner asks which there are. */
  recordedGemms: GemmCall[] | undefined;
  // Asking the platform for limits takes as long as the rest of a dispatch.
  readonly #maxBindings: number;
  readonly #maxGroups: number;
  /** Whether kernels are compiled and not run. */
  #compileOnly = false;
  readonly #health: Health;
  readonly #pool: Pool;
  readonly #pipelines: PipelineCache;
  readonly #bindGroups: BindGroupCache;
  readonly #uniforms: UniformCache;
  readonly #readback: Readback;

  constructor(
    { gpu, adapter, roundsHalf }: RequestedDevice,
    options: RuntimeOptions,
  ) {
    const { limits } = gpu;
    const { maxBindingBytes, memoryLimit } = options;
    this.gpu = gpu;
    this.#maxBindings = limits.maxStorageBuffersPerShaderStage;
    this.#maxGroups = limits.maxComputeWorkgroupsPerDimension;
    this.traits = {
      software: adapter.software,
      vectorLanes: adapter.vectorLanes,
      // A software adapter runs one on each core.
      busyGroups: adapter.software ? 8 : 256,
      maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
      roundsHalf,
      ...options.traits,
    };
    this.gemmPlans = new GemmPlans(this.traits);
    this.binding = {
      maxBindingBytes,
      alignment: limits.minStorageBufferOffsetAlignment,
    };
    const retire = (block: Block) => this.queue.retire(block.gpu);
    this.queue = new Queue(gpu);
    this.#health = new Health(gpu);
    this.#pool = new Pool({
      create: (size) =>
        gpu.createBuffer({
          label: "tensor",
          size,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
            GPUBufferUsage.COPY_DST,
        }),
      retire,
    }, { maxBufferBytes: limits.maxBufferSize, memoryLimit });
    this.#pipelines = new PipelineCache(gpu, this.#health, {
      maxBindingBytes,
      roundsHalf: this.traits.roundsHalf,
      subgroups: this.traits.subgroups,
    });
    this.#bindGroups = new BindGroupCache(gpu, maxBindingBytes);
    this.#uniforms = new UniformCache(gpu, retire);
    this.#readback = new Readback(gpu, this.queue, this.#health);
  }

  /** Memory of unspecified content. */
  allocate(byteLength: number): GpuBuffer {
    this.#health.checkAlive();
    return new GpuBuffer(byteLength, this.#pool.take(byteLength));
  }

  /** Gives memory back; what was recorded before still sees it. */
  free(buffer: GpuBuffer): void {
    this.#pool.give(buffer.block);
  }

  /**
   * Memory for the time of a few dispatches, such as partial sums.
   *
   * @param shape What it is seen as.
   * @param use Records the dispatches; the memory is given back when it returns.
   */
  temporary(
    shape: readonly number[],
    use: (view: GpuView) => void,
  ): void {
    const buffer = this.allocate(4 * sizeOf(shape));
    try {
      use({ buffer, byteOffset: 0, shape, dtype: "float32" });
    } finally {
      this.free(buffer);
    }
  }

  /**
   * Records a dispatch of a kernel.
   *
   * @param kernel The kernel.
   * @param views Its operands by name.
   * @param uniforms Its uniforms by name.
   * @param groups How many workgroups; may exceed 65,535.
   * @throws {BufferTooLargeError} If the operands need more bindings than a stage has.
   * @throws {DeviceLostError} If the device was lost.
   */
  run(
    kernel: Kernel,
    views: Readonly<Record<string, GpuView | undefined>>,
    uniforms: Readonly<Record<string, number>>,
    groups: number,
  ): void {
    this.#health.checkAlive();
    const plan = planSlots(kernel, views, this.binding);
    let bindings = 0;
    for (const { parts } of plan.slots) bindings += parts;
    const available = this.#maxBindings;
    if (bindings > available) {
      throw new BufferTooLargeError(
        `Cannot run kernel "${kernel.name}": its operands take ${bindings} bindings of at most ${this.binding.maxBindingBytes} bytes, the adapter has ${available}`,
      );
    }
    if (this.#compileOnly) {
      this.#pipelines.prepare(kernel, plan);
      return;
    }
    const pipeline = this.#pipelines.get(kernel, plan);
    const block = this.#uniforms.get(kernel, groups, plan.bases, uniforms);
    const bindGroup = this.#bindGroups.get(pipeline, block, plan);
    const [x, y] = grid(groups, this.#maxGroups);
    for (const { block } of plan.slots) block.usedIn = this.queue.submits;
    this.queue.dispatch(pipeline.gpu, bindGroup, x, y);
  }

  /**
   * Records a copy between different blocks, which takes no dispatch.
   *
   * @param source Where the bytes are.
   * @param sourceOffset The first of them, from the start of the view; like the others a multiple of 4.
   * @param target Where they go.
   * @param targetOffset Where the first goes, from the start of the view.
   * @param byteLength How many there are.
   * @throws {DeviceLostError} If the device was lost.
   */
  copy(
    source: GpuView,
    sourceOffset: number,
    target: GpuView,
    targetOffset: number,
    byteLength: number,
  ): void {
    this.#health.checkAlive();
    if (this.#compileOnly) return;
    const from = source.buffer.block;
    const to = target.buffer.block;
    for (const block of [from, to]) block.usedIn = this.queue.submits;
    this.queue.copy(
      from.gpu,
      source.byteOffset + sourceOffset,
      to.gpu,
      target.byteOffset + targetOffset,
      byteLength,
    );
  }

  /**
   * Copies bytes from the host. `queue.writeBuffer` runs before what is
   * recorded and not submitted: if that uses the block, the bytes take the way
   * over a fresh buffer and a recorded copy.
   */
  write(buffer: GpuBuffer, byteOffset: number, bytes: Uint8Array): void {
    this.#health.checkAlive();
    const { block } = buffer;
    const recorded = block.usedIn === this.queue.submits;
    for (let start = 0; start < bytes.length; start += MAX_UPLOAD_BYTES) {
      const piece = padded(bytes.subarray(start, start + MAX_UPLOAD_BYTES));
      const target = byteOffset + start;
      if (recorded) this.#writeInOrder(block, target, piece);
      else this.gpu.queue.writeBuffer(block.gpu, target, piece);
    }
  }

  #writeInOrder(
    block: Block,
    byteOffset: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): void {
    const staging = this.gpu.createBuffer({
      label: "upload",
      size: bytes.length,
      usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.gpu.queue.writeBuffer(staging, 0, bytes);
    this.queue.copy(staging, 0, block.gpu, byteOffset, bytes.length);
    this.queue.retire(staging);
  }

  /** Copies bytes to the host, after all work recorded so far. */
  async read(
    buffer: GpuBuffer,
    byteOffset: number,
    byteLength: number,
  ): Promise<Uint8Array> {
    this.#health.checkAlive();
    if (this.#compileOnly) {
      throw new DeviceError(
        "Cannot read from the webgpu device while it warms up: nothing is computed",
      );
    }
    buffer.block.usedIn = this.queue.submits;
    return await this.#readback.read(
      buffer.block.gpu,
      byteOffset,
      byteLength,
    );
  }

  /** Waits for all work recorded so far, and tells what went wrong. */
  async synchronize(): Promise<void> {
    this.#health.checkAlive();
    this.queue.flush();
    await this.gpu.queue.onSubmittedWorkDone();
    this.#health.check();
  }

  /**
   * Goes on after a failure that may concern what was tried, and nothing else.
   *
   * @throws {DeviceLostError} If the device was lost.
   */
  async recover(): Promise<void> {
    // Whoever timed it does not come to stop.
    this.queue.observer = undefined;
    await this.synchronize().catch(() => {/* it is known that it failed */});
    await this.#health.recover();
    // Where there was no memory, unused buffers have none.
    this.trim();
  }

  /** Compiles the kernels of a function, which are not run, and waits for that. */
  async compile(run: () => unknown): Promise<void> {
    this.#health.checkAlive();
    this.#compileOnly = true;
    try {
      await run();
    } finally {
      this.#compileOnly = false;
      await this.#pipelines.compiled();
    }
    this.#health.check();
  }

  /** Gives memory back that nothing uses. */
  trim(): void {
    this.#pool.trim();
  }

  /** The bytes of all buffers of tensors, used or kept for later ones. */
  get reservedBytes(): number {
    return this.#pool.bytes;
  }

  /**
   * Begins to time kernels, after all work recorded so far.
   *
   * @param joinsCalls Whether kernels of a call are timed together.
   */
  async timeKernels(joinsCalls = false): Promise<GpuKernelTimer> {
    await this.synchronize();
    const { gpu, queue } = this;
    const readback = this.#readback;
    return new GpuKernelTimer({ gpu, queue, readback, joinsCalls });
  }

  /** Frees everything. */
  close(): void {
    this.#health.close();
    this.queue.flush();
    this.#pool.close();
    this.gpu.destroy();
  }
}

/** The bytes, with zeros up to a multiple of 4: tensors end there at the earliest. */
function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // Memory that threads share is fine too; only the type says otherwise.
  if (bytes.length % 4 === 0) return bytes as Uint8Array<ArrayBuffer>;
  const result = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  result.set(bytes);
  return result;
}

/** Workgroups folded into two dimensions. */
export function grid(
  groups: number,
  maxPerDimension: number,
): readonly [x: number, y: number] {
  if (groups <= maxPerDimension) return [groups, 1];
  const y = Math.ceil(groups / maxPerDimension);
  return [Math.ceil(groups / y), y];
}
