/**
 * Bad input gives a named error that shows the values, before any memory is
 * asked for.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { Device, DType, Tensor } from "@cram/tensor";
import { CPU, openTested, REFERENCE } from "./devices.ts";
import { type HostTensor, Samples, upload } from "./host_tensor.ts";
import { OPS } from "./op_table.ts";
import { creationOps } from "./ops/creation.ts";
import { flatOps } from "./ops/flat.ts";
import type { Op, OpCase } from "./ops/op.ts";
import { assertRefused } from "./refused.ts";

const [{ test }, cpu] = await openTested(REFERENCE, CPU);

/** Operations that copy or convert any dtype. */
const TAKES_EVERY_DTYPE = new Set(["cast", "reshape", "copy"]);

/** A call of an operation with elements in all operands. */
function sampleCall({ cases }: Op): OpCase {
  return cases.find(({ inputs }) =>
    inputs.every(({ data }) => data.length > 0)
  ) as OpCase;
}

/** Checks the errors of a call when one operand is replaced, for each operand. */
function refuseEachOperand(
  device: Device,
  { inputs, run }: OpCase,
  replace: (input: HostTensor, index: number) => Tensor,
  // deno-lint-ignore no-explicit-any -- the signature of assertThrows()
  errorClass: abstract new (...args: any[]) => Error,
  message: string,
): void {
  for (const bad of inputs.keys()) {
    using _scope = device.scope();
    const operands = inputs.map((input, i) =>
      i === bad ? replace(input, i) : upload(device, input, "float32")
    );
    assertRefused(device, () => run(...operands), errorClass, message);
  }
}

/** Rows whose operands do not reach the operation as they are: they have none, or they are copied first. */
const WITHOUT_OPERANDS: readonly Op[] = [...creationOps, ...flatOps];

for (const op of OPS.filter((op) => !WITHOUT_OPERANDS.includes(op))) {
  const call = sampleCall(op);

  test(`${op.name} refuses disposed tensors`, (device) => {
    refuseEachOperand(
      device,
      call,
      (input) => {
        const operand = upload(device, input, "float32");
        operand.dispose();
        return operand;
      },
      t.DisposedError,
      "it was disposed of",
    );
  });

  if (call.inputs.length > 1) {
    test(`${op.name} refuses tensors of different devices`, async (device) => {
      await using other = await t.openDevice("reference");
      using _scope = other.scope();
      refuseEachOperand(
        device,
        call,
        (input) => upload(other, input, "float32"),
        t.DeviceError,
        "different devices",
      );
    });
  }

  if (op.single === "all") {
    test(`${op.name} refuses float16`, (device) => {
      refuseEachOperand(
        device,
        call,
        ({ shape }) => t.full(device, shape, 0, { dtype: "float16" }),
        t.DTypeError,
        "float16",
      );
    });
  }

  if (!TAKES_EVERY_DTYPE.has(op.name)) {
    test(`${op.name} refuses dtypes for storage only`, (device) => {
      refuseEachOperand(
        device,
        call,
        ({ shape }) => t.full(device, shape, 0, { dtype: "bfloat16" }),
        t.DTypeError,
        "bfloat16",
      );
    });
    cpu.test(`${op.name} refuses float16, which is not computed with`, (device) => {
      refuseEachOperand(
        device,
        call,
        ({ shape }) => t.full(device, shape, 0, { dtype: "float16" }),
        t.DTypeError,
        "float16",
      );
    });
  }
}

const samples = new Samples(701);

/** A call on float tensors of the given shapes, and how it is refused. */
interface Refusal {
  readonly name: string;
  readonly inputs?: readonly HostTensor[];
  readonly run: (device: Device, ...inputs: Tensor[]) => unknown;
  // deno-lint-ignore no-explicit-any -- the signature of assertThrows()
  readonly error: abstract new (...args: any[]) => Error;
  readonly message: string;
}

const floats = (...shapes: number[][]): HostTensor[] =>
  shapes.map((shape) => samples.floats(shape));

const NO_SHAPES = [[NaN], [-1], [1.5], [Infinity], [2 ** 53], [
  2 ** 27,
  2 ** 27,
]];

const REFUSALS: readonly Refusal[] = [
  ...NO_SHAPES.map((shape): Refusal => ({
    name: `zeros of shape [${shape}]`,
    run: (device) => t.zeros(device, shape),
    error: t.ShapeError,
    message: `${shape[0]}`,
  })),
  ...[[NaN], [-2], [1.5], [Infinity], [3], [-1, -1]].map((shape): Refusal => ({
    name: `reshape to [${shape}]`,
    inputs: floats([4]),
    run: (_, x) => t.reshape(x, shape),
    error: t.ShapeError,
    message: `${shape[0]}`,
  })),
  {
    name: "nine axes",
    run: (device) => t.zeros(device, new Array(9).fill(1)),
    error: t.ShapeError,
    message: "9 axes",
  },
  {
    name: "an unknown dtype",
    run: (device) => t.zeros(device, [2], { dtype: "float8" as DType }),
    error: t.DTypeError,
    message: '"float8"',
  },
  {
    name: "too few values",
    run: (device) => t.tensor(device, [1, 2, 3], { shape: [2, 2] }),
    error: t.ShapeError,
    message: "[2, 2]",
  },
  {
    name: "ragged arrays",
    run: (device) => t.tensor(device, [[1, 2], [3]]),
    error: t.ShapeError,
    message: "ragged",
  },
  {
    name: "add of [2, 3] and [4]",
    inputs: floats([2, 3], [4]),
    run: (_, a, b) => t.add(a, b),
    error: t.ShapeError,
    message: "[2, 3] and [4]",
  },
  {
    name: "add of float32 and int32",
    inputs: [samples.floats([2]), samples.ints([2], 0, 9)],
    run: (_, a, b) => t.add(a, b),
    error: t.DTypeError,
    message: "dtypes differ",
  },
  {
    name: "half an integer",
    inputs: [samples.ints([2], 0, 9)],
    run: (_, a) => t.add(a, 0.5),
    error: t.ArgumentError,
    message: "0.5",
  },
  {
    name: "two numbers",
    run: () => t.add(1, 2),
    error: t.DeviceError,
    message: "without a tensor",
  },
  ...[2, -3, 0.5, NaN].flatMap((axis): Refusal[] => [
    {
      name: `sum over axis ${axis}`,
      inputs: floats([2, 3]),
      run: (_, x) => t.sum(x, { axes: axis }),
      error: t.ArgumentError,
      message: `axis ${axis}`,
    },
    {
      name: `softmax along axis ${axis}`,
      inputs: floats([2, 3]),
      run: (_, x) => t.softmax(x, { axis }),
      error: t.ArgumentError,
      message: `axis ${axis}`,
    },
    {
      name: `concat along axis ${axis}`,
      inputs: floats([2, 3]),
      run: (_, x) => t.concat([x, x], { axis }),
      error: t.ArgumentError,
      message: `axis ${axis}`,
    },
  ]),
  {
    name: "sum over an axis twice",
    inputs: floats([2, 3]),
    run: (_, x) => t.sum(x, { axes: [1, -1] }),
    error: t.ArgumentError,
    message: "twice",
  },
  {
    name: "matmul of [2, 3] and [4, 5]",
    inputs: floats([2, 3], [4, 5]),
    run: (_, a, b) => t.matmul(a, b),
    error: t.ShapeError,
    message: "3 and 4",
  },
  {
    name: "matmul with a bias of another length",
    inputs: floats([2, 3], [3, 4], [3]),
    run: (_, a, b, bias) => t.matmul(a, b, { bias }),
    error: t.ShapeError,
    message: "[4]",
  },
  {
    name: "conv2d of other channels",
    inputs: floats([1, 5, 5, 3], [3, 3, 4, 8]),
    run: (_, x, weight) => t.conv2d(x, weight),
    error: t.ShapeError,
    message: "3 channels",
  },
  {
    name: "conv2d of images smaller than the window",
    inputs: floats([1, 2, 2, 3], [3, 3, 3, 8]),
    run: (_, x, weight) => t.conv2d(x, weight),
    error: t.ShapeError,
    message: "the window needs 3",
  },
  ...[0, -1, 1.5, NaN].map((stride): Refusal => ({
    name: `conv2d of stride ${stride}`,
    inputs: floats([1, 5, 5, 3], [3, 3, 3, 8]),
    run: (_, x, weight) => t.conv2d(x, weight, { stride }),
    error: t.ArgumentError,
    message: "stride",
  })),
  {
    name: "batchNorm of one element for each channel",
    inputs: floats([1, 3], [3], [3], [3], [3]),
    run: (_, x, scale, bias, mean, variance) =>
      t.batchNorm(x, { scale, bias, mean, variance }, { training: true }),
    error: t.ShapeError,
    message: "no variance",
  },
  {
    name: "softmaxCrossEntropy of other labels",
    inputs: [samples.floats([2, 3]), samples.ints([3], 0, 3)],
    run: (_, logits, labels) => t.softmaxCrossEntropy(logits, labels),
    error: t.ShapeError,
    message: "[2, 3]",
  },
  ...[-0.1, 1, NaN].map((rate): Refusal => ({
    name: `dropout at rate ${rate}`,
    inputs: floats([2]),
    run: (_, x) => t.dropout(x, { rate, seed: 1n }),
    error: t.ArgumentError,
    message: `${rate}`,
  })),
  ...[-0.1, 1, NaN].map((rate): Refusal => ({
    name: `attention with dropout at rate ${rate}`,
    inputs: floats([1, 1, 1, 1]),
    run: (_, x) =>
      t.scaledDotProductAttention(x, x, x, { dropout: { rate, seed: 1n } }),
    error: t.ArgumentError,
    message: `${rate}`,
  })),
  ...[-1n, 2n ** 64n].map((seed): Refusal => ({
    name: `randomUniform with seed ${seed}`,
    run: (device) => t.randomUniform(device, [2], { seed }),
    error: t.ArgumentError,
    message: `${seed}`,
  })),
  {
    name: "a view beyond the end",
    inputs: floats([2]),
    run: (_, x) => x.view(1, [2]),
    error: t.ShapeError,
    message: "its 2 elements",
  },
];

for (const { name, inputs = [], run, error, message } of REFUSALS) {
  test(`${name} is refused`, (device) => {
    using _scope = device.scope();
    const operands = inputs.map((input) => upload(device, input, "float32"));
    assertRefused(device, () => run(device, ...operands), error, message);
  });
}
