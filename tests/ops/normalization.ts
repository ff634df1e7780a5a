/**
 * Rows of the operation table: normalization, softmax, cross-entropy.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type {
  BatchNormOptions,
  Shape,
  SoftmaxCrossEntropyOptions,
  Tensor,
} from "@cram/tensor";
import { type HostTensor, Samples } from "../host_tensor.ts";
import type { Op, OpCase, Tolerance } from "./op.ts";

const samples = new Samples(501);

const STATISTICS: Tolerance = {
  cpu: 5e-6,
  webgpu: 5e-6,
  scale: 1,
  reason: "means and variances of up to 3000 numbers in float32",
};

/** x, scale, bias, mean, variance, and the residual. */
function batchInputs(shape: Shape, residual: boolean): HostTensor[] {
  const channels = shape.slice(-1);
  return [
    samples.floats(shape, -1, 3),
    samples.floats(channels, 0.5, 1.5),
    samples.floats(channels),
    samples.floats(channels),
    samples.floats(channels, 0.5, 1.5),
    ...(residual ? [samples.floats(shape, -2, 2)] : []),
  ];
}

function batchNorm(
  x: Tensor,
  [scale, bias, mean, variance, residual]: readonly Tensor[],
  options: BatchNormOptions,
): Tensor {
  return t.batchNorm(x, { scale, bias, mean, variance }, {
    ...options,
    residual,
  });
}

function batchCase(
  shape: Shape,
  options: BatchNormOptions,
  residual = false,
): OpCase {
  return {
    name: `[${shape}] ${options.training ? "training" : "evaluation"}${
      residual ? ", residual" : ""
    }${options.relu ? ", relu" : ""}`,
    inputs: batchInputs(shape, residual),
    run: (x, ...others) =>
      batchNorm(x, others, { ...options, updateStatistics: false }),
    gradients: true,
  };
}

const modes = [true, false].flatMap((training) =>
  [true, false].flatMap((relu) =>
    [true, false].map((residual) => ({ training, relu, residual }))
  )
);

const batchNormOp: Op = {
  name: "batchNorm",
  tolerance: STATISTICS,
  single: [1, 2, 3, 4],
  cases: [
    ...([[2, 3, 2, 3], [5, 7], [2, 1], [9, 9, 64], [3000, 5]] as const).flatMap(
      (shape) =>
        modes.map(({ residual, ...options }) =>
          batchCase(shape, options, residual)
        ),
    ),
    batchCase([0, 3], { training: false }),
    batchCase([1, 3], { training: false }),
    batchCase([40, 259], { training: true, epsilon: 0.1 }),
    {
      name: "running statistics",
      inputs: batchInputs([2, 3, 2, 5], false),
      run: (x, ...others) => {
        using _ = batchNorm(x, others, { training: true, momentum: 0.3 });
        return t.concat([others[2], others[3]]);
      },
    },
    {
      name: "running statistics of two elements",
      inputs: batchInputs([2, 5], false),
      run: (x, ...others) => {
        using _ = batchNorm(x, others, { training: true });
        return t.concat([others[2], others[3]]);
      },
    },
  ],
  gradchecks: modes.map(({ residual, ...options }) =>
    batchCase([2, 2, 3], options, residual)
  ),
};

function layerCase(shape: Shape, axes: number, residual = false): OpCase {
  const normalized = shape.slice(shape.length - axes);
  return {
    name: `[${shape}] over ${axes}${residual ? ", residual" : ""}`,
    inputs: [
      samples.floats(shape, -1, 3),
      samples.floats(normalized, 0.5, 1.5),
      samples.floats(normalized),
      ...(residual ? [samples.floats(shape)] : []),
    ],
    run: (x, scale, bias, residual) =>
      t.layerNorm(x, { scale, bias }, { residual }),
    gradients: true,
  };
}

const smallLayers = [
  layerCase([2, 3, 4], 1),
  layerCase([2, 3, 4], 1, true),
  layerCase([2, 3, 2], 2),
  layerCase([5], 1, true),
];

const layerNormOp: Op = {
  name: "layerNorm",
  tolerance: STATISTICS,
  single: [1, 2],
  cases: [
    ...smallLayers,
    layerCase([0, 4], 1),
    layerCase([3, 67], 1),
    layerCase([3, 768], 1, true),
    layerCase([300, 130], 1, true),
    layerCase([2, 3000], 1),
    layerCase([4, 1], 1),
  ],
  gradchecks: smallLayers,
};

/** Numbers whose mean is far from 0, where E[x²] - E[x]² has no correct digit. */
function farFromZero(shape: Shape): HostTensor {
  return samples.floats(shape, 999, 1001);
}

const farMeans: Op = {
  name: "batchNorm and layerNorm of far means",
  single: [1, 2, 3, 4],
  tolerance: {
    cpu: 3e-4,
    webgpu: 1e-3,
    scale: 1,
    reason:
      "a unit in the last place of a mean of 1000 is 1e-4 deviations, and sums of 640 such numbers in float32 are off by some; without a second pass nothing would be right",
  },
  cases: [
    {
      name: "batchNorm",
      inputs: [
        farFromZero([640, 4]),
        ...batchInputs([640, 4], false).slice(1),
      ],
      run: (x, ...others) => batchNorm(x, others, { training: true }),
    },
    {
      name: "layerNorm",
      inputs: [
        farFromZero([4, 640]),
        samples.floats([640], 0.5, 1.5),
        samples.floats([640]),
      ],
      run: (x, scale, bias) => t.layerNorm(x, { scale, bias }),
    },
  ],
  gradchecks: [],
};

/** Scores whose softmax is neither flat nor one-hot. */
function scores(shape: Shape): HostTensor {
  return samples.floats(shape, -3, 3);
}

function softmaxOp(
  name: string,
  run: (x: Tensor, options?: t.SoftmaxOptions) => Tensor,
): Op {
  const call = (shape: Shape, axis?: number): OpCase => ({
    name: `[${shape}]${axis === undefined ? "" : ` along ${axis}`}`,
    inputs: [scores(shape)],
    run: (x) => run(x, { axis }),
    gradients: true,
  });
  const small = [call([5]), call([2, 3]), call([2, 3, 2], 1), call([3, 1])];
  return {
    name,
    tolerance: {
      cpu: 2e-6,
      webgpu: 3e-6,
      scale: 1,
      reason: "exponentials and their sum in float32",
    },
    cases: [
      ...small,
      call([0, 3]),
      call([7, 67]),
      call([300, 10]),
      call([3, 5000]),
      call([4, 9, 130]),
      {
        name: "large scores",
        inputs: [samples.floats([3, 7], -1e4, 1e4)],
        run: (x) => run(x),
        gradients: true,
      },
      {
        name: "special values in rows",
        inputs: [samples.from([6, 3], (i) => {
          const row = [NaN, Infinity, -Infinity, 3e38, -3e38, 0][
            Math.floor(i / 3)
          ];
          return i % 3 === 0 ? row : i / 9;
        })],
        run: (x) => run(x),
      },
      {
        name: "rows of -∞",
        inputs: [samples.from([2, 3], (i) => i < 3 ? -Infinity : i)],
        run: (x) => run(x),
      },
    ],
    gradchecks: small,
  };
}

function lossCase(
  name: string,
  shape: Shape,
  options: Omit<SoftmaxCrossEntropyOptions, "weights">,
  weighted = false,
): OpCase {
  const examples = shape.slice(0, -1);
  return {
    name,
    inputs: [
      scores(shape),
      samples.ints(examples, 0, shape.at(-1) ?? 1),
      ...(weighted ? [samples.floats(examples, 0.5, 2)] : []),
    ],
    run: (logits, labels, weights) =>
      t.softmaxCrossEntropy(logits, labels, { ...options, weights }),
    gradients: true,
  };
}

const smallLosses = [
  lossCase("mean", [3, 4], {}),
  lossCase("sum", [3, 4], { reduction: "sum" }),
  lossCase("none", [2, 2, 4], { reduction: "none" }),
  lossCase("smoothed", [3, 4], { labelSmoothing: 0.1 }),
  lossCase("ignored", [5, 2], { ignoreIndex: 1, labelSmoothing: 0.2 }),
  lossCase("weighted", [3, 4], {}, true),
  lossCase("weighted and ignored", [6, 3], { ignoreIndex: 0 }, true),
];

const crossEntropyOp: Op = {
  name: "softmaxCrossEntropy",
  single: "all",
  tolerance: {
    cpu: 3e-6,
    webgpu: 3e-6,
    scale: 1,
    reason: "exponentials, their sum and its logarithm in float32",
  },
  cases: [
    ...smallLosses,
    lossCase("one class", [3, 1], {}),
    lossCase("no examples", [0, 4], { reduction: "sum" }),
    lossCase("a scalar label", [4], {}),
    lossCase("many examples", [300, 10], {}),
    lossCase("many classes", [5, 3000], { labelSmoothing: 0.1 }),
    lossCase("all ignored", [3, 1], { ignoreIndex: 0, reduction: "sum" }),
    {
      name: "labels that are no classes",
      inputs: [
        scores([4, 3]),
        samples.from([4], (i) => [-1, 3, 0, -100][i], "int32"),
      ],
      run: (logits, labels) =>
        t.softmaxCrossEntropy(logits, labels, {
          reduction: "none",
          ignoreIndex: -100,
        }),
      gradients: true,
    },
    {
      name: "infinite logits",
      inputs: [
        samples.from(
          [3, 3],
          (i) => [-Infinity, 1, 2, Infinity, 1, 2, 0, -Infinity, 0][i],
        ),
        samples.from([3], (i) => [1, 0, 1][i], "int32"),
      ],
      run: (logits, labels) =>
        t.softmaxCrossEntropy(logits, labels, { reduction: "none" }),
    },
  ],
  gradchecks: smallLosses,
};

/** Normalization, softmax and cross-entropy. */
export const normalizationOps: readonly Op[] = [
  batchNormOp,
  layerNormOp,
  farMeans,
  softmaxOp("softmax", t.softmax),
  softmaxOp("logSoftmax", t.logSoftmax),
  crossEntropyOp,
];
