/**
 * The clock of profiles: timestamp queries around each dispatch where the
 * device has them, else the host's time until each submission is done.
 */

import type {
  KernelTimer,
  KernelTimes,
  Submission,
  TimedKernel,
} from "../backend.ts";
import type { Queue, QueueObserver } from "./_queue.ts";
import type { Readback } from "./_readback.ts";

/** Queries of one set: the most that WebGPU allows. */
const SET_QUERIES = 4096;

interface Span {
  readonly name: string;
  readonly call: number;
}

/** What the timer works with. */
export interface KernelTimerOptions {
  readonly gpu: GPUDevice;
  readonly queue: Queue;
  readonly readback: Readback;
  /** Whether what is submitted of a call at once is timed as one, without what timestamps cost between kernels. */
  readonly joinsCalls: boolean;
}

/** Times what goes through a queue, until it is stopped. */
export class GpuKernelTimer implements KernelTimer, QueueObserver {
  call = 0;
  readonly #options: KernelTimerOptions;
  readonly #clock: boolean;
  readonly #sets: GPUQuerySet[] = [];
  readonly #spans: Span[] = [];
  readonly #submissions: (Submission & { done: number | undefined })[] = [];
  /** How many spans there are by the end of each submission. */
  readonly #spanEnds: number[] = [];
  readonly #waits: Promise<unknown>[] = [];
  /** What the last span of what is not submitted is timed by. */
  #open: GPUComputePassTimestampWrites | undefined;

  /** Nothing must be recorded that is not submitted. */
  constructor(options: KernelTimerOptions) {
    this.#options = options;
    this.#clock = options.gpu.features.has("timestamp-query");
    options.queue.observer = this;
  }

  timestamps(name: string): GPUComputePassTimestampWrites | undefined {
    if (!this.#clock) return undefined;
    const { joinsCalls } = this.#options;
    if (
      joinsCalls && this.#open && this.#spans.at(-1)?.call === this.call
    ) return this.#open;
    const index = 2 * this.#spans.length;
    const first = index % SET_QUERIES;
    if (first === 0) {
      this.#sets.push(
        this.#options.gpu.createQuerySet({
          type: "timestamp",
          count: SET_QUERIES,
        }),
      );
    }
    this.#spans.push({ name, call: this.call });
    return this.#open = {
      querySet: this.#sets[this.#sets.length - 1],
      beginningOfPassWriteIndex: first,
      endOfPassWriteIndex: first + 1,
    };
  }

  submitted(begin: number, kernels: number): void {
    const submission = {
      begin,
      handed: performance.now(),
      done: undefined as number | undefined,
      kernels,
    };
    this.#submissions.push(submission);
    this.#spanEnds.push(this.#spans.length);
    this.#open = undefined;
    if (this.#clock) return;
    const done = this.#options.gpu.queue.onSubmittedWorkDone().then(() => {
      submission.done = performance.now();
    });
    // A lost device is reported by whoever waits for it.
    this.#waits.push(done.catch(() => {}));
  }

  async stop(): Promise<KernelTimes> {
    const { queue } = this.#options;
    queue.flush();
    queue.observer = undefined;
    await Promise.all(this.#waits);
    return {
      kernels: this.#clock ? await this.#kernels() : undefined,
      submissions: this.#submissions,
    };
  }

  async #kernels(): Promise<TimedKernel[]> {
    const times = await this.#read();
    // Nanoseconds by a clock of the device's own.
    const since = (i: number) => Number(times[i] - times[0]) / 1e6;
    // The clocks' difference is known best from the submission that was begun
    // on at once: no kernel begins before it is submitted.
    let difference = -Infinity;
    let first = 0;
    for (const [i, { begin }] of this.#submissions.entries()) {
      if (this.#spanEnds[i] > first) {
        difference = Math.max(difference, begin - since(2 * first));
      }
      first = this.#spanEnds[i];
    }
    return this.#spans.map((span, i) => ({
      ...span,
      begin: since(2 * i) + difference,
      // Some devices turn their clocks back now and then.
      milliseconds: Math.max(0, since(2 * i + 1) - since(2 * i)),
    }));
  }

  async #read(): Promise<BigUint64Array> {
    const { gpu, queue, readback } = this.#options;
    const total = 2 * this.#spans.length;
    const times = new BigUint64Array(total);
    await Promise.all(this.#sets.map(async (set, i) => {
      const start = i * SET_QUERIES;
      const count = Math.min(SET_QUERIES, total - start);
      const buffer = gpu.createBuffer({
        label: "timestamps",
        size: 8 * count,
        usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      });
      queue.resolve(set, count, buffer);
      const bytes = await readback.read(buffer, 0, 8 * count);
      times.set(new BigUint64Array(bytes.buffer), start);
      buffer.destroy();
      set.destroy();
    }));
    return times;
  }
}
