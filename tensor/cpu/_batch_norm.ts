/** Batch normalization on the cpu device. */

import type { Backend, MatrixLayout } from "../backend.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** Parts that sum over rows have at least this many, so that merging them costs little. */
const LEAST_ROWS = 64;

/** Bytes of two float64 for each column. */
const PARTIAL_BYTES = 16;

/** Bytes of three float32 for each column. */
const CONSTANTS_BYTES = 12;

/** The kernels of batch normalization. */
export function batchNorm(
  runtime: Runtime,
): Pick<
  Backend<CpuBuffer>,
  "batchNormTraining" | "batchNormBackward" | "batchNormInference"
> {
  /** Lends room for partial sums and constants of columns, and tells in how many parts to sum. */
  function withSums(
    { rows, columns }: MatrixLayout,
    body: (partials: number, constants: number, parts: number) => void,
  ): void {
    const most = Math.max(1, Math.floor(rows / LEAST_ROWS));
    const parts = runtime.parts(rows * columns, most);
    const partialsBytes = parts * columns * PARTIAL_BYTES;
    runtime.withScratch(
      partialsBytes + columns * CONSTANTS_BYTES,
      (address) => body(address, address + partialsBytes, parts),
    );
  }

  return {
    batchNormTraining(views, layout) {
      const { rows, columns } = layout;
      const { running } = views;
      withSums(layout, (partials, constants, parts) => {
        runtime.run(
          "batchNormStatistics",
          [addressOf(views.x), rows, columns, partials],
          parts,
        );
        runtime.run("batchNormFinish", [
          partials,
          parts,
          rows,
          columns,
          addressOf(views.scale),
          addressOf(views.bias),
          addressOf(views.mean),
          addressOf(views.rstd),
          views.epsilon,
          constants,
          addressOf(running?.mean),
          addressOf(running?.variance),
          running?.momentum ?? 0,
        ], runtime.parts(parts * columns * 8));
        runtime.run("batchNormApply", [
          addressOf(views.x),
          addressOf(views.residual),
          addressOf(views.out),
          rows,
          columns,
          constants,
          Number(views.relu),
        ], runtime.parts(rows * columns));
      });
    },

    batchNormInference(views, { rows, columns }) {
      runtime.withScratch(columns * CONSTANTS_BYTES, (constants) => {
        runtime.run("batchNormConstants", [
          addressOf(views.mean),
          addressOf(views.variance),
          addressOf(views.scale),
          addressOf(views.bias),
          views.epsilon,
          constants,
          columns,
        ], runtime.parts(columns * 8));
        runtime.run("batchNormApply", [
          addressOf(views.x),
          addressOf(views.residual),
          addressOf(views.out),
          rows,
          columns,
          constants,
          Number(views.relu),
        ], runtime.parts(rows * columns));
      });
    },

    batchNormBackward(views, layout) {
      const { rows, columns } = layout;
      withSums(layout, (partials, constants, parts) => {
        runtime.run("batchNormGradientSums", [
          addressOf(views.x),
          addressOf(views.y),
          addressOf(views.dy),
          addressOf(views.dResidual),
          rows,
          columns,
          addressOf(views.mean),
          partials,
        ], parts);
        runtime.run("batchNormGradientFinish", [
          partials,
          parts,
          rows,
          columns,
          addressOf(views.scale),
          addressOf(views.rstd),
          addressOf(views.dScale),
          addressOf(views.dBias),
          constants,
        ], runtime.parts(parts * columns * 8));
        // The first pass left the masked gradient in dResidual, if it is there.
        const masked = views.dResidual !== undefined;
        runtime.run("batchNormGradientApply", [
          addressOf(views.x),
          masked ? 0 : addressOf(views.y),
          addressOf(masked ? views.dResidual : views.dy),
          addressOf(views.dx),
          rows,
          columns,
          addressOf(views.mean),
          constants,
        ], runtime.parts(rows * columns));
      });
    },
  };
}
