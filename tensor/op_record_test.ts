import { assertEquals } from "@std/assert";
import {
  add,
  argmax,
  averagePool2d,
  batchNorm,
  broadcastTo,
  cast,
  clip,
  concat,
  conv2d,
  copy,
  dropout,
  embedding,
  equal,
  gather,
  gelu,
  globalMaxPool2d,
  layerNorm,
  logSoftmax,
  matmul,
  maxPool2d,
  mul,
  neg,
  oneHot,
  ones,
  pad,
  reshape,
  scaledDotProductAttention,
  scatterAdd,
  slice,
  softmax,
  softmaxCrossEntropy,
  split,
  stack,
  sum,
  Tensor,
  transpose,
  variance,
  where,
  zeros,
} from "./mod.ts";
import type { Device } from "./device.ts";
import {
  announce,
  isObserved,
  type OpRecord,
  setOpObserver,
} from "./op_record.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";

const [reference] = await openTested(REFERENCE);

/** What a call announces: name, inputs, outputs and attributes if there are any, with shapes in the place of tensors. */
function announcements(run: () => unknown): unknown[][] {
  const records: unknown[][] = [];
  const shapeOf = (x: unknown) => x instanceof Tensor ? x.shape : x;
  const before = setOpObserver({
    observes: () => true,
    record: ({ op, inputs, outputs, attributes }: OpRecord) =>
      void records.push([
        op,
        inputs.map(shapeOf),
        outputs.map(shapeOf),
        ...(Object.keys(attributes).length > 0 ? [attributes] : []),
      ]),
  });
  try {
    run();
    return records;
  } finally {
    setOpObserver(before);
  }
}

function int(device: Device, shape: number[]): Tensor {
  return zeros(device, shape, { dtype: "int32" });
}

reference.test("elementwise operations announce operands, numbers and options", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2, 3]);
  const row = ones(device, [3]);
  const condition = ones(device, [2, 1], { dtype: "bool" });
  assertEquals(
    announcements(() => {
      add(x, row);
      mul(2, x);
      neg(x);
      gelu(x, { approximate: "tanh" });
      where(condition, x, 0);
      clip(x, { low: -1 });
      cast(x, "float64");
      dropout(x, { rate: 0.5, seed: 1n << 32n, stream: 2n });
    }),
    [
      ["add", [[2, 3], [3]], [[2, 3]]],
      ["mul", [2, [2, 3]], [[2, 3]]],
      ["neg", [[2, 3]], [[2, 3]]],
      ["gelu", [[2, 3]], [[2, 3]], { approximate: "tanh" }],
      ["where", [[2, 1], [2, 3], 0], [[2, 3]]],
      ["clip", [[2, 3]], [[2, 3]], { low: -1, high: Infinity }],
      ["cast", [[2, 3]], [[2, 3]], { dtype: "float64" }],
      ["dropout", [[2, 3]], [[2, 3]], {
        rate: 0.5,
        state: { seedLow: 0, seedHigh: 1, streamLow: 2, streamHigh: 0 },
      }],
    ],
  );
});

reference.test("operations that have no gradient announce nothing", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2]);
  const whole = int(device, [2]);
  assertEquals(
    announcements(() => {
      equal(x, 1);
      argmax(x);
      cast(x, "int32");
      cast(whole, "float32");
      cast(x, "bfloat16");
    }),
    [],
  );
  const dtypes = announcements(() => oneHot(whole, 3)).map(([op]) => op);
  assertEquals(dtypes, ["reshape"]);
});

reference.test("operations that move elements announce normalized axes", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2, 3]);
  assertEquals(
    announcements(() => {
      reshape(x, [-1]);
      copy(x);
      transpose(x, [-1, 0]);
      slice(x, [1, 0], [1, -1]);
      split(x, 2);
      concat([x, x], { axis: -1 });
      stack([x]);
      pad(x, [[1, 2], [3, 4]]);
      broadcastTo(x, [4, 2, 3]);
      gather(x, int(device, [4, 5]), { axis: -1 });
      embedding(x, int(device, [4]));
      scatterAdd(x, int(device, [1, 1]), ones(device, [1, 1, 3]));
    }),
    [
      ["reshape", [[2, 3]], [[6]]],
      ["reshape", [[2, 3]], [[2, 3]]],
      ["transpose", [[2, 3]], [[3, 2]], { permutation: [1, 0] }],
      ["slice", [[2, 3]], [[1, 3]], { starts: [1, 0], steps: [1, 1] }],
      ["slice", [[2, 3]], [[1, 3]], { starts: [0, 0], steps: [1, 1] }],
      ["slice", [[2, 3]], [[1, 3]], { starts: [1, 0], steps: [1, 1] }],
      ["concat", [[2, 3], [2, 3]], [[2, 6]], { axis: 1 }],
      ["reshape", [[2, 3]], [[1, 2, 3]]],
      ["concat", [[1, 2, 3]], [[1, 2, 3]], { axis: 0 }],
      ["pad", [[2, 3]], [[5, 10]], { before: [1, 3], after: [2, 4] }],
      ["broadcastTo", [[2, 3]], [[4, 2, 3]], { shape: [4, 2, 3] }],
      ["reshape", [[4, 5]], [[20]]],
      ["gather", [[2, 3], [20]], [[2, 20]], { axis: 1 }],
      ["reshape", [[2, 20]], [[2, 4, 5]]],
      ["reshape", [[4]], [[4]]],
      ["gather", [[2, 3], [4]], [[4, 3]], { axis: 0 }],
      ["reshape", [[4, 3]], [[4, 3]]],
      ["reshape", [[1, 1]], [[1]]],
      ["reshape", [[1, 1, 3]], [[1, 3]]],
      ["scatterAdd", [[2, 3], [1], [1, 3]], [[2, 3]], { axis: 0 }],
    ],
  );
});

reference.test("reductions announce ascending axes", (device) => {
  using _scope = device.scope();
  const x = ones(device, [1, 2, 3, 4]);
  const all = { axes: [0, 1, 2, 3], keepDims: false };
  assertEquals(
    announcements(() => {
      sum(x);
      sum(x, { axes: [-1, 1], keepDims: true });
      globalMaxPool2d(x);
    }),
    [
      ["sum", [[1, 2, 3, 4]], [[]], all],
      ["sum", [[1, 2, 3, 4]], [[1, 1, 3, 1]], { axes: [1, 3], keepDims: true }],
      ["max", [[1, 2, 3, 4]], [[1, 4]], { axes: [1, 2], keepDims: false }],
    ],
  );
  const ops = announcements(() => variance(x)).map(([op]) => op);
  assertEquals(ops, ["mean", "sub", "square", "sum", "mul"]);
});

reference.test("matmul() announces factors as the kernel sees them", (device) => {
  using _scope = device.scope();
  const a = ones(device, [2, 1, 3, 4]);
  const b = ones(device, [2, 5, 6, 4]);
  const bias = ones(device, [6]);
  const batches = { batch: 10, aBatchStride: 12, bBatchStride: 24 };
  assertEquals(
    announcements(() =>
      matmul(a, b, { transposeB: true, bias, activation: "gelu" })
    ),
    [
      ["broadcastTo", [[2, 1, 3, 4]], [[2, 5, 3, 4]], { shape: [2, 5, 3, 4] }],
      [
        "matmul",
        [[2, 5, 3, 4], [2, 5, 6, 4], [6]],
        [[2, 5, 3, 6], [2, 5, 3, 6]],
        {
          layout: {
            ...batches,
            ...{ m: 3, n: 6, k: 4, transposeA: false, transposeB: true },
            activation: "gelu",
          },
          activation: "gelu",
        },
      ],
    ],
  );
});

reference.test("operations on images announce their geometry", (device) => {
  using _scope = device.scope();
  const x = ones(device, [1, 4, 5, 2]);
  const weight = ones(device, [3, 2, 1, 4]);
  const image = { batch: 1, height: 4, width: 5, channels: 2 };
  const pooled = {
    ...image,
    ...{ kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2 },
    ...{ outHeight: 2, outWidth: 2, padTop: 0, padLeft: 0 },
  };
  assertEquals(
    announcements(() => {
      conv2d(x, weight, { stride: [1, 2], padding: [1, 0], groups: 2 });
      maxPool2d(x, { size: 2 });
      averagePool2d(x, { size: 2 });
    }),
    [
      ["conv2d", [[1, 4, 5, 2], [3, 2, 1, 4], undefined], [[1, 4, 2, 4]], {
        geometry: {
          ...image,
          ...{
            kernelHeight: 3,
            kernelWidth: 2,
            strideHeight: 1,
            strideWidth: 2,
          },
          ...{
            outHeight: 4,
            outWidth: 2,
            outChannels: 4,
            padTop: 1,
            padLeft: 0,
          },
          ...{ dilationHeight: 1, dilationWidth: 1, groups: 2 },
        },
      }],
      ["maxPool2d", [[1, 4, 5, 2]], [[1, 2, 2, 2], [1, 2, 2, 2]], {
        geometry: { ...pooled, countIncludePad: false },
      }],
      ["averagePool2d", [[1, 4, 5, 2]], [[1, 2, 2, 2]], {
        geometry: { ...pooled, countIncludePad: true },
      }],
    ],
  );
});

reference.test("normalization announces what its gradient needs", (device) => {
  using _scope = device.scope();
  const x = ones(device, [3, 2]);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map(() =>
    ones(device, [2])
  );
  const parameters = { scale, bias, mean, variance };
  const options = { epsilon: 0.1, relu: true };
  assertEquals(
    announcements(() => {
      batchNorm(x, parameters, { training: true, ...options });
      batchNorm(x, parameters, { training: false, residual: x, ...options });
      layerNorm(x, { scale, bias });
      layerNorm(x, { scale, bias }, { residual: x });
    }),
    [
      ["batchNorm", [[3, 2], [2], [2], undefined], [[3, 2], [2], [2]], {
        training: true,
        ...options,
      }],
      ["batchNorm", [[3, 2], [2], [2], [3, 2], [2], [2]], [[3, 2]], {
        training: false,
        ...options,
      }],
      ["layerNorm", [[3, 2], [2], [2], undefined], [[3, 2], [3], [3]], {
        epsilon: 1e-5,
      }],
      ["layerNorm", [[3, 2], [2], [2], [3, 2]], [[3, 2], [3], [3], [3, 2]], {
        epsilon: 1e-5,
      }],
    ],
  );
});

reference.test("softmax, losses and attention announce what their gradients need", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2, 3]);
  const query = ones(device, [1, 4, 2, 3]);
  const mask = ones(device, [4, 1], { dtype: "bool" });
  assertEquals(
    announcements(() => {
      softmax(x, { axis: 0 });
      logSoftmax(x);
      softmaxCrossEntropy(x, int(device, [2]), { labelSmoothing: 0.1 });
      scaledDotProductAttention(query, query, query, { mask, scale: 2 });
    }),
    [
      ["transpose", [[2, 3]], [[3, 2]], { permutation: [1, 0] }],
      ["softmax", [[3, 2]], [[3, 2]]],
      ["transpose", [[3, 2]], [[2, 3]], { permutation: [1, 0] }],
      ["logSoftmax", [[2, 3]], [[2, 3]]],
      ["softmaxCrossEntropy", [[2, 3], [2]], [[2], [2]], {
        layout: {
          ...{ rows: 2, columns: 3, labelSmoothing: 0.1 },
          ignoreIndex: undefined,
        },
      }],
      ["mean", [[2]], [[]], { axes: [0], keepDims: false }],
      [
        "scaledDotProductAttention",
        [[1, 4, 2, 3], [1, 4, 2, 3], [1, 4, 2, 3], [4, 1]],
        [[1, 4, 2, 3], [1, 2, 4]],
        {
          layout: {
            ...{ batch: 1, heads: 2, queries: 4, keys: 4, depth: 3 },
            ...{ valueDepth: 3, scale: 2, maskStrides: [0, 0, 1, 0] },
          },
        },
      ],
    ],
  );
});

reference.test("announce() tells nobody when there is no observer, or it does not observe", (device) => {
  using x = ones(device, [1]);
  assertEquals(isObserved([x]), false);
  let records = 0;
  const observer = { observes: () => false, record: () => void records++ };
  assertEquals(setOpObserver(observer), undefined);
  announce("neg", [x], [x], {});
  assertEquals(setOpObserver(undefined), observer);
  announce("neg", [x], [x], {});
  assertEquals(records, 0);
});
