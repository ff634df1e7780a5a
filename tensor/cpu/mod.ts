/** The cpu device. */

import type { Backend } from "../backend.ts";
import type { DeviceOptions } from "../open_device.ts";
import { DeviceError } from "../errors.ts";

/** Opens the cpu backend. */
export function openCpuBackend(_options: DeviceOptions): Promise<Backend> {
  return Promise.reject(new DeviceError("The cpu device is being written"));
}
