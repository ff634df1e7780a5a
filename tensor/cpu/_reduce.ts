/** Reductions on the cpu device. */

import type { AxisLayout, Backend, ReduceOp, View } from "../backend.ts";
import type { DType } from "../dtype.ts";
import {
  addressOf,
  type CpuBuffer,
  type KernelName,
  type Runtime,
} from "./_runtime.ts";

/** How many columns one task has; the same as in assembly/reduce.ts. */
const BLOCK_COLUMNS = 512;

/** With so many tasks, chunks are not needed to keep all threads busy. */
const ENOUGH_TASKS = 32;

/** How many elements a chunk has at least. */
const CHUNK_ELEMENTS = 65_536;

/** How many rows a chunk has at least, so that its partial results cost little. */
const CHUNK_ROWS = 128;

/** Roughly how many additions one element costs. */
const COST: Partial<Record<ReduceOp, number>> = { logSumExp: 8, l2Norm: 2 };

const INTEGER: Partial<
  Record<ReduceOp, Partial<Record<DType, KernelName>>>
> = {
  sum: { int32: "sumInt", uint32: "sumInt" },
  max: { int32: "maxInt32", uint32: "maxUint32" },
  min: { int32: "minInt32", uint32: "minUint32" },
};

const ARGMAX: Partial<Record<DType, KernelName>> = {
  int32: "argmaxInt32",
  uint32: "argmaxUint32",
  bool: "argmaxUint32",
};

/**
 * Reduces the middle axis of float32.
 *
 * @param runtime Memory and threads.
 * @param op Which reduction.
 * @param x The address of the elements.
 * @param out The address of the results.
 * @param layout The axes.
 * @param shifts The address of the maxima that logSumExp subtracts.
 */
export function reduceFloats(
  runtime: Runtime,
  op: ReduceOp,
  x: number,
  out: number,
  { outer, length, inner }: AxisLayout,
  shifts = 0,
): void {
  const tasks = outer * Math.ceil(inner / BLOCK_COLUMNS);
  const chunk = tasks >= ENOUGH_TASKS
    ? length
    : Math.max(Math.ceil(CHUNK_ELEMENTS / inner), CHUNK_ROWS);
  const chunks = Math.max(Math.ceil(length / chunk), 1);
  runtime.withScratch(chunks > 1 ? outer * chunks * inner * 8 : 0, (room) => {
    const args = [
      ...[x, out, outer, length, inner],
      ...[chunk, chunks, room, shifts],
    ];
    const work = outer * length * inner * (COST[op] ?? 1);
    runtime.run(op, args, runtime.parts(work, tasks * chunks));
    if (chunks === 1) return;
    runtime.run(
      `${op}Finish`,
      args,
      runtime.parts(outer * inner * chunks * 4, outer * inner),
    );
  });
}

/** Kernels that reduce an axis. */
export function reduction(
  runtime: Runtime,
): Pick<Backend<CpuBuffer>, "reduce" | "argmax"> {
  function perResult(
    kernel: KernelName,
    x: View<CpuBuffer>,
    out: View<CpuBuffer>,
    { outer, length, inner }: AxisLayout,
  ): void {
    runtime.run(
      kernel,
      [addressOf(x), addressOf(out), outer, length, inner],
      runtime.parts(outer * length * inner * 2, outer * inner),
    );
  }

  return {
    reduce(op, x, out, layout) {
      const integer = INTEGER[op]?.[x.dtype];
      const [from, to] = [addressOf(x), addressOf(out)];
      if (integer !== undefined) {
        perResult(integer, x, out, layout);
      } else if (op === "logSumExp") {
        runtime.withScratch(layout.outer * layout.inner * 4, (maxima) => {
          reduceFloats(runtime, "max", from, maxima, layout);
          reduceFloats(runtime, "logSumExp", from, to, layout, maxima);
        });
      } else {
        reduceFloats(runtime, op, from, to, layout);
      }
    },

    argmax(x, out, layout) {
      perResult(ARGMAX[x.dtype] ?? "argmax", x, out, layout);
    },
  };
}
