/** Memory kernels of the cpu device. */

import type { Backend } from "../backend.ts";
import type { CpuBuffer, Runtime } from "./_runtime.ts";

/** Allocation and transfer. Kernels are done when their call returns, so nothing ever waits. */
export function memory(
  runtime: Runtime,
): Pick<
  Backend<CpuBuffer>,
  "allocate" | "free" | "write" | "read" | "synchronize" | "close"
> {
  const { heap } = runtime;
  return {
    allocate: (byteLength) => ({ byteLength, address: heap.take(byteLength) }),
    free: ({ address, byteLength }) => heap.give(address, byteLength),
    write: ({ address }, byteOffset, bytes) =>
      heap.bytes(address + byteOffset, bytes.length).set(bytes),
    read: ({ address }, byteOffset, byteLength) =>
      Promise.resolve(heap.bytes(address + byteOffset, byteLength).slice()),
    synchronize: () => Promise.resolve(),
    close: () => runtime.close(),
  };
}
