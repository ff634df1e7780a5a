/**
 * Bad input that must be refused before anything is done.
 *
 * @module
 */

import type { Device } from "@cram/tensor";
import { assertThrows } from "@std/assert";

/**
 * Checks that a call throws a named error with the values in its message, and
 * that it had not asked the device for memory before.
 */
export function assertRefused(
  device: Device,
  run: () => unknown,
  // deno-lint-ignore no-explicit-any -- the signature of assertThrows()
  errorClass: abstract new (...args: any[]) => Error,
  message: string,
): void {
  const { allocate } = device;
  device.allocate = () => {
    throw new Error("Memory was asked for before the arguments were checked");
  };
  try {
    assertThrows(run, errorClass, message);
  } finally {
    device.allocate = allocate;
  }
}
