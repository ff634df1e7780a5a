/** Finding an adapter and making a device of it. */

import { DeviceError, NoAdapterError } from "../errors.ts";
import type { DeviceOptions } from "../open_device.ts";
import { roundsHalf } from "./_float16.ts";
import { probeSubgroups, type Subgroups } from "./_subgroups.ts";

/** What is known of an adapter before a device is made of it. */
export interface FoundAdapter {
  /** Whether a GPU is emulated on the CPU. */
  readonly software: boolean;
  /** Its name, for people. */
  readonly description: string;
  /** Invocations that it computes at once; 0 if it does not say. */
  readonly vectorLanes: number;
}

/** Names of adapters that compute on the CPU and do not always say so themselves. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|basic render|warp/i;

/** Optional features that kernels make use of where they are. */
export const FEATURES: readonly GPUFeatureName[] = [
  "shader-f16",
  "subgroups",
  "timestamp-query",
];

/** Limits that are raised to what the adapter has; the others concern textures and vertices. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

async function requestAdapter(
  options: DeviceOptions,
): Promise<GPUAdapter | undefined> {
  const { gpu } = globalThis.navigator ?? {};
  const adapter = await gpu?.requestAdapter({
    powerPreference: options.powerPreference ?? "high-performance",
  });
  return adapter ?? undefined;
}

function describe(adapter: GPUAdapter): FoundAdapter {
  const { info } = adapter;
  const description = info.description || info.device || info.architecture ||
    info.vendor || "an unnamed adapter";
  return {
    software: info.isFallbackAdapter || SOFTWARE.test(description),
    description,
    vectorLanes: info.subgroupMinSize ?? 0,
  };
}

/** The adapter that {@linkcode requestDevice} would take, if there is one. */
export async function findAdapter(
  options: DeviceOptions,
): Promise<FoundAdapter | undefined> {
  const adapter = await requestAdapter(options);
  return adapter && describe(adapter);
}

function identityOf({ info }: GPUAdapter, { limits }: GPUDevice): string {
  const { vendor, architecture, device, description } = info;
  return JSON.stringify({
    ...{ vendor, architecture, device, description },
    limits: LIMITS.map((name) => limits[name]),
  });
}

/** A device, and what it was made of. */
export interface RequestedDevice {
  readonly gpu: GPUDevice;
  readonly adapter: FoundAdapter;
  /** All that is known of the adapter and that the speed of kernels may depend on: WebGPU tells no version of the driver but in some descriptions. */
  readonly identity: string;
  /** Whether it rounds to float16 as IEEE 754 has it; `undefined` if it has none. */
  readonly roundsHalf: boolean | undefined;
  /** How kernels use subgroups; `undefined` if they cannot. */
  readonly subgroups: Subgroups | undefined;
}

/**
 * Makes a device of an adapter.
 *
 * @param adapter The adapter.
 * @param native Whether the device has all of the adapter's features and limits that are of use.
 */
export async function deviceOf(
  adapter: GPUAdapter,
  native: boolean,
): Promise<GPUDevice> {
  const label = "cram";
  if (!native) return await adapter.requestDevice({ label });
  const requiredLimits = Object.fromEntries(
    LIMITS.map((name) => [name, adapter.limits[name]]),
  );
  const request = (requiredFeatures: GPUFeatureName[]) =>
    adapter.requestDevice({ label, requiredLimits, requiredFeatures });
  const listed = FEATURES.filter((name) => adapter.features.has(name));
  // Deno lists subgroups nowhere, and has them on many adapters.
  const mayHaveMore = "Deno" in globalThis && !listed.includes("subgroups") &&
    adapter.info.subgroupMinSize > 1;
  if (mayHaveMore) {
    try {
      return await request([...listed, "subgroups"]);
    } catch {
      // Then without them; what else is wrong is told by the second attempt.
    }
  }
  return await request(listed);
}

/**
 * Makes a device with what the adapter has, or with WebGPU's default limits
 * and no optional features.
 *
 * @throws {NoAdapterError} If there is no adapter.
 * @throws {DeviceError} If the adapter refuses, or its device is lost at once.
 */
export async function requestDevice(
  options: DeviceOptions,
): Promise<RequestedDevice> {
  const adapter = await requestAdapter(options);
  if (adapter === undefined) {
    const problem = globalThis.navigator?.gpu === undefined
      ? "this engine has no WebGPU, as Node.js; Deno and browsers (by HTTPS or from localhost) have it"
      : 'there is no adapter. On Debian, "apt-get install mesa-vulkan-drivers" brings drivers and a software adapter';
    throw new NoAdapterError(
      `Cannot open a webgpu device: ${problem}; openDevice("cpu") needs none`,
    );
  }
  const found = describe(adapter);
  const native = options.limits !== "default";
  let gpu: GPUDevice | undefined;
  try {
    gpu = await deviceOf(adapter, native);
    const identity = identityOf(adapter, gpu);
    return {
      gpu,
      adapter: found,
      identity,
      roundsHalf: gpu.features.has("shader-f16")
        ? await roundsHalf(gpu, identity)
        : undefined,
      subgroups: await probeSubgroups(gpu, adapter.info),
    };
  } catch (cause) {
    gpu?.destroy();
    throw new DeviceError(
      `Cannot open a webgpu device on "${found.description}": ${
        (cause as Error).message
      }`,
      { cause },
    );
  }
}
