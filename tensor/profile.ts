/**
 * Profiles: what the time of a device goes to.
 *
 * @module
 */

import type {
  Backend,
  BackendBuffer,
  DeviceInfo,
  KernelTimer,
  KernelTimes,
  Submission,
  TimedKernel,
} from "./backend.ts";
import { type Device, replaceBackend } from "./device.ts";
import { DeviceError } from "./errors.ts";
import { type CallDescription, describeCall } from "./_profiled_call.ts";

export {
  formatProfile,
  type ProfiledOperation,
  profiledOperations,
} from "./_profile_table.ts";
export { type Trace, type TraceEvent, traceOf } from "./_profile_trace.ts";
export type { CallDescription } from "./_profiled_call.ts";
export type { Submission, TimedKernel } from "./backend.ts";

/** A call of a kernel on the host. All times are in milliseconds from the start of the profile. */
export interface ProfiledCall extends CallDescription {
  /** When it began. */
  readonly begin: number;
  /** How long the host was in it. */
  readonly milliseconds: number;
}

/** A moment with a name. */
export interface ProfileMark {
  /** Its name. */
  readonly name: string;
  /** When it was. */
  readonly time: number;
}

/** How much memory tensors took from a moment on. */
export interface MemorySample {
  /** When that began. */
  readonly time: number;
  /** The bytes. */
  readonly bytes: number;
}

/** What was measured. All times are in milliseconds from its start. */
export interface Profile {
  /** The device. */
  readonly device: DeviceInfo;
  /** How long it was measured, until the device was done with everything. */
  readonly milliseconds: number;
  /**
   * What the times of operations are: `"kernels"` where kernels were timed, by
   * the host (cpu, reference) or the device (webgpu with `timestamp-query`);
   * `"host"` where that cannot be, and they only say how long the host took to
   * call them.
   */
  readonly timing: "kernels" | "host";
  /** The calls of kernels on the host. */
  readonly calls: readonly ProfiledCall[];
  /** webgpu with `timestamp-query`: what ran on the device; `call` is the index of its call. Elsewhere nothing. */
  readonly kernels: readonly TimedKernel[];
  /** webgpu: what was handed to the device at once. Elsewhere nothing. */
  readonly submissions: readonly Submission[];
  /** How much memory tensors took, whenever that changed. */
  readonly memory: readonly MemorySample[];
  /** The moments that were marked. */
  readonly marks: readonly ProfileMark[];
}

/** Methods of a backend that are no kernels. */
const OTHERS: ReadonlySet<keyof Backend> = new Set(
  [
    "read",
    "synchronize",
    "close",
    "timeKernels",
    "compile",
    "tune",
    "trim",
  ] as const,
);

/** Devices that are being profiled. */
const running = new WeakSet<Device>();

/**
 * Begins to measure what the time of a device goes to. A device that is not
 * being profiled pays nothing for this, and results are the same bits with it
 * and without it.
 *
 * On `cpu` and `reference` each kernel is timed by the host. On `webgpu` it is
 * timed by the device where that has `timestamp-query`; kernels then run one by
 * one, so that the whole takes somewhat longer than otherwise. Copies from
 * buffer to buffer are not timed. Without `timestamp-query` only submissions
 * are timed, by the host.
 *
 * @param device The device; everything that was called before is waited for.
 * @returns What ends it.
 * @throws {DeviceError} If the device is being profiled already, or closed.
 *
 * @example Where the time goes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { matmul, ones, openDevice } from "@cram/tensor";
 * import { formatProfile, startProfile } from "@cram/tensor/profile";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = ones(device, [64, 64]);
 * const profiler = await startProfile(device);
 * matmul(x, x);
 * const profile = await profiler.stop();
 * assertEquals(profile.calls.map(({ name }) => name), ["matmul ·"]);
 * console.log(formatProfile(profile));
 * ```
 */
export async function startProfile(device: Device): Promise<Profiler> {
  const { kind } = device.info;
  if (device.closed) {
    throw new DeviceError(
      `Cannot profile the ${kind} device: it is closed`,
    );
  }
  if (running.has(device)) {
    throw new DeviceError(
      `Cannot profile the ${kind} device: it is being profiled already`,
    );
  }
  running.add(device);
  try {
    await device.synchronize();
    return new Profiler(device, await device.backend.timeKernels?.());
  } catch (error) {
    running.delete(device);
    throw error;
  }
}

/** Measures a device until it is stopped. Made by {@linkcode startProfile}. */
export class Profiler {
  readonly #device: Device;
  readonly #backend: Backend;
  readonly #timer: KernelTimer | undefined;
  readonly #start: number;
  readonly #calls: ProfiledCall[] = [];
  readonly #memory: MemorySample[] = [];
  readonly #marks: ProfileMark[] = [];
  #bytes: number;

  /**
   * Made by {@linkcode startProfile}.
   *
   * @param device The device.
   * @param timer Times kernels behind the host's back, where there are such.
   */
  constructor(device: Device, timer: KernelTimer | undefined) {
    this.#device = device;
    this.#backend = device.backend;
    this.#timer = timer;
    this.#bytes = device.memory.liveBytes;
    this.#start = performance.now();
    this.#memory.push({ time: 0, bytes: this.#bytes });
    replaceBackend(device, this.#wrap(device.backend));
  }

  /**
   * Marks this moment, such as the end of a step.
   *
   * @param name How it is called in the trace.
   */
  mark(name: string): void {
    this.#marks.push({ name, time: this.#now() });
  }

  /**
   * Waits until everything that was called is done, and ends the measurement.
   *
   * @returns What was measured.
   * @throws {DeviceLostError} If the device went away.
   */
  async stop(): Promise<Profile> {
    const device = this.#device;
    replaceBackend(device, this.#backend);
    running.delete(device);
    let times: KernelTimes | undefined;
    let milliseconds = 0;
    try {
      await device.synchronize();
    } finally {
      milliseconds = this.#now();
      times = await this.#timer?.stop();
    }
    const start = this.#start;
    const isHost = times !== undefined && times.kernels === undefined;
    return {
      device: device.info,
      milliseconds,
      timing: isHost ? "host" : "kernels",
      calls: this.#calls,
      kernels: (times?.kernels ?? []).map((kernel) => ({
        ...kernel,
        begin: kernel.begin - start,
      })),
      submissions: (times?.submissions ?? []).map((submission) => ({
        ...submission,
        begin: submission.begin - start,
        handed: submission.handed - start,
        done: submission.done && submission.done - start,
      })),
      memory: this.#memory,
      marks: this.#marks,
    };
  }

  #now(): number {
    return performance.now() - this.#start;
  }

  #wrap(backend: Backend): Backend {
    return new Proxy(backend, {
      get: (target, key: keyof Backend) => {
        const method = target[key];
        if (typeof method !== "function") return method;
        return (...args: readonly unknown[]): unknown => {
          const call = () => Reflect.apply(method, target, args);
          if (OTHERS.has(key)) return call();
          if (key === "allocate") {
            const buffer: BackendBuffer = call();
            this.#sample(buffer.byteLength);
            return buffer;
          }
          if (key === "free") {
            this.#sample(-(args[0] as BackendBuffer).byteLength);
            return call();
          }
          return this.#time(describeCall(key, args), call);
        };
      },
    });
  }

  #time(description: CallDescription, call: () => unknown): unknown {
    if (this.#timer !== undefined) this.#timer.call = this.#calls.length;
    const begin = this.#now();
    const result = call();
    const milliseconds = this.#now() - begin;
    this.#calls.push({ ...description, begin, milliseconds });
    return result;
  }

  #sample(change: number): void {
    this.#bytes += change;
    this.#memory.push({ time: this.#now(), bytes: this.#bytes });
  }
}
