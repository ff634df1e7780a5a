/**
 * The contract between operations and devices: the set of kernels that an
 * implementation of a device offers. It is implemented by `reference` (the
 * specification), `cpu` and `webgpu`.
 *
 * Rules that hold for every kernel:
 *
 * - The operations have checked everything: shapes, dtypes, ranges, devices.
 *   A kernel trusts its arguments.
 * - Views are contiguous and row-major. An output never overlaps an input
 *   unless the kernel says so.
 * - A kernel is never called with an output of no elements. Inputs may be
 *   empty (a sum over an empty axis).
 * - Kernels return at once; the device may run them later, in order.
 * - Results do not depend on timing: the same calls give the same bits on the
 *   same device with the same number of threads.
 * - Float kernels take what `floatDTypes` of {@linkcode DeviceInfo} lists.
 *   Sums are accumulated in at least float32.
 * - `float16` is computed in float32 and rounded once, when it is stored.
 *   Beside it, some operands are `float32`: scales, shifts and statistics of
 *   normalizations with their gradients, `logSumExp`, and, where the caller
 *   likes, `bias` of products and convolutions and the result of a reduction.
 *   Losses, random numbers and the flat kernels do not take it.
 *
 * This is an interface for authors of devices, optimizers and compressors;
 * users of tensors never need it.
 *
 * @module
 */

import type { DType } from "./dtype.ts";
import type { FlatKernels } from "./flat_kernels.ts";
import type { Shape } from "./shape.ts";
import type { TuneOptions, Tuning } from "./tuning.ts";

export type * from "./flat_kernels.ts";
export { Storage } from "./_storage.ts";
export { storageOf, viewOf } from "./tensor.ts";

/** Memory of a device, in the representation of its backend. */
export interface BackendBuffer {
  /** The size that was asked for, in bytes. */
  readonly byteLength: number;
}

/** A contiguous, row-major range of a buffer, seen as a tensor. */
export interface View<B extends BackendBuffer = BackendBuffer> {
  /** The memory that holds the elements. */
  readonly buffer: B;
  /** Where the first element lies, in bytes from the start of the buffer; a multiple of 4. */
  readonly byteOffset: number;
  /** The sizes of the axes. */
  readonly shape: Shape;
  /** The type of the elements. */
  readonly dtype: DType;
}

/** An elementwise operand: a tensor, or a number that stands for every element. */
export type Operand<B extends BackendBuffer = BackendBuffer> = View<B> | number;

/**
 * Elementwise functions of one operand. `isNaN` writes `bool`, `not` maps
 * `bool` to `bool`, the others keep the type. `gelu` is x·Φ(x) with the exact
 * Φ (erf), `geluTanh` its tanh approximation; `round` rounds halves to even.
 * Integers take `neg` (int32), `abs`, `sign`, `square`, `relu`.
 */
export type UnaryOp =
  | "neg"
  | "abs"
  | "sign"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "square"
  | "reciprocal"
  | "sin"
  | "cos"
  | "tanh"
  | "erf"
  | "sigmoid"
  | "relu"
  | "gelu"
  | "geluTanh"
  | "floor"
  | "ceil"
  | "round"
  | "not"
  | "isNaN";

/**
 * Elementwise functions of two operands.
 *
 * - Arithmetic keeps the type. `pow` follows IEEE 754 (a negative base with a
 *   whole exponent is defined). `maximum` and `minimum` propagate NaN.
 *   Integers take `add`, `sub`, `mul` (both wrap), `maximum`, `minimum`.
 * - Comparisons write `bool`; with NaN all are false but `notEqual`.
 * - `and`, `or`, `xor` map `bool` to `bool`.
 * - `…Gradient` take (saved value, dy): `reluGradient` and `tanhGradient`,
 *   `sigmoidGradient` the saved output, `geluGradient` and
 *   `geluTanhGradient` the saved input. `reluGradient` is dy where the output
 *   is > 0, else 0.
 */
export type BinaryOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "maximum"
  | "minimum"
  | "equal"
  | "notEqual"
  | "less"
  | "lessEqual"
  | "greater"
  | "greaterEqual"
  | "and"
  | "or"
  | "xor"
  | "reluGradient"
  | "tanhGradient"
  | "sigmoidGradient"
  | "geluGradient"
  | "geluTanhGradient";

/**
 * Reductions. `max` and `min` propagate NaN. Of an empty axis: sum 0, mean
 * NaN, max -∞, min +∞, logSumExp -∞, l2Norm 0. `logSumExp` subtracts the
 * maximum first, and is exact for rows of -∞ (-∞) and with +∞ (+∞).
 * Integers take `sum` (wraps), `max`, `min`; of an empty axis these are the
 * least and the greatest of their dtype.
 */
export type ReduceOp = "sum" | "mean" | "max" | "min" | "logSumExp" | "l2Norm";

/** What follows a matrix product before it is stored. */
export type Activation = "relu" | "gelu" | "geluTanh" | "tanh";

/**
 * The broadcast shape of an elementwise kernel with neighbouring axes merged
 * where all operands allow it, and each operand's strides in it, in elements
 * (0 where the operand is stretched, and for numbers). A kernel over equal
 * shapes has one axis and strides of 1.
 */
export interface BroadcastLayout {
  /** The merged shape; at least one axis. */
  readonly shape: Shape;
  /** One list of strides for each operand. */
  readonly strides: readonly (readonly number[])[];
}

/** A copy between two strided ranges, in elements. Strides may be 0 (source) or negative (source). */
export interface StridedLayout {
  /** How many elements are copied along each axis. */
  readonly shape: Shape;
  /** The first element that is read. */
  readonly sourceOffset: number;
  /** Steps in the source. */
  readonly sourceStrides: readonly number[];
  /** The first element that is written. */
  readonly targetOffset: number;
  /** Steps in the target. */
  readonly targetStrides: readonly number[];
}

/** A tensor seen as `[outer, length, inner]`, worked on along its middle axis. */
export interface AxisLayout {
  /** The product of the axes before. */
  readonly outer: number;
  /** The size of the axis itself. */
  readonly length: number;
  /** The product of the axes behind. */
  readonly inner: number;
}

/** A tensor seen as a matrix, worked on along its rows or columns. */
export interface MatrixLayout {
  /** The product of all axes but the last ones. */
  readonly rows: number;
  /** The size of the last axis, or the product of the last ones. */
  readonly columns: number;
}

/**
 * A batch of products `out[b] = activation(A[b]·B[b] + bias) `, where A is
 * `[m, k]` (stored `[k, m]` with `transposeA`), B is `[k, n]` (stored
 * `[n, k]` with `transposeB`) and out is `[batch, m, n]`.
 */
export interface MatmulLayout {
  /** How many products. */
  readonly batch: number;
  /** Rows of the result. */
  readonly m: number;
  /** Columns of the result. */
  readonly n: number;
  /** The length of the inner products; 0 gives zeros (plus bias). */
  readonly k: number;
  /** Elements from one A to the next; 0 if all products share it. */
  readonly aBatchStride: number;
  /** Elements from one B to the next; 0 if all products share it. */
  readonly bBatchStride: number;
  /** Whether A is stored transposed. */
  readonly transposeA: boolean;
  /** Whether B is stored transposed. */
  readonly transposeB: boolean;
  /** What follows the product and bias. */
  readonly activation: Activation | undefined;
}

/** Sizes of a 2-D convolution of NHWC images with HWIO weights. */
export interface ConvGeometry {
  /** Images. */
  readonly batch: number;
  /** Input rows. */
  readonly height: number;
  /** Input columns. */
  readonly width: number;
  /** Input channels, of all groups together. */
  readonly channels: number;
  /** Weight rows. */
  readonly kernelHeight: number;
  /** Weight columns. */
  readonly kernelWidth: number;
  /** Output rows. */
  readonly outHeight: number;
  /** Output columns. */
  readonly outWidth: number;
  /** Output channels, of all groups together. */
  readonly outChannels: number;
  /** Rows between neighbouring outputs. */
  readonly strideHeight: number;
  /** Columns between neighbouring outputs. */
  readonly strideWidth: number;
  /** Rows of zeros before the first. */
  readonly padTop: number;
  /** Columns of zeros before the first. */
  readonly padLeft: number;
  /** Rows between neighbouring weights. */
  readonly dilationHeight: number;
  /** Columns between neighbouring weights. */
  readonly dilationWidth: number;
  /** How many groups of channels are convolved apart; weights are `[kh, kw, channels / groups, outChannels]`. */
  readonly groups: number;
}

/** Sizes of a 2-D pooling of NHWC images. */
export interface PoolGeometry {
  /** Images. */
  readonly batch: number;
  /** Input rows. */
  readonly height: number;
  /** Input columns. */
  readonly width: number;
  /** Channels. */
  readonly channels: number;
  /** Window rows. */
  readonly kernelHeight: number;
  /** Window columns. */
  readonly kernelWidth: number;
  /** Output rows. */
  readonly outHeight: number;
  /** Output columns. */
  readonly outWidth: number;
  /** Rows between neighbouring windows. */
  readonly strideHeight: number;
  /** Columns between neighbouring windows. */
  readonly strideWidth: number;
  /** Rows of padding before the first. */
  readonly padTop: number;
  /** Columns of padding before the first. */
  readonly padLeft: number;
  /** Average pooling: whether the divisor is the window's full size at the borders too. */
  readonly countIncludePad: boolean;
}

/** Views of a training batch normalization; channels are the last axis. */
export interface BatchNormTraining<B extends BackendBuffer = BackendBuffer> {
  /** Input `[rows, channels]`. */
  readonly x: View<B>;
  /** Scale γ `[channels]`. */
  readonly scale: View<B>;
  /** Shift β `[channels]`. */
  readonly bias: View<B>;
  /** Added before the ReLU, `[rows, channels]`. */
  readonly residual: View<B> | undefined;
  /** Output `[rows, channels]`. */
  readonly out: View<B>;
  /** Output: batch mean `[channels]`. */
  readonly mean: View<B>;
  /** Output: 1 / √(biased batch variance + ε) `[channels]`. */
  readonly rstd: View<B>;
  /** Statistics that move: running ← (1 - momentum)·running + momentum·batch, with the unbiased variance. */
  readonly running:
    | {
      readonly mean: View<B>;
      readonly variance: View<B>;
      readonly momentum: number;
    }
    | undefined;
  /** ε. */
  readonly epsilon: number;
  /** Whether negative results become 0. */
  readonly relu: boolean;
}

/** Views of a batch normalization with given statistics. */
export interface BatchNormInference<B extends BackendBuffer = BackendBuffer> {
  /** Input `[rows, channels]`. */
  readonly x: View<B>;
  /** Scale γ `[channels]`. */
  readonly scale: View<B>;
  /** Shift β `[channels]`. */
  readonly bias: View<B>;
  /** Added before the ReLU, `[rows, channels]`. */
  readonly residual: View<B> | undefined;
  /** Output `[rows, channels]`. */
  readonly out: View<B>;
  /** Running mean `[channels]`. */
  readonly mean: View<B>;
  /** Running variance `[channels]`. */
  readonly variance: View<B>;
  /** ε. */
  readonly epsilon: number;
  /** Whether negative results become 0. */
  readonly relu: boolean;
}

/** Views of the gradient of {@linkcode BatchNormTraining}. */
export interface BatchNormBackward<B extends BackendBuffer = BackendBuffer> {
  /** The saved input. */
  readonly x: View<B>;
  /** The saved output, if the ReLU was fused: dy counts where it is > 0. */
  readonly y: View<B> | undefined;
  /** The gradient of the output. */
  readonly dy: View<B>;
  /** Scale γ. */
  readonly scale: View<B>;
  /** The saved mean. */
  readonly mean: View<B>;
  /** The saved 1 / √(variance + ε). */
  readonly rstd: View<B>;
  /** Output: gradient of the input. */
  readonly dx: View<B>;
  /** Output: gradient of γ. */
  readonly dScale: View<B>;
  /** Output: gradient of β. */
  readonly dBias: View<B>;
  /** Output: gradient of the residual (dy behind the ReLU), if there was one. */
  readonly dResidual: View<B> | undefined;
}

/** Views of a layer normalization over the columns of each row. */
export interface LayerNorm<B extends BackendBuffer = BackendBuffer> {
  /** Input `[rows, columns]`. */
  readonly x: View<B>;
  /** Added to the input first, `[rows, columns]`. */
  readonly residual: View<B> | undefined;
  /** Scale γ `[columns]`. */
  readonly scale: View<B>;
  /** Shift β `[columns]`. */
  readonly bias: View<B>;
  /** Output `[rows, columns]`. */
  readonly out: View<B>;
  /** Output, with a residual only: x + residual, rounded as it is stored, which is what is normalized and what the gradient needs. */
  readonly sum: View<B> | undefined;
  /** Output: mean `[rows]`. */
  readonly mean: View<B>;
  /** Output: 1 / √(biased variance + ε) `[rows]`. */
  readonly rstd: View<B>;
  /** ε. */
  readonly epsilon: number;
}

/** Views of the gradient of {@linkcode LayerNorm}. */
export interface LayerNormBackward<B extends BackendBuffer = BackendBuffer> {
  /** What was normalized: the input, or input + residual. */
  readonly x: View<B>;
  /** The gradient of the output. */
  readonly dy: View<B>;
  /** Scale γ. */
  readonly scale: View<B>;
  /** The saved mean. */
  readonly mean: View<B>;
  /** The saved 1 / √(variance + ε). */
  readonly rstd: View<B>;
  /** Output: gradient of the input, and of the residual. */
  readonly dx: View<B>;
  /** Output: gradient of γ. */
  readonly dScale: View<B>;
  /** Output: gradient of β. */
  readonly dBias: View<B>;
}

/**
 * Options of the fused softmax cross-entropy. With smoothing s and c classes
 * the target is (1 - s) at the label and s / c everywhere in addition. A label
 * outside of `[0, columns)` gives a loss and gradients of NaN, the ignored
 * label a loss and gradients of 0.
 */
export interface CrossEntropyLayout extends MatrixLayout {
  /** s, in [0, 1]. */
  readonly labelSmoothing: number;
  /** The label whose rows count nothing. */
  readonly ignoreIndex: number | undefined;
}

/**
 * Sizes of an attention over `query [batch, queries, heads, depth]`,
 * `key [batch, keys, heads, depth]`, `value [batch, keys, heads, valueDepth]`
 * with result `[batch, queries, heads, valueDepth]`.
 */
export interface AttentionLayout {
  /** Sequences. */
  readonly batch: number;
  /** Heads. */
  readonly heads: number;
  /** Query positions. */
  readonly queries: number;
  /** Key positions. */
  readonly keys: number;
  /** Numbers of a query or key in one head. */
  readonly depth: number;
  /** Numbers of a value in one head. */
  readonly valueDepth: number;
  /** What the inner products are multiplied by. */
  readonly scale: number;
  /** Strides of the additive mask along batch, heads, queries, keys, in elements; 0 where it is stretched. */
  readonly maskStrides: readonly [number, number, number, number];
  /** Which probabilities are dropped, if any. */
  readonly dropout?: AttentionDropout;
}

/**
 * Dropout of the probabilities of an attention, in front of their product with
 * the values: what {@linkcode Backend.dropout} does to a tensor `[batch, heads,
 * queries, ⌈keys / 4⌉ · 4]`, so that each query begins with a whole block. There
 * are at most 2^32 blocks.
 */
export interface AttentionDropout {
  /** How probable it is that a probability is dropped, in (0, 1). */
  readonly rate: number;
  /** Where the random numbers begin. */
  readonly state: RandomState;
}

/** Views of an attention. A query that no key is open to (all scores -∞) gives zeros. */
export interface Attention<B extends BackendBuffer = BackendBuffer> {
  /** Queries. */
  readonly query: View<B>;
  /** Keys. */
  readonly key: View<B>;
  /** Values. */
  readonly value: View<B>;
  /** Added to the scaled scores; `float32` (or `float64`), 0 and -∞ for a boolean mask. */
  readonly mask: View<B> | undefined;
  /** Output. */
  readonly out: View<B>;
  /** Output: log Σ exp of each query's scores `[batch, heads, queries]`. */
  readonly logSumExp: View<B>;
}

/** Views of the gradient of {@linkcode Attention}; the mask has none. */
export interface AttentionBackward<B extends BackendBuffer = BackendBuffer>
  extends Attention<B> {
  /** The gradient of the output. */
  readonly dOut: View<B>;
  /** Output: gradient of the queries. */
  readonly dQuery: View<B>;
  /** Output: gradient of the keys. */
  readonly dKey: View<B>;
  /** Output: gradient of the values. */
  readonly dValue: View<B>;
}

/**
 * A position in the Philox4x32-10 random sequence (Salmon et al., "Parallel
 * Random Numbers: As Easy as 1, 2, 3", SC 2011). The key is
 * `[seedLow, seedHigh]`; element `i` of a tensor takes word `i % 4` of the
 * block with counter `[⌊i / 4⌋ low, ⌊i / 4⌋ high, streamLow, streamHigh]`.
 */
export interface RandomState {
  /** The low 32 bits of the seed. */
  readonly seedLow: number;
  /** The high 32 bits of the seed. */
  readonly seedHigh: number;
  /** The low 32 bits of the stream: which of the independent sequences of the seed. */
  readonly streamLow: number;
  /** The high 32 bits of the stream. */
  readonly streamHigh: number;
}

/** Which implementation a device is. */
export type DeviceKind = "reference" | "cpu" | "webgpu";

/** What a device is and can do. */
export interface DeviceInfo {
  /** The implementation. */
  readonly kind: DeviceKind;
  /** The name of the hardware or engine, for people. */
  readonly description: string;
  /** Whether a GPU is emulated on the CPU. */
  readonly software: boolean;
  /** How many threads run kernels; 1 on WebGPU. */
  readonly threads: number;
  /** The dtypes that tensors of this device can have. */
  readonly dtypes: readonly DType[];
  /** Those of them that float kernels take; other floats are for storage and casts. */
  readonly floatDTypes: readonly DType[];
  /** Optional abilities of the platform, such as `relaxed-simd`, `shared-memory`, `avx512`, `shader-f16`, `timestamp-query`. */
  readonly features: readonly string[];
  /** The size in bytes above which an allocation is refused with `BufferTooLargeError`. */
  readonly maxBufferBytes: number;
  /** WebGPU: the bytes that one binding can see; elsewhere the same as `maxBufferBytes`. */
  readonly maxBindingBytes: number;
  /** The bytes that all tensors together may take before `OutOfMemoryError`. */
  readonly memoryLimit: number;
}

/** A kernel that was timed on the device. */
export interface TimedKernel {
  /** The name of the kernel. */
  readonly name: string;
  /** What {@linkcode KernelTimer.call} was. */
  readonly call: number;
  /** When it began, by the clock of `performance.now()`. */
  readonly begin: number;
  /** How long it ran. */
  readonly milliseconds: number;
}

/** Work that was handed to the device at once; all times are by the clock of `performance.now()`. */
export interface Submission {
  /** When the host handed it over. */
  readonly begin: number;
  /** When the host could go on. */
  readonly handed: number;
  /** When the host was told that it is done; `undefined` where kernels are timed, which says more. */
  readonly done: number | undefined;
  /** How many kernels it holds. */
  readonly kernels: number;
}

/** What {@linkcode KernelTimer.stop} returns. */
export interface KernelTimes {
  /** All kernels, in their order; `undefined` if the device has no clock that kernels can be timed by. */
  readonly kernels: readonly TimedKernel[] | undefined;
  /** All submissions, in their order. */
  readonly submissions: readonly Submission[];
}

/** Times what a device does while the host goes on; see {@linkcode Backend.timeKernels}. */
export interface KernelTimer {
  /** Which call of the host the kernels from now on belong to. */
  call: number;
  /** Waits for all kernels called so far, and ends the timing. */
  stop(): Promise<KernelTimes>;
}

/** The kernels of one device. See the module's text for the rules that all of them keep. */
export interface Backend<B extends BackendBuffer = BackendBuffer>
  extends FlatKernels<B> {
  /** What the device is and can do. */
  readonly info: DeviceInfo;

  /**
   * Memory of unspecified content. The caller has checked `maxBufferBytes` and `memoryLimit`.
   *
   * @throws {OutOfMemoryError} If the platform refuses.
   */
  allocate(byteLength: number): B;
  /** Gives memory back. Kernels that were called before still see it. */
  free(buffer: B): void;
  /** Copies bytes from the host; `bytes` may be changed once the call returns. */
  write(buffer: B, byteOffset: number, bytes: Uint8Array): void;
  /** Copies bytes to the host, after all kernels called so far. Concurrent reads share one wait. */
  read(buffer: B, byteOffset: number, byteLength: number): Promise<Uint8Array>;
  /** Waits until all kernels called so far have run; rejects with what went wrong on the device since the last time. */
  synchronize(): Promise<void>;
  /** Frees everything and stops threads. */
  close(): void;
  /**
   * Begins to time kernels; only devices have it on which these run behind the
   * host's back, instead of being done when their call returns.
   */
  timeKernels?(): Promise<KernelTimer>;
  /**
   * Compiles the kernels that a function calls, which are not run; only devices
   * have it that compile kernels when they are first called.
   */
  compile?(run: () => unknown): Promise<void>;
  /** Finds the fastest kernels for the products of a function, which are not computed; only devices have it that have a choice. */
  tune?(run: () => unknown, options: TuneOptions): Promise<Tuning>;
  /** Gives memory back that is kept for later allocations; only devices have it that keep some. */
  trim?(): void;

  /** `out[i] = value`; for `bool` 0 or 1. */
  fill(out: View<B>, value: number): void;
  /** Copies elements of equal dtype; `float16` where it is computed with, and any dtype with at least 4 bytes an element. Two views of one buffer are allowed if they do not overlap. */
  stridedCopy(source: View<B>, target: View<B>, layout: StridedLayout): void;
  /** Converts between any two dtypes of the device: floats to integers truncate and saturate (NaN to 0), integers to integers wrap, to float16 and bfloat16 round to nearest even, to `bool` as `x != 0`. */
  cast(x: View<B>, out: View<B>): void;

  /** `out = op(x)`; in place (same view) is allowed. */
  unary(op: UnaryOp, x: View<B>, out: View<B>): void;
  /** `out = op(a, b)` with broadcasting; `strides` of the layout are a's and b's. `out` may be the same view as an operand of its own shape. */
  binary(
    op: BinaryOp,
    a: Operand<B>,
    b: Operand<B>,
    out: View<B>,
    layout: BroadcastLayout,
  ): void;
  /** `out = condition ? a : b`; `strides` of the layout are the condition's, a's and b's. */
  where(
    condition: View<B>,
    a: Operand<B>,
    b: Operand<B>,
    out: View<B>,
    layout: BroadcastLayout,
  ): void;
  /** `out = min(max(x, low), high)`, NaN stays. Float and integer. */
  clip(x: View<B>, out: View<B>, low: number, high: number): void;

  /** Reduces the middle axis: `[outer, length, inner]` to `[outer, inner]`. */
  reduce(op: ReduceOp, x: View<B>, out: View<B>, layout: AxisLayout): void;
  /** Index (`int32`) of the largest element of the middle axis; the first of equals; a NaN counts as largest. */
  argmax(x: View<B>, out: View<B>, layout: AxisLayout): void;
  /**
   * `out[o, i, :] = x[o, indices[i], :]` for x `[outer, length, inner]` and
   * `int32` indices. An index outside of `[0, length)` gives NaN (floats) or 0.
   */
  gather(
    x: View<B>,
    indices: View<B>,
    out: View<B>,
    layout: AxisLayout & { readonly count: number },
  ): void;
  /**
   * `out[o, indices[i], :] += updates[o, i, :]` for out `[outer, length, inner]`,
   * in ascending order of i. Indices outside of `[0, length)` are left out.
   */
  scatterAdd(
    indices: View<B>,
    updates: View<B>,
    out: View<B>,
    layout: AxisLayout & { readonly count: number },
  ): void;

  /** Matrix products; `bias` is `[n]`. `preActivation` receives the sum before the activation, in out's shape. */
  matmul(
    a: View<B>,
    b: View<B>,
    out: View<B>,
    layout: MatmulLayout,
    bias: View<B> | undefined,
    preActivation: View<B> | undefined,
  ): void;
  /** Convolution of `x [N, H, W, C]` with `weight [KH, KW, C / groups, O]` to `out [N, OH, OW, O]`, plus `bias [O]`. */
  conv2d(
    x: View<B>,
    weight: View<B>,
    bias: View<B> | undefined,
    out: View<B>,
    geometry: ConvGeometry,
  ): void;
  /** Gradient of the convolution's input. */
  conv2dBackwardInput(
    dy: View<B>,
    weight: View<B>,
    dx: View<B>,
    geometry: ConvGeometry,
  ): void;
  /** Gradient of the convolution's weight. */
  conv2dBackwardWeight(
    x: View<B>,
    dy: View<B>,
    dWeight: View<B>,
    geometry: ConvGeometry,
  ): void;

  /** Largest element of each window; padding never wins, NaN always; `indices` (`int32`) receives its `row * W + column`, the first of equals. */
  maxPool2d(
    x: View<B>,
    out: View<B>,
    indices: View<B>,
    geometry: PoolGeometry,
  ): void;
  /** Gradient of {@linkcode Backend.maxPool2d}. */
  maxPool2dBackward(
    dy: View<B>,
    indices: View<B>,
    dx: View<B>,
    geometry: PoolGeometry,
  ): void;
  /** Mean of each window. */
  averagePool2d(x: View<B>, out: View<B>, geometry: PoolGeometry): void;
  /** Gradient of {@linkcode Backend.averagePool2d}. */
  averagePool2dBackward(
    dy: View<B>,
    dx: View<B>,
    geometry: PoolGeometry,
  ): void;

  /** Batch normalization with batch statistics. */
  batchNormTraining(views: BatchNormTraining<B>, layout: MatrixLayout): void;
  /** Gradient of {@linkcode Backend.batchNormTraining}. */
  batchNormBackward(views: BatchNormBackward<B>, layout: MatrixLayout): void;
  /** Batch normalization with given statistics. */
  batchNormInference(views: BatchNormInference<B>, layout: MatrixLayout): void;
  /** Layer normalization. */
  layerNorm(views: LayerNorm<B>, layout: MatrixLayout): void;
  /** Gradient of {@linkcode Backend.layerNorm}. */
  layerNormBackward(views: LayerNormBackward<B>, layout: MatrixLayout): void;

  /** Softmax of each row, or its logarithm. A row of -∞ gives NaN, as in PyTorch. */
  softmax(
    x: View<B>,
    out: View<B>,
    layout: MatrixLayout & { readonly log: boolean },
  ): void;
  /** Gradient of {@linkcode Backend.softmax} from its output. */
  softmaxBackward(
    y: View<B>,
    dy: View<B>,
    dx: View<B>,
    layout: MatrixLayout & { readonly log: boolean },
  ): void;
  /** Loss of each row, from logits and `int32` labels; `logSumExp [rows]` is kept for the gradient. */
  crossEntropy(
    logits: View<B>,
    labels: View<B>,
    losses: View<B>,
    logSumExp: View<B>,
    layout: CrossEntropyLayout,
  ): void;
  /** Gradient of {@linkcode Backend.crossEntropy}: `dLosses [rows]` times (softmax - target). */
  crossEntropyBackward(
    logits: View<B>,
    labels: View<B>,
    logSumExp: View<B>,
    dLosses: View<B>,
    dLogits: View<B>,
    layout: CrossEntropyLayout,
  ): void;

  /** Scaled dot-product attention. */
  attention(views: Attention<B>, layout: AttentionLayout): void;
  /** Gradient of {@linkcode Backend.attention}. */
  attentionBackward(views: AttentionBackward<B>, layout: AttentionLayout): void;

  /** Uniform numbers `(word >>> 8) · 2⁻²⁴` in [0, 1), the same bits on every device. */
  randomUniform(out: View<B>, state: RandomState): void;
  /** `out = u < Math.fround(rate) ? 0 : x / (1 - rate)` with u of {@linkcode Backend.randomUniform}; the same call on dy is its gradient. The factor is `Math.fround(1 / (1 - rate))` in float32. */
  dropout(x: View<B>, out: View<B>, rate: number, state: RandomState): void;
}
