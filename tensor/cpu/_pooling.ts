/** Pooling on the cpu device. */

import type { Backend, PoolGeometry } from "../backend.ts";
import {
  addressOf,
  type CpuBuffer,
  type KernelName,
  type Runtime,
} from "./_runtime.ts";

/** The kernels of pooling. */
export function pooling(
  runtime: Runtime,
): Pick<
  Backend<CpuBuffer>,
  "maxPool2d" | "maxPool2dBackward" | "averagePool2d" | "averagePool2dBackward"
> {
  function run(
    kernel: KernelName,
    addresses: readonly [number, number, number],
    g: PoolGeometry,
    rows: number,
  ): void {
    const windows = g.batch * g.outHeight * g.outWidth * g.channels;
    runtime.run(
      kernel,
      [
        ...addresses,
        ...[g.batch, g.height, g.width, g.channels],
        ...[g.kernelHeight, g.kernelWidth, g.outHeight, g.outWidth],
        ...[g.strideHeight, g.strideWidth, g.padTop, g.padLeft],
        Number(g.countIncludePad),
      ],
      runtime.parts(windows * g.kernelHeight * g.kernelWidth, rows),
    );
  }

  return {
    maxPool2d(x, out, indices, geometry) {
      run(
        "maxPool2d",
        [addressOf(x), addressOf(out), addressOf(indices)],
        geometry,
        geometry.batch * geometry.outHeight,
      );
    },

    maxPool2dBackward(dy, indices, dx, geometry) {
      run(
        "maxPool2dBackward",
        [addressOf(dy), addressOf(indices), addressOf(dx)],
        geometry,
        geometry.batch * geometry.height,
      );
    },

    averagePool2d(x, out, geometry) {
      run(
        "averagePool2d",
        [addressOf(x), addressOf(out), 0],
        geometry,
        geometry.batch * geometry.outHeight,
      );
    },

    averagePool2dBackward(dy, dx, geometry) {
      run(
        "averagePool2dBackward",
        [addressOf(dy), addressOf(dx), 0],
        geometry,
        geometry.batch * geometry.height,
      );
    },
  };
}
