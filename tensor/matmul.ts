/**
 * Products of matrices.
 *
 * @module
 */

import type { Activation, MatmulLayout } from "./backend.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { isObserved } from "./op_record.ts";
import {
  announceResult,
  checkBias,
  checkKind,
  checkSameDType,
  commonDevice,
  type OutputSpec,
  produceAll,
} from "./_run.ts";
import {
  broadcastShapes,
  checkShape,
  sameShape,
  type Shape,
  sizeOf,
} from "./shape.ts";
import { type Tensor, viewOf } from "./tensor.ts";

/** Options of {@linkcode matmul}. */
export interface MatmulOptions {
  /** Whether the last two axes of a are swapped first. */
  readonly transposeA?: boolean;
  /** Whether the last two axes of b are swapped first. */
  readonly transposeB?: boolean;
  /** What is added to each row of the product, `[n]`; of a's dtype, or `float32` beside `float16`. */
  readonly bias?: Tensor;
  /** What follows, fused with the product. */
  readonly activation?: Activation;
}

const ACTIVATIONS: readonly (Activation | undefined)[] = [
  undefined,
  "relu",
  "gelu",
  "geluTanh",
  "tanh",
];

/**
 * Multiplies matrices: `activation(a · b + bias)`.
 *
 * @param a Float, `[..., m, k]`, or `[..., k, m]` with `transposeA`.
 * @param b The same dtype, `[..., k, n]`, or `[..., n, k]` with `transposeB`.
 *   The axes before broadcast with those of a.
 * @param options Transposition, bias and activation.
 * @returns The products, `[..., m, n]`.
 * @throws {ShapeError} If a factor has fewer than two axes, inner sizes differ, or the other axes do not broadcast.
 * @throws {DTypeError} If the dtypes differ or are not float.
 * @throws {ArgumentError} If there is no such activation.
 *
 * @example A layer
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { matmul, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = tensor(device, [[1, 2]]);
 * const weight = tensor(device, [[1, -1], [1, -1]]);
 * const bias = tensor(device, [0.5, 0.5]);
 * const y = matmul(x, weight, { bias, activation: "relu" });
 * assertEquals([...await y.data()], [3.5, 0]);
 * ```
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  options: MatmulOptions = {},
): Tensor {
  const { bias, activation } = options;
  const device = commonDevice("matmul", a, b, bias);
  checkKind("matmul", a, "float");
  checkSameDType("matmul", a, b);
  checkBias("matmul", a, bias);
  if (!ACTIVATIONS.includes(activation)) {
    throw new ArgumentError(
      `Cannot run "matmul" with activation "${activation}": expected one of ${
        ACTIVATIONS.slice(1).join(", ")
      }`,
    );
  }
  const plan = planMatmul(a, b, options);
  using stretchedA = stretch(a, plan.aShape);
  using stretchedB = stretch(b, plan.bShape);
  const [left, right] = [stretchedA ?? a, stretchedB ?? b];
  const inputs = [left, right, bias];
  const out: OutputSpec = [plan.shape, a.dtype];
  // Only the gradient of GELU needs its input; the others have theirs from the output.
  const keepsPreActivation = activation?.startsWith("gelu") &&
    isObserved(inputs);
  const outs = produceAll(
    device,
    "matmul",
    keepsPreActivation ? [out, out] : [out],
    (product, preActivation) =>
      device.backend.matmul(
        viewOf(left),
        viewOf(right),
        product,
        plan.layout,
        bias && viewOf(bias),
        preActivation,
      ),
  );
  const { layout } = plan;
  return announceResult("matmul", inputs, outs, { layout, activation });
}

/** Shapes and layout of a product. */
interface MatmulPlan {
  readonly layout: MatmulLayout;
  /** The shape of the result. */
  readonly shape: Shape;
  /** What the factors have to be stretched to before. */
  readonly aShape: Shape;
  readonly bShape: Shape;
}

function planMatmul(a: Tensor, b: Tensor, options: MatmulOptions): MatmulPlan {
  const { transposeA = false, transposeB = false, bias, activation } = options;
  const call = `multiply ${a}${transposeA ? " (transposed)" : ""} by ${b}${
    transposeB ? " (transposed)" : ""
  }`;
  if (a.rank < 2 || b.rank < 2) {
    throw new ShapeError(`Cannot ${call}: expected at least two axes each`);
  }
  const [aBatches, aMatrix] = [a.shape.slice(0, -2), a.shape.slice(-2)];
  const [bBatches, bMatrix] = [b.shape.slice(0, -2), b.shape.slice(-2)];
  const [m, k] = transposeA ? aMatrix.toReversed() : aMatrix;
  const [inner, n] = transposeB ? bMatrix.toReversed() : bMatrix;
  if (k !== inner) {
    throw new ShapeError(
      `Cannot ${call}: the inner sizes ${k} and ${inner} differ`,
    );
  }
  if (bias !== undefined && !sameShape(bias.shape, [n])) {
    throw new ShapeError(
      `Cannot ${call} with bias ${bias}: expected it to have shape [${n}]`,
    );
  }
  const batches = broadcastShapes(aBatches, bBatches);
  const shape = [...batches, m, n];
  checkShape(shape);
  // A factor goes through the kernel as it is if it is there once, or for every product.
  const aShared = sizeOf(aBatches) === 1;
  const bShared = sizeOf(bBatches) === 1;
  const batch = sizeOf(batches);
  // Rows of several products by one matrix are rows of one product.
  const folds = bShared && !transposeA && !aShared;
  return {
    shape,
    aShape: aShared ? a.shape : [...batches, ...aMatrix],
    bShape: bShared ? b.shape : [...batches, ...bMatrix],
    layout: {
      batch: folds ? 1 : batch,
      m: folds ? batch * m : m,
      n,
      k,
      aBatchStride: aShared || folds ? 0 : m * k,
      bBatchStride: bShared ? 0 : k * n,
      transposeA,
      transposeB,
      activation,
    },
  };
}

/** The factor stretched to a shape, if it has another. */
function stretch(x: Tensor, shape: Shape): Tensor | undefined {
  return sizeOf(x.shape) === sizeOf(shape) ? undefined : broadcastTo(x, shape);
}
