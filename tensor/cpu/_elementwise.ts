/** Elementwise kernels of the cpu device. */

import type { Backend } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

/** Functions of each element. */
export function elementwise(
  runtime: Runtime,
): Pick<Backend<CpuBuffer>, "binary"> {
  return {
    binary(_op, a, b, out) {
      if (typeof a === "number" || typeof b === "number") return;
      const count = sizeOf(out.shape);
      runtime.run(
        "add",
        [addressOf(a), addressOf(b), addressOf(out), count],
        runtime.parts(count),
      );
    },
  };
}
