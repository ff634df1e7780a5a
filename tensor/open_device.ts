/**
 * Choosing and opening a device.
 *
 * @module
 */

import type { Backend, DeviceKind } from "./backend.ts";
import { Device } from "./device.ts";
import { ArgumentError } from "./errors.ts";
import { MAX_THREADS } from "./max_threads.ts";
import { checkTuning, type Tuning } from "./tuning.ts";

/** What a device is opened with. Options of other kinds of device are ignored. */
export interface DeviceOptions {
  /** cpu: how many threads run kernels, at most {@linkcode MAX_THREADS}; one where memory cannot be shared. Default: one for each core. */
  readonly threads?: number;
  /** The bytes that all tensors together may take. Default: what the device can address. */
  readonly memoryLimit?: number;
  /** webgpu: whether to ask for all that the adapter has, or to be content with what every WebGPU device has. Default: `"native"`. */
  readonly limits?: "native" | "default";
  /** webgpu: a smaller size in bytes of one binding than the adapter has, so that tests reach it with small tensors; a multiple of 256. */
  readonly maxBindingBytes?: number;
  /** webgpu: which adapter is preferred where there are several. Default: `"high-performance"`. */
  readonly powerPreference?: "low-power" | "high-performance";
  /** webgpu: what `device.tune()` found before; what it has of other adapters is left alone. Default: kernels are chosen by sizes alone. */
  readonly tuning?: Tuning | undefined;
}

const KINDS: readonly DeviceKind[] = ["webgpu", "cpu", "reference"];

/**
 * Opens a device.
 *
 * Without a kind, the environment variable `CRAM_DEVICE` names it, where it
 * may be read without asking. Else it is `webgpu` if there is a hardware GPU
 * and `cpu` if there is none, which is then said once on the console.
 *
 * @param kind Which implementation; a software adapter is fine for `webgpu` when it is named here.
 * @param options Threads, limits, preferences.
 * @returns The device, for `await using`.
 * @throws {ArgumentError} If the kind (or `CRAM_DEVICE`) or an option is none, or the tuning is none for this version.
 * @throws {NoAdapterError} If `webgpu` was asked for and there is no adapter.
 *
 * @example The device that works everywhere
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * await using device = await openDevice("reference");
 * assertEquals(device.info.kind, "reference");
 * ```
 */
export async function openDevice(
  kind?: DeviceKind,
  options: DeviceOptions = {},
): Promise<Device> {
  if (kind !== undefined) checkKind(kind);
  checkOptions(options);
  const wanted = kind ?? kindOfEnvironment();
  const backend = wanted === undefined
    ? await openBest(options)
    : await open(wanted, options);
  return new Device(backend);
}

/** Backends are imported when they are opened, so that nobody pays for those that are not. */
async function open(
  kind: DeviceKind,
  options: DeviceOptions,
): Promise<Backend> {
  switch (kind) {
    case "reference":
      return await (await import("./reference/mod.ts"))
        .openReferenceBackend(options);
    case "cpu":
      return await (await import("./cpu/mod.ts")).openCpuBackend(options);
    case "webgpu":
      return await (await import("./webgpu/mod.ts")).openWebGpuBackend(options);
    default:
      return kind satisfies never;
  }
}

let saidSo = false;

async function openBest(options: DeviceOptions): Promise<Backend> {
  const { findAdapter } = await import("./webgpu/mod.ts");
  const adapter = await findAdapter(options);
  if (adapter !== undefined && !adapter.software) {
    return await open("webgpu", options);
  }
  if (!saidSo) {
    saidSo = true;
    console.warn(
      adapter === undefined
        ? "No GPU was found: using the cpu device"
        : `Only a software GPU was found ("${adapter.description}"): using the cpu device`,
    );
  }
  return await open("cpu", options);
}

function checkKind(kind: string, origin = ""): asserts kind is DeviceKind {
  if (!(KINDS as readonly string[]).includes(kind)) {
    throw new ArgumentError(
      `Cannot open a device of kind "${kind}"${origin}: expected one of ${
        KINDS.join(", ")
      }`,
    );
  }
}

function checkOptions(options: DeviceOptions): void {
  const { threads, memoryLimit, limits, maxBindingBytes, powerPreference } =
    options;
  checkCount("threads", threads, MAX_THREADS);
  checkCount("memoryLimit", memoryLimit);
  if (
    maxBindingBytes !== undefined &&
    (!Number.isSafeInteger(maxBindingBytes) || maxBindingBytes < 256 ||
      maxBindingBytes % 256 !== 0)
  ) {
    throw new ArgumentError(
      `Cannot open a device with maxBindingBytes ${maxBindingBytes}: expected a multiple of 256`,
    );
  }
  if (options.tuning !== undefined) checkTuning(options.tuning);
  checkChoice("limits", limits, ["native", "default"]);
  checkChoice("powerPreference", powerPreference, [
    "low-power",
    "high-performance",
  ]);
}

function checkCount(
  name: string,
  value: number | undefined,
  most = Infinity,
): void {
  if (
    value !== undefined &&
    (!Number.isSafeInteger(value) || value < 1 || value > most)
  ) {
    throw new ArgumentError(
      `Cannot open a device with ${name} ${value}: expected a whole number ${
        most < Infinity ? `from 1 to ${most}` : "of at least 1"
      }`,
    );
  }
}

function checkChoice(
  name: string,
  value: string | undefined,
  choices: readonly string[],
): void {
  if (value !== undefined && !choices.includes(value)) {
    throw new ArgumentError(
      `Cannot open a device with ${name} "${value}": expected one of ${
        choices.join(", ")
      }`,
    );
  }
}

/** The kind that `CRAM_DEVICE` names. Reading it must never make Deno ask for permission. */
function kindOfEnvironment(): DeviceKind | undefined {
  const { Deno: deno, process } = globalThis as {
    readonly Deno?: typeof Deno;
    readonly process?: { readonly env?: Record<string, string | undefined> };
  };
  const variable = "CRAM_DEVICE";
  const permitted = deno === undefined ||
    deno.permissions.querySync({ name: "env", variable }).state === "granted";
  const kind = permitted ? process?.env?.[variable] : undefined;
  if (kind === undefined || kind === "") return undefined;
  checkKind(kind, `, which ${variable} names`);
  return kind;
}
