/** Random numbers on the cpu device. */

import type { Backend, RandomState } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** Roughly how many additions one number costs. */
const COST = 12;

/** Seed and stream. */
function stateArguments(state: RandomState): number[] {
  const { seedLow, seedHigh, streamLow, streamHigh } = state;
  return [seedLow, seedHigh, streamLow, streamHigh].map((word) => word >>> 0);
}

/** Below which of its 24 bits a number drops an element, what others are multiplied by, seed and stream. */
export function dropoutArguments(rate: number, state: RandomState): number[] {
  return [
    // u < rate, in units of 2⁻²⁴
    Math.ceil(Math.fround(rate) * 2 ** 24),
    Math.fround(1 / (1 - rate)),
    ...stateArguments(state),
  ];
}

/** The kernels of random numbers. */
export function random(
  runtime: Runtime,
): Pick<Backend<CpuBuffer>, "randomUniform" | "dropout"> {
  return {
    randomUniform(out, state) {
      const count = sizeOf(out.shape);
      runtime.run(
        "randomUniform",
        [addressOf(out), count, ...stateArguments(state)],
        runtime.parts(count * COST),
      );
    },

    dropout(x, out, rate, state) {
      const count = sizeOf(out.shape);
      runtime.run(
        "dropout",
        [
          addressOf(x),
          addressOf(out),
          count,
          ...dropoutArguments(rate, state),
        ],
        runtime.parts(count * COST),
      );
    },
  };
}
