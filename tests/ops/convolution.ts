/**
 * Rows of the operation table: convolution and pooling.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { Conv2dOptions, Pool2dOptions, Shape, Tensor } from "@cram/tensor";
import { Samples } from "../host_tensor.ts";
import { EXACT, type Op, type OpCase, type Tolerance } from "./op.ts";

const samples = new Samples(401);

const PRODUCTS: Tolerance = {
  cpu: 1e-5,
  webgpu: 1e-5,
  scale: 1,
  reason:
    "sums of up to 1500 products in float32, in another order: about ε · √k · |sum|",
};

function convolution(
  name: string,
  x: Shape,
  weight: Shape,
  options: Omit<Conv2dOptions, "bias"> = {},
  bias = false,
): OpCase {
  return {
    name,
    inputs: [x, weight, ...(bias ? [[weight[3]]] : [])].map((shape) =>
      samples.floats(shape)
    ),
    run: (x, weight, bias) => t.conv2d(x, weight, { ...options, bias }),
    gradients: true,
  };
}

const small: readonly OpCase[] = [
  convolution("1×1", [1, 2, 2, 3], [1, 1, 3, 2]),
  convolution("3×3", [1, 4, 3, 2], [3, 3, 2, 2], { padding: 1 }, true),
  convolution("valid", [2, 3, 4, 1], [2, 3, 1, 2]),
  convolution("strided", [1, 5, 4, 2], [3, 2, 2, 1], {
    stride: 2,
    padding: "same",
  }),
  convolution("dilated", [1, 5, 5, 1], [2, 2, 1, 2], { dilation: [2, 3] }),
  convolution("grouped", [1, 3, 3, 4], [2, 2, 2, 4], { groups: 2 }),
  convolution("depthwise", [1, 3, 3, 3], [3, 3, 1, 3], {
    groups: 3,
    padding: 1,
  }),
  convolution("everything", [2, 5, 4, 2], [3, 2, 1, 4], {
    stride: [2, 1],
    dilation: [1, 2],
    padding: [[2, 0], [1, 1]],
    groups: 2,
  }, true),
];

const conv2d: Op = {
  name: "conv2d",
  tolerance: PRODUCTS,
  half: (name) => /everything|stem|channels|no images/.test(name),
  cases: [
    ...small,
    convolution("no images", [0, 4, 4, 3], [3, 3, 3, 2], { padding: 1 }),
    convolution("one pixel", [1, 1, 1, 1], [1, 1, 1, 1]),
    convolution("stem", [2, 23, 21, 3], [7, 7, 3, 16], {
      stride: 2,
      padding: 3,
    }),
    convolution("first of CIFAR", [2, 9, 9, 3], [3, 3, 3, 16], { padding: 1 }),
    convolution("3×3 of many channels", [2, 8, 8, 32], [3, 3, 32, 48], {
      padding: 1,
    }),
    convolution("3×3 of odd channels", [2, 7, 9, 13], [3, 3, 13, 17], {
      padding: 1,
    }, true),
    convolution("strided 3×3", [2, 9, 9, 16], [3, 3, 16, 32], {
      stride: 2,
      padding: 1,
    }),
    convolution("strided 1×1", [2, 8, 8, 16], [1, 1, 16, 32], { stride: 2 }),
    convolution("1×1 of many channels", [2, 7, 7, 64], [1, 1, 64, 36]),
    convolution("wide images", [1, 3, 70, 4], [3, 3, 4, 8], { padding: 1 }),
    convolution("many groups", [2, 6, 6, 32], [3, 3, 8, 16], {
      groups: 4,
      padding: 1,
    }),
    convolution("depthwise of many channels", [2, 6, 6, 20], [3, 3, 1, 20], {
      groups: 20,
      padding: 1,
    }),
    convolution("padding wider than the image", [1, 2, 2, 4], [5, 5, 4, 4], {
      padding: 4,
    }),
    {
      name: "special values",
      inputs: [
        samples.from(
          [1, 3, 3, 1],
          (i) => i === 4 ? NaN : i === 0 ? Infinity : i,
        ),
        samples.floats([2, 2, 1, 4]),
      ],
      run: (x, weight) => t.conv2d(x, weight),
    },
  ],
  gradchecks: small,
};

function pooling(
  pool: (x: Tensor, options: Pool2dOptions) => Tensor,
  seed: number,
): OpCase[] {
  const samples = new Samples(seed);
  const call = (
    name: string,
    shape: Shape,
    options: Pool2dOptions,
  ): OpCase => ({
    name,
    inputs: [samples.distinct(shape)],
    run: (x) => pool(x, options),
    gradients: true,
  });
  return [
    call("2×2", [1, 4, 4, 2], { size: 2 }),
    call("overlapping", [1, 5, 4, 2], { size: 3, stride: 2, padding: 1 }),
    call("of rectangles", [2, 3, 5, 1], {
      size: [1, 3],
      stride: [2, 1],
      padding: "same",
    }),
    call("of everything", [1, 3, 3, 2], { size: 3 }),
    call("of one pixel", [1, 1, 1, 1], { size: 1 }),
    call("with gaps", [1, 7, 5, 1], { size: 2, stride: 3 }),
    call("no images", [0, 4, 4, 3], { size: 2 }),
    call("the stem's", [2, 17, 15, 13], { size: 3, stride: 2, padding: 1 }),
    call("many channels", [2, 8, 6, 64], { size: 2 }),
  ];
}

const isSmall = ({ inputs: [x] }: OpCase): boolean =>
  x.data.length > 0 && x.data.length <= 64;

function poolOp(
  name: string,
  cases: readonly OpCase[],
  others: readonly OpCase[],
  tolerance: Tolerance,
): Op {
  return {
    name,
    tolerance,
    cases: [...cases, ...others],
    gradchecks: cases.filter(isSmall),
  };
}

const MEANS: Tolerance = {
  cpu: 1e-6,
  webgpu: 1e-6,
  scale: 1,
  reason:
    "sums of up to 70 numbers in float32, in another order: about ε · √k · |sum|",
};

function global(pool: (x: Tensor) => Tensor): OpCase[] {
  return [[2, 3, 3, 2], [2, 7, 7, 65]].map((shape) => ({
    name: `[${shape}]`,
    inputs: [samples.distinct(shape)],
    run: pool,
    gradients: true,
  }));
}

/** Convolution and pooling. */
export const convolutionOps: readonly Op[] = [
  conv2d,
  poolOp("maxPool2d", pooling(t.maxPool2d, 402), [
    {
      name: "ties",
      inputs: [samples.from([1, 4, 4, 1], (i) => i % 2)],
      run: (x) => t.maxPool2d(x, { size: 2 }),
      gradients: true,
    },
    {
      name: "special values",
      inputs: [
        samples.from(
          [1, 4, 4, 1],
          (i) =>
            [NaN, 1, -Infinity, -Infinity, Infinity, 2, -Infinity, -Infinity][
              i % 8
            ],
        ),
      ],
      run: (x) => t.maxPool2d(x, { size: 2, stride: 1, padding: 1 }),
    },
  ], {
    ...EXACT,
    scale: 1,
    cpu: 3e-7,
    webgpu: 3e-7,
    reason: "gradients of overlapping windows add up",
  }),
  poolOp("averagePool2d", pooling(t.averagePool2d, 403), [], MEANS),
  poolOp(
    "averagePool2d without the border",
    pooling(
      (x, options) =>
        t.averagePool2d(x, { ...options, countIncludePad: false }),
      404,
    ),
    [],
    MEANS,
  ),
  poolOp("globalAveragePool2d", global(t.globalAveragePool2d), [], MEANS),
  poolOp("globalMaxPool2d", global(t.globalMaxPool2d), [], EXACT),
];
