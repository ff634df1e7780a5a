/** The reference device. */

import type { DeviceOptions } from "../open_device.ts";
import { ReferenceBackend } from "./backend.ts";

/** A reference backend; it needs no preparation. */
export function createReferenceBackend(
  options: DeviceOptions = {},
): ReferenceBackend {
  return new ReferenceBackend(options);
}

/** Opens a reference backend, as the other kinds of device are opened. */
export function openReferenceBackend(
  options: DeviceOptions,
): Promise<ReferenceBackend> {
  return Promise.resolve(createReferenceBackend(options));
}
