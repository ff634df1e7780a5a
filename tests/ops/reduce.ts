/**
 * Rows of the operation table: reductions.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { ReduceOptions, Shape, Tensor } from "@cram/tensor";
import { type HostTensor, Samples } from "../host_tensor.ts";
import {
  EXACT,
  type Op,
  type OpCase,
  specialFloats,
  type Tolerance,
} from "./op.ts";

const SUMMATION: Tolerance = {
  cpu: 2e-6,
  webgpu: 2e-6,
  scale: 1,
  reason: "sums of up to 5000 numbers in float32, in another order",
};

/** What is reduced: along rows, columns, blocks, neighbours and not, everything and nothing. */
const CALLS: readonly (readonly [Shape, ReduceOptions])[] = [
  [[], {}],
  [[5], {}],
  [[3, 4], {}],
  [[3, 4], { axes: 0 }],
  [[3, 4], { axes: 1, keepDims: true }],
  [[3, 4], { axes: [] }],
  [[2, 3, 5], { axes: 1 }],
  [[2, 3, 5], { axes: [0, 2] }],
  [[2, 3, 4, 5], { axes: [1, 3], keepDims: true }],
  [[2, 1, 3], { axes: [0, 2] }],
  [[1], { axes: -1 }],
  [[3, 1], { axes: 1 }],
  [[7, 1030], { axes: 1 }],
  [[1030, 7], { axes: 0 }],
  [[300, 130], { axes: 0 }],
  [[5000], {}],
  [[130, 3], { axes: 1 }],
  [[0, 3], { axes: 1 }],
];

/** Of nothing at all: every reduction has its own answer. */
const EMPTY_CALLS: typeof CALLS = [[[0], {}], [[2, 0, 3], { axes: 1 }]];

function describe(shape: Shape, { axes, keepDims }: ReduceOptions): string {
  return `[${shape}] over ${axes === undefined ? "all axes" : `[${axes}]`}${
    keepDims ? ", kept" : ""
  }`;
}

function reduceOp(
  name: string,
  reduce: (x: Tensor, options: ReduceOptions) => Tensor,
  tolerance: Tolerance,
  seed: number,
  options: { readonly distinct?: true; readonly ints?: true } = {},
): Op {
  const samples = new Samples(seed);
  const draw = (shape: Shape): HostTensor =>
    options.distinct ? samples.distinct(shape) : samples.floats(shape, -1, 2);
  const cases = CALLS.map(([shape, how]): OpCase => ({
    name: describe(shape, how),
    inputs: [draw(shape)],
    run: (x) => reduce(x, how),
    gradients: true,
  }));
  const rows = (...values: number[]): HostTensor =>
    samples.from(
      [values.length, 3],
      (i) => i % 3 === 1 ? values[(i - 1) / 3] : i / 9,
    );
  return {
    name,
    tolerance,
    cases: [
      ...cases,
      ...EMPTY_CALLS.map(([shape, how]) => ({
        name: describe(shape, how),
        inputs: [draw(shape)],
        run: (x: Tensor) => reduce(x, how),
      })),
      {
        name: "special values in rows",
        inputs: [rows(NaN, Infinity, -Infinity, -0, 3e38)],
        run: (x) => reduce(x, { axes: 1 }),
      },
      {
        name: "special values in columns",
        inputs: [{ ...rows(NaN, Infinity, -Infinity, -0), shape: [3, 4] }],
        run: (x) => reduce(x, { axes: 0 }),
      },
      {
        name: "NaN among many",
        inputs: [samples.from([2, 3000], (i) => i === 1500 ? NaN : i / 3000)],
        run: (x) => reduce(x, { axes: 1 }),
      },
      {
        name: "nothing but -∞",
        inputs: [samples.from([2, 3], () => -Infinity)],
        run: (x) => reduce(x, { axes: 1 }),
      },
      ...(options.ints ? ["int32", "uint32"] as const : []).flatMap((dtype) => [
        {
          name: dtype,
          inputs: [samples.from([3, 7], (i) => (i * 2654435) % 1e6, dtype)],
          run: (x: Tensor) => reduce(x, { axes: 1 }),
        },
        {
          name: `${dtype} at the limits`,
          inputs: [
            samples.from(
              [2, 2],
              (i) =>
                dtype === "int32" ? i % 2 ? 2 ** 31 - 1 : 2 ** 30 : 2 ** 31 + i,
              dtype,
            ),
          ],
          run: (x: Tensor) => reduce(x, { axes: 1 }),
        },
        {
          name: `${dtype} over nothing`,
          inputs: [samples.ints([2, 0], 0, 1, dtype)],
          run: (x: Tensor) => reduce(x, { axes: 1 }),
        },
      ]),
    ],
    gradchecks: cases.filter(({ inputs: [x] }) =>
      x.data.length > 0 && x.data.length <= 30
    ),
  };
}

function ties(
  op: Op,
  reduce: (x: Tensor, options: ReduceOptions) => Tensor,
): Op {
  const tied: OpCase = {
    name: "ties",
    inputs: [new Samples(0).from([2, 4], (i) => [1, 3, 3, 0, 2, 2, 2, 2][i])],
    run: (x) => reduce(x, { axes: 1 }),
    gradients: true,
  };
  return { ...op, cases: [...op.cases, tied] };
}

const samples = new Samples(211);

const argmax: Op = {
  name: "argmax",
  tolerance: EXACT,
  cases: [
    ...([
      [[5], 0],
      [[3, 4], 0],
      [[3, 4], 1],
      [[2, 3, 5], 1],
      [[3, 1], 1],
      [
        [0, 3],
        1,
      ],
      [[7, 1030], 1],
      [[1030, 7], 0],
    ] as const).map((
      [shape, axis]: readonly [Shape, number],
    ) => ({
      name: `[${shape}] along ${axis}`,
      inputs: [samples.distinct(shape)],
      run: (x: Tensor) => t.argmax(x, { axis }),
    })),
    {
      name: "of everything",
      inputs: [samples.distinct([40, 50])],
      run: (x) => t.argmax(x),
    },
    {
      name: "ties",
      inputs: [samples.from([2, 4], (i) => [1, 3, 3, 0, 2, 2, 2, 2][i])],
      run: (x) => t.argmax(x, { axis: 1 }),
    },
    {
      name: "ties far apart",
      inputs: [samples.from([2, 2000], (i) => i % 700 === 699 ? 1 : 0)],
      run: (x) => t.argmax(x, { axis: 1 }),
    },
    {
      name: "special values",
      inputs: [specialFloats()],
      run: (x) => t.argmax(x),
    },
    {
      name: "NaN behind ∞",
      inputs: [samples.from([4], (i) => [1, Infinity, NaN, NaN][i])],
      run: (x) => t.argmax(x),
    },
    {
      name: "nothing but -∞",
      inputs: [samples.from([3], () => -Infinity)],
      run: (x) => t.argmax(x),
    },
    {
      name: "int32",
      inputs: [samples.ints([3, 40], -99, 99)],
      run: (x) => t.argmax(x, { axis: 1, keepDims: true }),
    },
    {
      name: "uint32",
      inputs: [samples.from([3], (i) => [1, 2 ** 31 + 1, 7][i], "uint32")],
      run: (x) => t.argmax(x),
    },
  ],
  gradchecks: [],
};

const variance: Op = {
  name: "variance",
  tolerance: SUMMATION,
  cases: ([
    [[5], {}],
    [[3, 4], { axes: 0, correction: 1 }],
    [[3, 4], { axes: 1, keepDims: true }],
    [[2, 3, 4, 5], { axes: [0, 3] }],
    [[7, 1030], { axes: 1 }],
  ] as const).map(([shape, how]: readonly [Shape, t.VarianceOptions]) => ({
    name: describe(shape, how),
    inputs: [samples.floats(shape, 99, 101)],
    run: (x: Tensor) => t.variance(x, how),
    gradients: true,
  })),
  gradchecks: [{
    name: "unbiased",
    inputs: [samples.floats([3, 4])],
    run: (x) => t.variance(x, { axes: 0, correction: 1 }),
  }],
};

/** Reductions. */
export const reduceOps: readonly Op[] = [
  reduceOp("sum", t.sum, SUMMATION, 201, { ints: true }),
  reduceOp("mean", t.mean, SUMMATION, 202),
  ties(
    reduceOp("max", t.max, EXACT, 203, { distinct: true, ints: true }),
    t.max,
  ),
  ties(
    reduceOp("min", t.min, EXACT, 204, { distinct: true, ints: true }),
    t.min,
  ),
  reduceOp("logSumExp", t.logSumExp, SUMMATION, 205),
  reduceOp("l2Norm", t.l2Norm, SUMMATION, 206),
  argmax,
  variance,
];
