/**
 * Rows of the operation table: the matrix product.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { MatmulOptions, Shape } from "@cram/tensor";
import { Samples } from "../host_tensor.ts";
import type { Op, OpCase } from "./op.ts";

const samples = new Samples(301);

type Flags = Omit<MatmulOptions, "bias">;

function call(a: Shape, b: Shape, flags: Flags = {}, bias?: Shape): OpCase {
  const flagNames = Object.entries(flags).map(([key, value]) =>
    `, ${key} ${value}`
  );
  return {
    name: `[${a}] · [${b}]${flagNames.join("")}${bias ? ", bias" : ""}`,
    inputs: [a, b, ...(bias ? [bias] : [])].map((shape) =>
      samples.floats(shape)
    ),
    run: (a, b, bias) => t.matmul(a, b, { ...flags, bias }),
    gradients: true,
  };
}

const both = { transposeA: true, transposeB: true };
const activations = ["relu", "gelu", "geluTanh", "tanh"] as const;

const small: readonly OpCase[] = [
  call([2, 3], [3, 4]),
  call([3, 2], [3, 4], { transposeA: true }),
  call([2, 3], [4, 3], { transposeB: true }),
  call([3, 2], [4, 3], both),
  call([2, 3], [3, 4], {}, [4]),
  ...activations.map((activation) => call([2, 3], [3, 4], { activation }, [4])),
  ...activations.map((activation) => call([2, 3], [3, 4], { activation })),
  call([2, 2, 3], [2, 3, 4]),
  call([2, 3, 2], [2, 3, 4], { transposeA: true }, [4]),
  call([2, 2, 3], [2, 4, 3], { transposeB: true, activation: "gelu" }, [4]),
  call([2, 2, 3], [3, 4]),
  call([2, 3, 2], [3, 4], { transposeA: true }),
  call([2, 3], [2, 3, 4]),
  call([2, 3], [2, 4, 3], { transposeB: true }),
  call([2, 1, 2, 3], [1, 2, 3, 2]),
  call([1, 1], [1, 1]),
];

/** The matrix product. */
export const matmulOps: readonly Op[] = [{
  name: "matmul",
  single: [2],
  tolerance: {
    cpu: 1e-5,
    webgpu: 1e-5,
    scale: 1,
    reason:
      "sums of up to 2000 products in float32, in another order: about ε · √k · |sum|",
  },
  cases: [
    ...small,
    call([0, 3], [3, 4]),
    call([2, 0], [0, 4], {}, [4]),
    call([0, 2, 3], [0, 3, 4]),
    call([1, 7], [7, 1]),
    call([1, 67], [67, 130]),
    call([130, 67], [67, 1]),
    call([5, 7], [7, 3]),
    call([8, 8], [8, 8]),
    call([64, 48], [48, 32]),
    call([130, 70], [70, 65], { activation: "relu" }, [65]),
    call([70, 130], [70, 65], { transposeA: true }),
    call([130, 70], [65, 70], { transposeB: true }, [65]),
    call([70, 130], [65, 70], both),
    call([3, 2000], [2000, 5]),
    call([256, 300], [300, 128]),
    call([3, 33, 17], [3, 17, 20]),
    call([2, 3, 9, 8], [2, 3, 9, 8], { transposeB: true }),
    {
      name: "special values",
      inputs: [
        samples.from([3, 2], (i) => [1, NaN, Infinity, 1, 0, 2][i]),
        samples.from([2, 2], (i) => [1, 2, 0, -Infinity][i]),
      ],
      run: (a, b) => t.matmul(a, b),
    },
  ],
  half: (name) =>
    /\[2,3\] · \[3,4\](, activation gelu)?, bias|\[67,130\]|\[130,70\] · \[70|\[70,130\] · \[65|\[3,2000\]|\[3,33,17\]|\[8,8\]|\[2,0\]|special/
      .test(name),
  gradchecks: small,
}];
