/**
 * The one hook through which this package announces what it computes. The
 * autograd package records these announcements; nothing here knows of
 * gradients.
 *
 * @module
 */

import type {
  Activation,
  AttentionLayout,
  ConvGeometry,
  CrossEntropyLayout,
  MatmulLayout,
  PoolGeometry,
  RandomState,
} from "./backend.ts";
import type { Tensor } from "./tensor.ts";
import type { DType } from "./dtype.ts";
import type { Shape } from "./shape.ts";

/** An operation without attributes. */
export type NoAttributes = Readonly<Record<never, never>>;

/** Attributes of a reduction: the axes, ascending, and whether they stay with size 1. */
export interface ReduceAttributes {
  /** The reduced axes, ascending. */
  readonly axes: readonly number[];
  /** Whether reduced axes stay with size 1. */
  readonly keepDims: boolean;
}

/**
 * Every differentiable operation, with the attributes it announces. Inputs
 * and outputs are listed in the order of their announcement; a `?` marks
 * inputs that may be `undefined`. Elementwise operands may be numbers.
 */
export interface OpAttributes {
  /** (a, b) → a + b */
  add: NoAttributes;
  /** (a, b) → a - b */
  sub: NoAttributes;
  /** (a, b) → a · b */
  mul: NoAttributes;
  /** (a, b) → a / b */
  div: NoAttributes;
  /** (a, b) → a ^ b */
  pow: NoAttributes;
  /** (a, b) → larger of the two; equal elements share the gradient */
  maximum: NoAttributes;
  /** (a, b) → smaller of the two; equal elements share the gradient */
  minimum: NoAttributes;
  /** (x) → -x */
  neg: NoAttributes;
  /** (x) → |x| */
  abs: NoAttributes;
  /** (x) → sign of x; its gradient is 0 */
  sign: NoAttributes;
  /** (x) → e ^ x */
  exp: NoAttributes;
  /** (x) → natural logarithm */
  log: NoAttributes;
  /** (x) → √x */
  sqrt: NoAttributes;
  /** (x) → 1 / √x */
  rsqrt: NoAttributes;
  /** (x) → x² */
  square: NoAttributes;
  /** (x) → 1 / x */
  reciprocal: NoAttributes;
  /** (x) → sin x */
  sin: NoAttributes;
  /** (x) → cos x */
  cos: NoAttributes;
  /** (x) → tanh x */
  tanh: NoAttributes;
  /** (x) → error function */
  erf: NoAttributes;
  /** (x) → 1 / (1 + e ^ -x) */
  sigmoid: NoAttributes;
  /** (x) → max(x, 0) */
  relu: NoAttributes;
  /** (x) → x · Φ(x), or its tanh approximation */
  gelu: { readonly approximate: "none" | "tanh" };
  /** (x) → ⌊x⌋; its gradient is 0 */
  floor: NoAttributes;
  /** (x) → ⌈x⌉; its gradient is 0 */
  ceil: NoAttributes;
  /** (x) → nearest whole number; its gradient is 0 */
  round: NoAttributes;
  /** (condition, a, b) → elements of a or b */
  where: NoAttributes;
  /** (x) → x within [low, high]; the gradient passes where low ≤ x ≤ high */
  clip: { readonly low: number; readonly high: number };
  /** (x) → x in another dtype; the gradient is cast back */
  cast: { readonly dtype: DType };
  /** (x) → the same elements in another shape */
  reshape: NoAttributes;
  /** (x) → axes reordered: axis i of the result is axis `permutation[i]` of x */
  transpose: { readonly permutation: readonly number[] };
  /** (x) → a box of x, every `steps[i]`-th element */
  slice: {
    readonly starts: readonly number[];
    readonly steps: readonly number[];
  };
  /** (...tensors) → joined along an axis */
  concat: { readonly axis: number };
  /** (x) → x with a constant border */
  pad: {
    readonly before: readonly number[];
    readonly after: readonly number[];
  };
  /** (x) → x stretched to a shape */
  broadcastTo: { readonly shape: Shape };
  /** (x, indices) → slices of x along an axis; indices are one-dimensional here */
  gather: { readonly axis: number };
  /** (x, indices, updates) → x with updates added at indices of an axis; indices are one-dimensional */
  scatterAdd: { readonly axis: number };
  /** (x) → sum */
  sum: ReduceAttributes;
  /** (x) → mean */
  mean: ReduceAttributes;
  /** (x) → maximum; equal elements share the gradient */
  max: ReduceAttributes;
  /** (x) → minimum; equal elements share the gradient */
  min: ReduceAttributes;
  /** (x) → log Σ exp */
  logSumExp: ReduceAttributes;
  /** (x) → √Σx²; the gradient at 0 is 0 */
  l2Norm: ReduceAttributes;
  /** (a, b, bias?) → (out, preActivation?): product, bias, activation; preActivation is there for `gelu` and `geluTanh` when an observer asked */
  matmul: {
    /** Sizes as the kernel sees them. */
    readonly layout: MatmulLayout;
    /** What follows product and bias. */
    readonly activation: Activation | undefined;
  };
  /** (x, weight, bias?) → convolution */
  conv2d: { readonly geometry: ConvGeometry };
  /** (x) → (out, indices) */
  maxPool2d: { readonly geometry: PoolGeometry };
  /** (x) → means of windows */
  averagePool2d: { readonly geometry: PoolGeometry };
  /** training: (x, scale, bias, residual?) → (out, mean, rstd); else (x, scale, bias, residual?, mean, variance) → (out) */
  batchNorm: {
    readonly training: boolean;
    readonly epsilon: number;
    readonly relu: boolean;
  };
  /** (x, scale, bias, residual?) → (out, mean, rstd, sum?): sum = x + residual where there is one */
  layerNorm: { readonly epsilon: number };
  /** (x) → softmax over the last axis */
  softmax: NoAttributes;
  /** (x) → log-softmax over the last axis */
  logSoftmax: NoAttributes;
  /** (logits, labels) → (losses of each row, logSumExp) */
  softmaxCrossEntropy: { readonly layout: CrossEntropyLayout };
  /** (x) → x with elements dropped */
  dropout: { readonly rate: number; readonly state: RandomState };
  /** (query, key, value, additive mask?) → (out, logSumExp) */
  scaledDotProductAttention: { readonly layout: AttentionLayout };
}

/** The name of a differentiable operation. */
export type OpName = keyof OpAttributes;

/** One call of an operation. */
export interface OpRecord<K extends OpName = OpName> {
  /** Which operation. */
  readonly op: K;
  /** Its operands; numbers and absent options have no gradient. */
  readonly inputs: readonly (Tensor | number | undefined)[];
  /** What it made; the first is the result, the others serve the gradient. */
  readonly outputs: readonly Tensor[];
  /** Its options. */
  readonly attributes: OpAttributes[K];
}

/** Someone who wants to know which operations are run: a tape. */
export interface OpObserver {
  /** Whether a call with these inputs will be recorded, so that values only a gradient needs are worth computing. */
  observes(inputs: readonly (Tensor | number | undefined)[]): boolean;
  /**
   * Called after each differentiable operation that
   * {@linkcode OpObserver.observes} said yes to. Operands and outputs may be
   * disposed of as soon as this returns: what is needed later has to be kept
   * by `alias()`.
   */
  record(record: OpRecord): void;
}

let observer: OpObserver | undefined;

/**
 * Sets who is told of operations.
 *
 * @param next The new observer, or `undefined` for none.
 * @returns The observer before, to be set again later.
 */
export function setOpObserver(
  next: OpObserver | undefined,
): OpObserver | undefined {
  const previous = observer;
  observer = next;
  return previous;
}

/**
 * Whether a call with these inputs is going to be recorded.
 *
 * @param inputs The operands of the call.
 * @returns True if an observer wants it.
 */
export function isObserved(
  inputs: readonly (Tensor | number | undefined)[],
): boolean {
  return observer !== undefined && observer.observes(inputs);
}

/**
 * Tells the observer, if there is one, of a finished operation.
 *
 * @param op The operation.
 * @param inputs Its operands.
 * @param outputs What it made.
 * @param attributes Its options.
 */
export function announce<K extends OpName>(
  op: K,
  inputs: readonly (Tensor | number | undefined)[],
  outputs: readonly Tensor[],
  attributes: OpAttributes[K],
): void {
  if (observer !== undefined && observer.observes(inputs)) {
    observer.record({ op, inputs, outputs, attributes } as OpRecord);
  }
}
