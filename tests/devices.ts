/**
 * The devices that generated tests run on, opened once for each test file.
 *
 * @module
 */

import {
  type Device,
  type DeviceOptions,
  NoAdapterError,
  openDevice,
} from "@cram/tensor";
import type { DeviceKind } from "@cram/tensor/backend";
import { guardLeaks } from "./leak_guard.ts";

/** A configuration of a device. */
export interface DeviceConfig {
  /** How it is called in the names of tests. */
  readonly name: string;
  readonly kind: DeviceKind;
  readonly options?: DeviceOptions;
}

/** A device under test. */
export interface TestedDevice extends DeviceConfig {
  /**
   * Registers a test that gets the device and must leave no memory behind;
   * it is skipped where there is no such device.
   */
  test(name: string, run: (device: Device) => void | Promise<void>): void;
}

export const REFERENCE: DeviceConfig = { name: "reference", kind: "reference" };
export const CPU: DeviceConfig = { name: "cpu", kind: "cpu" };
export const WEBGPU: DeviceConfig = { name: "webgpu", kind: "webgpu" };
export const WEBGPU_DEFAULT_LIMITS: DeviceConfig = {
  name: "webgpu (default limits)",
  kind: "webgpu",
  options: { limits: "default" },
};
/** Bindings so small that the larger tensors of the table need several. */
export const WEBGPU_SMALL_BINDINGS: DeviceConfig = {
  name: "webgpu (16 KiB bindings)",
  kind: "webgpu",
  options: { maxBindingBytes: 16384 },
};

/**
 * Opens devices for the tests of a file, and closes them behind the last one.
 * A machine without WebGPU skips its tests, unless the environment variable
 * `CRAM_REQUIRE_WEBGPU` is 1, as it is in CI.
 */
export function openTested(
  ...configs: readonly DeviceConfig[]
): Promise<TestedDevice[]> {
  return Promise.all(configs.map(async (config) => {
    const device = await openOrSkip(config);
    if (device !== undefined) Deno.test.afterAll(() => device.close());
    return {
      ...config,
      test: (name, run) =>
        Deno.test({
          name: device === undefined
            ? `${name} on ${config.name} (skipped: there is no WebGPU adapter)`
            : `${name} on ${config.name}`,
          ignore: device === undefined,
          fn: () => guardLeaks(device as Device, () => run(device as Device)),
        }),
    };
  }));
}

async function openOrSkip(
  { kind, options }: DeviceConfig,
): Promise<Device | undefined> {
  try {
    return await openDevice(kind, options);
  } catch (error) {
    if (!(error instanceof NoAdapterError) || requiresWebGpu()) throw error;
    return undefined;
  }
}

function requiresWebGpu(): boolean {
  const variable = "CRAM_REQUIRE_WEBGPU";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" && Deno.env.get(variable) === "1";
}
