import { assertAlmostEquals, assertEquals } from "@std/assert";
import { gelu, relu, tanh } from "./activation.ts";
import { ones, tensor, zeros } from "./creation.ts";
import type { Device } from "./device.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { matmul } from "./matmul.ts";
import { type OpRecord, setOpObserver } from "./op_record.ts";
import { broadcastShapes, type Shape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { transpose } from "./transpose.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

/** Small whole numbers, so that sums are exact. */
function numbers(device: Device, shape: Shape, seed: number): Tensor {
  const data = Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => (i * 7 + seed) % 5 - 2,
  );
  return tensor(device, data, { shape });
}

/** The element of a batched matrix at a position of a shape that it broadcasts to. */
function at(
  data: ArrayLike<number>,
  shape: Shape,
  batch: readonly number[],
  row: number,
  column: number,
): number {
  let index = 0;
  const leading = shape.length - 2;
  for (let axis = 0; axis < leading; axis++) {
    const position = batch[batch.length - leading + axis];
    index = index * shape[axis] + (shape[axis] === 1 ? 0 : position);
  }
  return data[(index * shape[leading] + row) * shape[leading + 1] + column];
}

/** The product by its definition. */
async function product(a: Tensor, b: Tensor): Promise<number[]> {
  const [left, right] = [await a.data(), await b.data()];
  const batches = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.rank - 1];
  const result: number[] = [];
  for (let i = 0; i < sizeOf(batches); i++) {
    const batch: number[] = [];
    for (let axis = batches.length - 1, rest = i; axis >= 0; axis--) {
      batch.unshift(rest % batches[axis]);
      rest = Math.floor(rest / batches[axis]);
    }
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let inner = 0; inner < k; inner++) {
          sum += at(left, a.shape, batch, row, inner) *
            at(right, b.shape, batch, inner, column);
        }
        result.push(sum);
      }
    }
  }
  return result;
}

/** A copy with the last two axes swapped. */
function swapped(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

for (
  const [aBatches, bBatches] of [
    [[], []],
    [[2], []],
    [[], [2]],
    [[2], [2]],
    [[1], [2]],
    [[2, 3], [3]],
    [[2, 1], [1, 3]],
    [[2, 3], [2, 3]],
    [[2, 3], [1, 1]],
    [[0], [1]],
  ]
) {
  reference.test(`matmul() multiplies batches ${JSON.stringify(aBatches)} by ${JSON.stringify(bBatches)}, transposed or not`, async (device) => {
    using _scope = device.scope();
    const a = numbers(device, [...aBatches, 2, 3], 1);
    const b = numbers(device, [...bBatches, 3, 4], 2);
    const expected = await product(a, b);
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const result = matmul(
          transposeA ? swapped(a) : a,
          transposeB ? swapped(b) : b,
          { transposeA, transposeB },
        );
        assertEquals(result.shape, [
          ...broadcastShapes(aBatches, bBatches),
          2,
          4,
        ]);
        assertEquals([...await result.data()], expected);
      }
    }
  });
}

reference.test("matmul() sees a product by one matrix as one product", (device) => {
  using _scope = device.scope();
  const layouts: unknown[] = [];
  const before = setOpObserver({
    observes: () => true,
    record: ({ attributes }: OpRecord) => {
      if ("layout" in attributes) layouts.push(attributes.layout);
    },
  });
  try {
    matmul(ones(device, [4, 5, 2, 3]), ones(device, [3, 6]));
  } finally {
    setOpObserver(before);
  }
  assertEquals(layouts, [{
    ...{ batch: 1, m: 40, n: 6, k: 3, aBatchStride: 0, bBatchStride: 0 },
    ...{ transposeA: false, transposeB: false, activation: undefined },
  }]);
});

reference.test("matmul() keeps what the gradient of GELU needs only when it is observed", (device) => {
  using a = ones(device, [1, 2]);
  const outputs: number[] = [];
  const observe = (observes: boolean) => {
    const before = setOpObserver({
      observes: () => observes,
      record: (record: OpRecord) => void outputs.push(record.outputs.length),
    });
    using _gelu = matmul(a, a, { transposeB: true, activation: "geluTanh" });
    using _relu = matmul(a, a, { transposeB: true, activation: "relu" });
    setOpObserver(before);
  };
  observe(true);
  observe(false);
  assertEquals(outputs, [2, 1]);
  assertEquals(device.memory.liveBuffers, 1);
});

reference.test("matmul() adds a bias and applies an activation", async (device) => {
  using _scope = device.scope();
  const [a, b] = [numbers(device, [2, 2, 3], 3), numbers(device, [3, 2], 4)];
  const bias = tensor(device, [0.25, -0.25]);
  for (
    const [activation, f] of [
      ["relu", relu],
      ["tanh", tanh],
      ["gelu", gelu],
      ["geluTanh", (x: Tensor) => gelu(x, { approximate: "tanh" })],
    ] as const
  ) {
    const fused = await matmul(a, b, { bias, activation }).data();
    const apart = await f(matmul(a, b, { bias })).data();
    fused.forEach((value, i) => assertAlmostEquals(value, apart[i], 1e-6));
  }
  const [first] = await matmul(a, b, { bias }).data();
  assertEquals(first, (await product(a, b))[0] + 0.25);
});

reference.test("matmul() over no inner elements is the bias", async (device) => {
  using _scope = device.scope();
  const [a, b] = [zeros(device, [2, 2, 0]), zeros(device, [0, 2])];
  assertEquals([...await matmul(a, b).data()], Array(8).fill(0));
  const bias = tensor(device, [1, 2]);
  const result = matmul(zeros(device, [1, 0]), b, { bias });
  assertEquals([...await result.data()], [1, 2]);
});

reference.test("matmul() without rows or columns is empty", (device) => {
  using _scope = device.scope();
  const [a, b] = [zeros(device, [0, 3]), zeros(device, [3, 2])];
  assertEquals(matmul(a, b).shape, [0, 2]);
  assertEquals(matmul(b, a, { transposeA: true, transposeB: true }).shape, [
    2,
    0,
  ]);
});

reference.test("matmul() throws when shapes do not fit", (device) => {
  using _scope = device.scope();
  const a = ones(device, [2, 3]);
  const row = ones(device, [3]);
  assertRefused(
    device,
    () => matmul(a, a),
    ShapeError,
    'Cannot multiply Tensor(float32 [2, 3], made by "full") by Tensor(float32 [2, 3], made by "full"): the inner sizes 3 and 2 differ',
  );
  assertRefused(
    device,
    () => matmul(a, a, { transposeA: true, transposeB: true }),
    ShapeError,
    "(transposed)",
  );
  assertRefused(device, () => matmul(a, row), ShapeError, "at least two axes");
  assertRefused(
    device,
    () => matmul(a, a, { transposeB: true, bias: row }),
    ShapeError,
    "expected it to have shape [2]",
  );
  const [left, right] = [ones(device, [2, 2, 2]), ones(device, [3, 2, 2])];
  assertRefused(device, () => matmul(left, right), ShapeError, "[2] and [3]");
});

reference.test("matmul() throws when dtypes or the activation do not fit", (device) => {
  using _scope = device.scope();
  const a = ones(device, [2, 2]);
  const int = ones(device, [2, 2], { dtype: "int32" });
  assertRefused(device, () => matmul(a, int), DTypeError, "dtypes differ");
  assertRefused(device, () => matmul(int, int), DTypeError, "float tensors");
  assertRefused(
    device,
    () => matmul(a, a, { activation: "sigmoid" as "tanh" }),
    ArgumentError,
    'activation "sigmoid"',
  );
});
