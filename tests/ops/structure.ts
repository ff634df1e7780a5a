/**
 * Rows of the operation table: operations that move elements.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { Shape, Tensor } from "@cram/tensor";
import { type HostTensor, Samples } from "../host_tensor.ts";
import { EXACT, type Op, type OpCase } from "./op.ts";

const samples = new Samples(101);

/** A call on float tensors of the given shapes. */
function call(
  name: string,
  shapes: readonly Shape[],
  run: (...inputs: Tensor[]) => Tensor,
): OpCase {
  return {
    name,
    inputs: shapes.map((shape) => samples.floats(shape)),
    run,
    gradients: true,
  };
}

function indices(
  values: readonly number[],
  shape: Shape = [values.length],
): HostTensor {
  return samples.from(shape, (i) => values[i], "int32");
}

/** A row of cases that also serve as gradient checks where they are small. */
function row(
  name: string,
  cases: readonly OpCase[],
  others: readonly OpCase[] = [],
): Op {
  const small = cases.filter(({ inputs }) =>
    inputs.every(({ data }) => data.length <= 64)
  );
  return {
    name,
    tolerance: EXACT,
    cases: [...cases, ...others],
    gradchecks: small.filter(({ inputs }) => inputs[0].data.length > 0),
  };
}

const reshape = row("reshape", [
  call("[2, 6] to [3, 4]", [[2, 6]], (x) => t.reshape(x, [3, 4])),
  call("to a scalar", [[1, 1]], (x) => t.reshape(x, [])),
  call("an empty one", [[0, 3]], (x) => t.reshape(x, [5, 0])),
  call("flatten", [[2, 3]], t.flatten),
  call("squeeze", [[2, 1, 3]], (x) => t.squeeze(x)),
  call("expandDims", [[2, 3]], (x) => t.expandDims(x, 1)),
]);

const transpose = row("transpose", [
  call("of a vector", [[5]], (x) => t.transpose(x)),
  call("of an empty matrix", [[0, 3]], (x) => t.transpose(x)),
  call("of a matrix", [[3, 5]], (x) => t.transpose(x)),
  call("of a larger matrix", [[130, 67]], (x) => t.transpose(x)),
  call("of heads", [[2, 5, 3, 4]], (x) => t.transpose(x, [0, 2, 1, 3])),
  call("cyclic", [[2, 3, 4]], (x) => t.transpose(x, [1, 2, 0])),
  call("NHWC to NCHW", [[2, 3, 2, 3]], (x) => t.transpose(x, [0, 3, 1, 2])),
  call(
    "of eight axes",
    [[1, 2, 1, 2, 3, 1, 2, 2]],
    (x) => t.transpose(x, [7, 5, 3, 1, 6, 4, 2, 0]),
  ),
], [{
  name: "int32",
  inputs: [samples.ints([3, 5], -9, 9)],
  run: (x) => t.transpose(x),
}, {
  name: "bool",
  inputs: [samples.bools([3, 5])],
  run: (x) => t.transpose(x),
}]);

const slice = row("slice", [
  call("a box", [[5, 7]], (x) => t.slice(x, [1, 2], [3, 4])),
  call("to the end", [[5, 7]], (x) => t.slice(x, [1, 2], [-1, -1])),
  call(
    "every other",
    [[5, 7]],
    (x) => t.slice(x, [0, 1], [3, 3], { steps: [2, 2] }),
  ),
  call("nothing", [[5]], (x) => t.slice(x, [5], [0])),
  call("of a scalar", [[]], (x) => t.slice(x, [], [])),
  call("many", [[67, 129]], (x) => t.slice(x, [1, 2], [66, 120])),
  call("split", [[3, 4]], (x) => {
    const [first, second] = t.split(x, [1, 3], { axis: 1 });
    first.dispose();
    return second;
  }),
]);

const join = (axis: number) => (...inputs: Tensor[]): Tensor =>
  t.concat(inputs, { axis });

const concat = row("concat", [
  call("vectors", [[3], [2]], join(0)),
  call("one", [[3, 2]], join(1)),
  call("rows", [[3, 2], [1, 2], [2, 2]], join(0)),
  call("columns", [[2, 3], [2, 1], [2, 2]], join(-1)),
  call("with an empty one", [[2, 3], [2, 0]], join(1)),
  call("in the middle", [[2, 3, 2], [2, 1, 2]], join(1)),
  call("many", [[65, 33], [65, 40]], join(1)),
  call("the same twice", [[2, 3]], (x) => t.concat([x, x])),
  call("several bindings", [[17, 1031]], (x) => t.concat([x, x], { axis: 1 })),
  call("stack", [[2, 3], [2, 3]], (...inputs) => t.stack(inputs, { axis: 1 })),
]);

const pad = row("pad", [
  call("a vector", [[3]], (x) => t.pad(x, [[2, 1]])),
  call("several bindings", [[17, 1031]], (x) => t.pad(x, [[1, 2], [0, 3]])),
  call("a matrix", [[3, 5]], (x) => t.pad(x, [[0, 2], [3, 0]])),
  call("nothing", [[3, 5]], (x) => t.pad(x, [[0, 0], [0, 0]])),
  call("an empty one", [[0]], (x) => t.pad(x, [[1, 1]])),
  call(
    "images",
    [[2, 9, 7, 5]],
    (x) => t.pad(x, [[0, 0], [1, 1], [1, 1], [0, 3]]),
  ),
], [{
  name: "with NaN",
  inputs: [samples.floats([2, 3])],
  run: (x) => t.pad(x, [[1, 1], [0, 1]], { value: NaN }),
}]);

const broadcastTo = row("broadcastTo", [
  call("a scalar", [[]], (x) => t.broadcastTo(x, [3, 5])),
  call("a row", [[5]], (x) => t.broadcastTo(x, [3, 5])),
  call("a column", [[3, 1]], (x) => t.broadcastTo(x, [2, 3, 5])),
  call("to the same", [[3, 5]], (x) => t.broadcastTo(x, [3, 5])),
  call("to nothing", [[1, 5]], (x) => t.broadcastTo(x, [0, 5])),
  call("many", [[33, 1]], (x) => t.broadcastTo(x, [33, 70])),
]);

/** A gather, whose indices are no operand with a gradient. */
function gathering(
  name: string,
  shape: Shape,
  at: HostTensor,
  axis: number,
): OpCase {
  return {
    name,
    inputs: [samples.floats(shape), at],
    run: (x, i) => t.gather(x, i, { axis }),
    gradients: true,
  };
}

const gather = row("gather", [
  gathering("rows", [4, 3], indices([2, 0, 2, 3]), 0),
  gathering("columns", [3, 4], indices([3, 1]), -1),
  gathering("the middle", [2, 3, 2], indices([2, 2, 1, 0, 0]), 1),
  gathering("by a matrix", [4, 3], indices([0, 1, 2, 3], [2, 2]), 0),
  gathering("by nothing", [4, 3], indices([]), 0),
  gathering("many", [70, 67], samples.ints([300], 0, 70), 0),
  {
    name: "embedding",
    inputs: [samples.floats([5, 3]), indices([4, 0, 4], [1, 3])],
    run: t.embedding as OpCase["run"],
    gradients: true,
  },
], [{
  name: "out of range",
  inputs: [samples.floats([4, 3]), indices([-1, 4, 1, 2 ** 31 - 1])],
  run: t.gather as OpCase["run"],
}, {
  name: "int32 out of range",
  inputs: [samples.ints([4, 3], -9, 9), indices([-1, 4, 1])],
  run: t.gather as OpCase["run"],
}]);

function scattering(
  name: string,
  shape: Shape,
  at: HostTensor,
  updates: Shape,
  axis: number,
): OpCase {
  return {
    name,
    inputs: [samples.floats(shape), at, samples.floats(updates)],
    run: (x, i, u) => t.scatterAdd(x, i, u, { axis }),
    gradients: true,
  };
}

const scatterAdd: Op = {
  ...row("scatterAdd", [
    scattering("rows", [4, 3], indices([2, 0, 2]), [3, 3], 0),
    scattering("columns", [3, 4], indices([3, 3]), [3, 2], 1),
    scattering("nothing", [4, 3], indices([]), [0, 3], 0),
    scattering("out of range", [4, 2], indices([-1, 4, 1]), [3, 2], 0),
    scattering("the middle", [2, 3, 2], indices([1, 1]), [2, 2, 2], 1),
    scattering("many", [20, 67], samples.ints([300], 0, 20), [300, 67], 0),
  ], [{
    name: "int32",
    inputs: [
      samples.ints([4], -9, 9),
      indices([1, 1, 3]),
      samples.ints([3], -9, 9),
    ],
    run: t.scatterAdd as OpCase["run"],
  }]),
  tolerance: {
    cpu: 2e-6,
    webgpu: 2e-6,
    scale: 1,
    reason: "sums of up to 30 updates, in float32",
  },
};

const oneHot: Op = {
  name: "oneHot",
  tolerance: EXACT,
  cases: [
    {
      name: "a vector",
      inputs: [indices([0, 2, 1])],
      run: (i) => t.oneHot(i, 3),
    },
    {
      name: "out of range",
      inputs: [indices([-1, 3])],
      run: (i) => t.oneHot(i, 3),
    },
    {
      name: "a matrix",
      inputs: [indices([0, 1, 2, 3], [2, 2])],
      run: (i) => t.oneHot(i, 5),
    },
    { name: "nothing", inputs: [indices([])], run: (i) => t.oneHot(i, 5) },
  ],
  gradchecks: [],
};

const copy = row("copy", [
  call("a matrix", [[3, 5]], t.copy),
  call("an empty one", [[0]], t.copy),
], [
  ...(["uint8", "float16"] as const).map((dtype) => ({
    name: dtype,
    inputs: [samples.from([7], (i) => i * 30, dtype)],
    run: t.copy,
  })),
]);

/** Operations that move elements. */
export const structureOps: readonly Op[] = [
  reshape,
  transpose,
  slice,
  concat,
  pad,
  broadcastTo,
  gather,
  scatterAdd,
  oneHot,
  copy,
];
