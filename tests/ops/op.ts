/**
 * What a row of the operation table is.
 *
 * @module
 */

import type { Shape, Tensor } from "@cram/tensor";
import { type HostTensor, Samples } from "../host_tensor.ts";

/** How far a device may be from the reference in float64. */
export interface Tolerance {
  /** Largest relative error on the cpu device. */
  readonly cpu: number;
  /** Largest relative error on the webgpu device. */
  readonly webgpu: number;
  /** Errors are relative to the expected number, but at least to this. */
  readonly scale: number;
  /** Why it is not 0. */
  readonly reason: string;
}

/** A call of an operation. */
export interface OpCase {
  readonly name: string;
  readonly inputs: readonly HostTensor[];
  /** The call, with its attributes bound. */
  readonly run: (...inputs: Tensor[]) => Tensor;
  /** Whether the gradients are compared with the reference too; not where they are not finite. */
  readonly gradients?: boolean;
}

/** An operation. */
export interface Op {
  readonly name: string;
  readonly tolerance: Tolerance;
  /** Operands that are float32 beside float16 ones; "all" if it takes no float16. */
  readonly single?: readonly number[] | "all";
  /** Calls whose results are compared with the reference, on every device. */
  readonly cases: readonly OpCase[];
  /** Those of the calls, as a function of their names, that are worth compiling in float16 too; all if it is not given. */
  readonly half?: (name: string) => boolean;
  /** Calls whose gradients are compared with finite differences, away from kinks; none for operations without gradients. */
  readonly gradchecks: readonly OpCase[];
}

/** The smallest normal float32: below it devices may flush to 0. */
export const SMALLEST_NORMAL = 2 ** -126;

/** Results that every device must give to the last bit. */
export const EXACT: Tolerance = {
  cpu: 0,
  webgpu: 0,
  scale: SMALLEST_NORMAL,
  reason: "moves, compares or rounds correctly",
};

/** Results of one rounding on the cpu, while WGSL allows a few units in the last place. */
export const DIVISION: Tolerance = {
  cpu: 0,
  webgpu: 4 * 2 ** -24,
  scale: SMALLEST_NORMAL,
  reason: "WGSL allows 2.5 units in the last place for division",
};

/** Shapes that tell implementations apart: empty, one element, odd, multiples of 4 and not, several workgroups. */
export const SHAPES: readonly Shape[] = [
  [0],
  [2, 0, 3],
  [],
  [1],
  [7],
  [3, 5],
  [4, 8],
  [2, 1, 3, 2],
  [1030],
  // Several bindings of 16 KiB.
  [17, 1031],
];

/** Floats where functions and formats have their edges. */
export const SPECIAL_FLOATS: readonly number[] = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  1.5,
  -2.5,
  Math.fround(1e-40),
  Math.fround(-1e-40),
  SMALLEST_NORMAL,
  Math.fround(1e-7),
  Math.fround(1e7),
  2 ** 24 + 2,
  -(2 ** 31),
  Math.fround(3.4e38),
  Math.fround(-3.4e38),
];

/** The special floats as a tensor. */
export function specialFloats(): HostTensor {
  return new Samples(0).from(
    [SPECIAL_FLOATS.length],
    (i) => SPECIAL_FLOATS[i],
  );
}

/** Each special float with each other one. */
export function specialPairs(): [HostTensor, HostTensor] {
  const samples = new Samples(0);
  const n = SPECIAL_FLOATS.length;
  return [
    samples.from([n * n], (i) => SPECIAL_FLOATS[Math.floor(i / n)]),
    samples.from([n * n], (i) => SPECIAL_FLOATS[i % n]),
  ];
}
