/** Kernels of the cpu device that move elements: fill, copy, cast, gather, scatter. */

import type { Backend, StridedLayout } from "../backend.ts";
import { type DType, dtypeInfo } from "../dtype.ts";
import { bfloat16Bits, float16Bits } from "../float16.ts";
import { sizeOf } from "../shape.ts";
import { addressOf, type CpuBuffer, type Runtime } from "./_runtime.ts";

const floats = new Float32Array(1);
const words = new Int32Array(floats.buffer);

/** A value of a dtype as the 32-bit word that its elements repeat. */
export function wordOf(value: number, dtype: DType): number {
  switch (dtype) {
    case "float32":
      floats[0] = value;
      return words[0];
    case "bool":
      return Number(value !== 0);
    case "uint8":
      return Math.imul(value & 0xff, 0x01010101);
    case "float16":
      return Math.imul(float16Bits(value), 0x00010001);
    case "bfloat16":
      return Math.imul(bfloat16Bits(value), 0x00010001);
    default:
      words[0] = value;
      return words[0];
  }
}

/** Numbers of dtypes; the same as in assembly/cast.ts. */
const CAST_DTYPES: readonly DType[] = [
  "float32",
  "int32",
  "uint32",
  "bool",
  "uint8",
  "float16",
  "bfloat16",
];

/** How assembly/copy.ts copies a plane of the last two axes. */
const MODES = { contiguous: 0, repeated: 1, transposed: 2, strided: 3 };

/** One axis of a copy: its size, and the steps in source and target. */
interface Axis {
  size: number;
  readonly source: number;
  readonly target: number;
}

/**
 * The axes of a copy, in the order and number that copy fastest: the target
 * is written in ascending order, neighbouring axes are merged where they can
 * be. There are at least two.
 */
function copyAxes(layout: StridedLayout): Axis[] {
  const axes = layout.shape
    .map((size, i) => ({
      size,
      source: layout.sourceStrides[i],
      target: layout.targetStrides[i],
    }))
    .filter(({ size }) => size > 1)
    .sort((a, b) => b.target - a.target);
  const merged: Axis[] = [];
  for (const axis of axes) {
    const last = merged.at(-1);
    if (
      last !== undefined && last.source === axis.source * axis.size &&
      last.target === axis.target * axis.size
    ) {
      merged[merged.length - 1] = { ...axis, size: axis.size * last.size };
    } else {
      merged.push(axis);
    }
  }
  while (merged.length < 2) merged.unshift({ size: 1, source: 0, target: 0 });
  return merged;
}

/** The kernel's mode for such axes, which it may put in another order. */
function copyMode(axes: Axis[]): number {
  const inner = axes[axes.length - 1];
  if (inner.size === 1) return MODES.contiguous;
  if (inner.target !== 1) return MODES.strided;
  if (inner.source === 1) return MODES.contiguous;
  if (inner.source === 0) return MODES.repeated;
  const rows = axes.findIndex(({ source, size }) => source === 1 && size > 3);
  if (rows < 0) return MODES.strided;
  axes.splice(axes.length - 2, 0, ...axes.splice(rows, 1));
  return MODES.transposed;
}

/** Kernels that move elements. */
export function structure(
  runtime: Runtime,
): Pick<
  Backend<CpuBuffer>,
  "fill" | "stridedCopy" | "cast" | "gather" | "scatterAdd"
> {
  return {
    fill(out, value) {
      const byteLength = sizeOf(out.shape) * dtypeInfo(out.dtype).byteSize;
      const count = Math.floor(byteLength / 4);
      runtime.run(
        "fill",
        [addressOf(out), count, byteLength % 4, wordOf(value, out.dtype)],
        runtime.parts(count),
      );
    },

    stridedCopy(source, target, layout) {
      const axes = copyAxes(layout);
      const mode = copyMode(axes);
      runtime.run(
        "stridedCopy",
        [
          addressOf(source) + layout.sourceOffset * 4,
          addressOf(target) + layout.targetOffset * 4,
          mode,
          axes.length,
          ...axes.map(({ size }) => size),
          ...axes.map(({ source }) => source),
          ...axes.map(({ target }) => target),
        ],
        runtime.parts(sizeOf(layout.shape) * 2),
      );
    },

    cast(x, out) {
      const count = sizeOf(out.shape);
      runtime.run(
        "cast",
        [
          addressOf(x),
          addressOf(out),
          count,
          CAST_DTYPES.indexOf(x.dtype),
          CAST_DTYPES.indexOf(out.dtype),
        ],
        runtime.parts(count * 4),
      );
    },

    gather(x, indices, out, { outer, length, inner, count }) {
      const missing = x.dtype === "float32" ? NaN : 0;
      runtime.run(
        "gather",
        [
          addressOf(x),
          addressOf(indices),
          addressOf(out),
          outer,
          length,
          inner,
          count,
          wordOf(missing, x.dtype),
        ],
        runtime.parts(outer * count * (inner + 16)),
      );
    },

    scatterAdd(indices, updates, out, { outer, length, inner, count }) {
      // Few wide rows are split by columns, many narrow ones by rows.
      const byColumns = inner >= 64;
      runtime.run(
        out.dtype === "float32" ? "scatterAdd" : "scatterAddInt",
        [
          addressOf(indices),
          addressOf(updates),
          addressOf(out),
          outer,
          length,
          inner,
          count,
          Number(byColumns),
        ],
        runtime.parts(
          outer * count * (inner + 4),
          byColumns ? Math.ceil(inner / 32) : 8,
        ),
      );
    },
  };
}
