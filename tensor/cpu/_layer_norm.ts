/** Layer normalization on the cpu device. */

import type { Backend } from "../backend.ts";
import { reduceFloats } from "./_reduce.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** A part has so many rows that adding its sums for scale and bias to those of others costs little. */
const LEAST_ROWS = 32;
/** It has so few that float32 holds the sums well. */
const MOST_ROWS = 512;

/** The kernels of layer normalization. */
export function layerNorm(
  runtime: Runtime,
): Pick<Backend<CpuBuffer>, "layerNorm" | "layerNormBackward"> {
  return {
    layerNorm(views, { rows, columns }) {
      runtime.run("layerNorm", [
        addressOf(views.x),
        addressOf(views.residual),
        addressOf(views.scale),
        addressOf(views.bias),
        addressOf(views.out),
        // Without a place of its own, the sum is made where the output will be.
        addressOf(views.sum ?? views.out),
        addressOf(views.mean),
        addressOf(views.rstd),
        views.epsilon,
        rows,
        columns,
      ], runtime.parts(rows * columns * 4, rows));
    },

    layerNormBackward(views, { rows, columns }) {
      const parts = Math.max(
        runtime.parts(rows * columns * 4, Math.ceil(rows / LEAST_ROWS)),
        Math.min(Math.ceil(rows / MOST_ROWS), 1000),
      );
      runtime.withScratch(parts * columns * 8, (partials) => {
        runtime.run("layerNormBackward", [
          addressOf(views.x),
          addressOf(views.dy),
          addressOf(views.scale),
          addressOf(views.mean),
          addressOf(views.rstd),
          addressOf(views.dx),
          rows,
          columns,
          partials,
        ], parts);
        const layout = { outer: 1, length: parts, inner: columns };
        [views.dScale, views.dBias].forEach((out, index) => {
          const sums = partials + index * parts * columns * 4;
          reduceFloats(runtime, "sum", sums, addressOf(out), layout);
        });
      });
    },
  };
}
