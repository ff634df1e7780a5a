/**
 * Tests that must give back all device memory that they took.
 *
 * @module
 */

import type { Device } from "@cram/tensor";
import { assertEquals } from "@std/assert";

/**
 * Runs a function, and checks that as many bytes and buffers are live behind
 * it as were before. Without a scope of the caller's around it, this catches
 * every temporary that an operation forgot to free.
 */
export async function guardLeaks(
  device: Device,
  run: () => void | Promise<void>,
): Promise<void> {
  const { liveBytes, liveBuffers } = device.memory;
  await run();
  const after = device.memory;
  assertEquals(
    { liveBytes: after.liveBytes, liveBuffers: after.liveBuffers },
    { liveBytes, liveBuffers },
    `The ${device.info.kind} device holds other memory than before the test`,
  );
}
