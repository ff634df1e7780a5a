/**
 * Copies to the host. Waiting costs at least 10 ms in Deno whatever is waited
 * for, so all reads that begin before the host gives up control share one
 * wait, and small ones one staging buffer.
 */

import { DeviceError } from "../errors.ts";
import type { Health } from "./_health.ts";
import type { Queue } from "./_queue.ts";

/** The size of the staging buffer that small reads share. */
const SHARED_BYTES = 64 * 2 ** 10;

/** Larger reads are copied to several staging buffers. */
const MAX_STAGING_BYTES = 64 * 2 ** 20;

interface Staging {
  readonly buffer: GPUBuffer;
  used: number;
}

/** Reads that are waited for together. */
interface Batch {
  readonly stagings: Staging[];
  /** Resolves when all staging buffers can be read by the host. */
  readonly mapped: Promise<void>;
  /** Reads that have not taken their bytes. */
  pending: number;
}

/** Reads of one device. */
export class Readback {
  readonly #gpu: GPUDevice;
  readonly #queue: Queue;
  readonly #health: Health;
  #batch: Batch | undefined;

  constructor(gpu: GPUDevice, queue: Queue, health: Health) {
    this.#gpu = gpu;
    this.#queue = queue;
    this.#health = health;
  }

  /** Copies bytes to the host, after all work recorded so far. The offset is a multiple of 4. */
  async read(
    source: GPUBuffer,
    offset: number,
    byteLength: number,
  ): Promise<Uint8Array> {
    const batch = this.#batch ??= this.#open();
    const pieces: { staging: Staging; from: number; length: number }[] = [];
    for (let start = 0; start < byteLength; start += MAX_STAGING_BYTES) {
      const length = Math.min(MAX_STAGING_BYTES, byteLength - start);
      const size = Math.ceil(length / 4) * 4;
      const staging = this.#reserve(batch, size);
      const from = staging.used;
      this.#queue.copy(source, offset + start, staging.buffer, from, size);
      // Mapped ranges begin at multiples of 8.
      staging.used += Math.ceil(size / 8) * 8;
      pieces.push({ staging, from, length });
    }
    batch.pending++;
    try {
      await batch.mapped;
      const result = new Uint8Array(byteLength);
      let start = 0;
      for (const { staging, from, length } of pieces) {
        const size = Math.ceil(length / 4) * 4;
        const mapped = staging.buffer.getMappedRange(from, size);
        result.set(new Uint8Array(mapped, 0, length), start);
        start += length;
      }
      return result;
    } finally {
      if (--batch.pending === 0) {
        for (const { buffer } of batch.stagings) buffer.destroy();
      }
    }
  }

  #open(): Batch {
    const stagings: Staging[] = [];
    return { stagings, mapped: this.#map(stagings), pending: 0 };
  }

  async #map(stagings: readonly Staging[]): Promise<void> {
    await Promise.resolve();
    this.#batch = undefined;
    this.#queue.flush();
    try {
      await Promise.all(
        stagings.map(({ buffer }) => buffer.mapAsync(GPUMapMode.READ)),
      );
    } catch (cause) {
      await this.#health.settle();
      this.#health.check();
      throw new DeviceError(
        `Cannot read from the webgpu device: ${(cause as Error).message}`,
        { cause },
      );
    }
    this.#health.check();
  }

  #reserve(batch: Batch, size: number): Staging {
    const last = batch.stagings.at(-1);
    if (last !== undefined && last.used + size <= last.buffer.size) {
      return last;
    }
    const buffer = this.#gpu.createBuffer({
      label: "read-back",
      size: Math.max(size, SHARED_BYTES),
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    const staging = { buffer, used: 0 };
    batch.stagings.push(staging);
    return staging;
  }
}
