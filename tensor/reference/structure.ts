/** Kernels that move elements: fill, copy, cast, gather, scatter. */

import type { AxisLayout, StridedLayout } from "../backend.ts";
import { type DType, dtypeInfo } from "../dtype.ts";
import {
  bfloat16Bits,
  bfloat16Value,
  float16Bits,
  float16Value,
} from "../float16.ts";
import { INTEGER_RANGES } from "../_integer_range.ts";
import { elementsOf, HAS_FLOAT16, type ReferenceView } from "./buffer.ts";
import { walk } from "./walk.ts";

export function fill(out: ReferenceView, value: number): void {
  elementsOf(out).fill(encoder(out.dtype)(value));
}

export function stridedCopy(
  source: ReferenceView,
  target: ReferenceView,
  layout: StridedLayout,
): void {
  const from = elementsOf(source);
  const to = elementsOf(target);
  const { sourceOffset, targetOffset } = layout;
  const strides = [layout.sourceStrides, layout.targetStrides];
  walk(layout.shape, strides, (_, [s, t]) => {
    to[targetOffset + t] = from[sourceOffset + s];
  });
}

export function cast(x: ReferenceView, out: ReferenceView): void {
  const source = elementsOf(x);
  const target = elementsOf(out);
  const decode = decoder(x.dtype);
  const encode = encoder(out.dtype);
  const saturate = saturator(x.dtype, out.dtype);
  for (let i = 0; i < target.length; i++) {
    target[i] = encode(saturate(decode(source[i])));
  }
}

export function gather(
  x: ReferenceView,
  indices: ReferenceView,
  out: ReferenceView,
  layout: AxisLayout & { readonly count: number },
): void {
  const { outer, length, inner, count } = layout;
  const source = elementsOf(x);
  const index = elementsOf(indices);
  const target = elementsOf(out);
  const missing = dtypeInfo(x.dtype).kind === "float" ? NaN : 0;
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      const inside = index[k] >= 0 && index[k] < length;
      for (let i = 0; i < inner; i++) {
        target[(o * count + k) * inner + i] = inside
          ? source[(o * length + index[k]) * inner + i]
          : missing;
      }
    }
  }
}

export function scatterAdd(
  indices: ReferenceView,
  updates: ReferenceView,
  out: ReferenceView,
  layout: AxisLayout & { readonly count: number },
): void {
  const { outer, length, inner, count } = layout;
  const index = elementsOf(indices);
  const source = elementsOf(updates);
  const target = elementsOf(out);
  // Sums of float16 are rounded once.
  const sums = out.dtype === "float16" ? Float64Array.from(target) : target;
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      if (index[k] < 0 || index[k] >= length) continue;
      for (let i = 0; i < inner; i++) {
        sums[(o * length + index[k]) * inner + i] +=
          source[(o * count + k) * inner + i];
      }
    }
  }
  if (sums !== target) target.set(sums);
}

/** From an element as it is stored to its value. */
function decoder(dtype: DType): (stored: number) => number {
  if (dtype === "bfloat16") return bfloat16Value;
  if (dtype === "float16" && !HAS_FLOAT16) return float16Value;
  return (stored) => stored;
}

/** From a value to an element as it is stored; typed arrays round and wrap the rest. */
function encoder(dtype: DType): (value: number) => number {
  if (dtype === "bfloat16") return bfloat16Bits;
  if (dtype === "float16" && !HAS_FLOAT16) return float16Bits;
  if (dtype === "bool") return (value) => Number(value !== 0);
  return (value) => value;
}

/** Floats saturate when they become integers, and typed arrays truncate them; integers wrap. */
function saturator(from: DType, to: DType): (value: number) => number {
  const range = INTEGER_RANGES[to];
  if (
    range === undefined || from === "bool" || INTEGER_RANGES[from] !== undefined
  ) {
    return (value) => value;
  }
  const [low, high] = range;
  return (value) =>
    Number.isNaN(value) ? 0 : Math.min(Math.max(value, low), high);
}
