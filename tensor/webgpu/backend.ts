/** The kernels of the webgpu device. */

import type {
  Attention,
  AttentionBackward,
  AttentionLayout,
  AxisLayout,
  Backend,
  BatchNormBackward,
  BatchNormInference,
  BatchNormTraining,
  BinaryOp,
  BroadcastLayout,
  ConvGeometry,
  CrossEntropyLayout,
  DeviceInfo,
  KernelTimer,
  LayerNorm,
  LayerNormBackward,
  MatmulLayout,
  MatrixLayout,
  Operand,
  PoolGeometry,
  RandomState,
  ReduceOp,
  StridedLayout,
  UnaryOp,
} from "../backend.ts";
import type { AdamUpdate, MagnitudePart, SgdUpdate } from "../flat_kernels.ts";
import { ArgumentError } from "../errors.ts";
import type { DeviceOptions } from "../open_device.ts";
import type { TuneOptions, Tuning } from "../tuning.ts";
import { FEATURES, requestDevice } from "./_adapter.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { cast } from "./_cast.ts";
import { stridedCopy } from "./_copy.ts";
import { binary, clip, unary, where } from "./_elementwise.ts";
import {
  conv2d,
  conv2dBackwardInput,
  conv2dBackwardWeight,
} from "./_convolution.ts";
import { fill } from "./_fill.ts";
import { formatChoice, usableChoice } from "./_gemm_choice.ts";
import { tuneGemms } from "./_gemm_tuner.ts";
import { gather, type IndexedLayout } from "./_gather.ts";
import { dropout, randomUniform } from "./_random.ts";
import { scatterAdd } from "./_scatter.ts";
import { crossEntropy, crossEntropyBackward } from "./_cross_entropy.ts";
import { layerNorm, layerNormBackward } from "./_layer_norm.ts";
import { softmax, softmaxBackward, type SoftmaxLayout } from "./_softmax.ts";
import {
  batchNormBackward,
  batchNormInference,
  batchNormTraining,
} from "./_batch_norm.ts";
import {
  averagePool2d,
  averagePool2dBackward,
  maxPool2d,
  maxPool2dBackward,
} from "./_pooling.ts";
import { attention, attentionBackward } from "./_attention.ts";
import { argmax, reduce } from "./_reduce.ts";
import { matmul } from "./_matmul.ts";
import { adamStep, maskedAdd, perturb, sgdStep } from "./_optimizer.ts";
import { pruneBelow, pruneNM } from "./_prune.ts";
import { Runtime, type Traits } from "./_runtime.ts";
import { magnitudeThresholds } from "./_thresholds.ts";

/**
 * What all tensors may take where a GPU is emulated: its memory is the
 * machine's, which never says that it is used up.
 */
const SOFTWARE_MEMORY_LIMIT = 4 * 2 ** 30;

/** Implements the contract by one function of `runtime` for each kernel. */
export class WebGpuBackend implements Backend<GpuBuffer> {
  readonly info: DeviceInfo;
  readonly runtime: Runtime;
  /** What the adapter is called in a tuning. */
  readonly #identity: string;
  #tuning: Tuning;

  constructor(
    info: DeviceInfo,
    runtime: Runtime,
    identity: string,
    tuning: Tuning,
  ) {
    this.info = info;
    this.runtime = runtime;
    this.#identity = identity;
    this.#tuning = tuning;
    const ways = tuning.adapters[identity] ?? {};
    for (const [name, way] of Object.entries(ways)) {
      const choice = usableChoice(way, runtime.traits);
      if (choice === undefined) {
        throw new ArgumentError(
          `Cannot use the tuning: "${info.description}" cannot compute "${name}" by "${way}"`,
        );
      }
      runtime.gemmPlans.setTuned(name, choice);
    }
  }

  allocate(byteLength: number): GpuBuffer {
    return this.runtime.allocate(byteLength);
  }

  free(buffer: GpuBuffer): void {
    this.runtime.free(buffer);
  }

  write(buffer: GpuBuffer, byteOffset: number, bytes: Uint8Array): void {
    this.runtime.write(buffer, byteOffset, bytes);
  }

  async read(
    buffer: GpuBuffer,
    byteOffset: number,
    byteLength: number,
  ): Promise<Uint8Array> {
    return await this.runtime.read(buffer, byteOffset, byteLength);
  }

  async synchronize(): Promise<void> {
    await this.runtime.synchronize();
  }

  close(): void {
    this.runtime.close();
  }

  async compile(run: () => unknown): Promise<void> {
    await this.runtime.compile(run);
  }

  async tune(
    run: () => unknown,
    { onProduct = () => {} }: TuneOptions,
  ): Promise<Tuning> {
    await tuneGemms(this.runtime, run, onProduct);
    const ways = Array.from(
      this.runtime.gemmPlans.tuned,
      ([name, choice]) => [name, formatChoice(choice)],
    ).sort();
    const { adapters } = this.#tuning;
    this.#tuning = {
      version: 1,
      adapters: { ...adapters, [this.#identity]: Object.fromEntries(ways) },
    };
    return this.#tuning;
  }

  trim(): void {
    this.runtime.trim();
  }

  async timeKernels(): Promise<KernelTimer> {
    return await this.runtime.timeKernels();
  }

  matmul(
    a: GpuView,
    b: GpuView,
    out: GpuView,
    layout: MatmulLayout,
    bias: GpuView | undefined,
    preActivation: GpuView | undefined,
  ): void {
    matmul(this.runtime, a, b, out, layout, bias, preActivation);
  }

  conv2d(
    x: GpuView,
    weight: GpuView,
    bias: GpuView | undefined,
    out: GpuView,
    geometry: ConvGeometry,
  ): void {
    conv2d(this.runtime, x, weight, bias, out, geometry);
  }

  conv2dBackwardInput(
    dy: GpuView,
    weight: GpuView,
    dx: GpuView,
    geometry: ConvGeometry,
  ): void {
    conv2dBackwardInput(this.runtime, dy, weight, dx, geometry);
  }

  conv2dBackwardWeight(
    x: GpuView,
    dy: GpuView,
    dWeight: GpuView,
    geometry: ConvGeometry,
  ): void {
    conv2dBackwardWeight(this.runtime, x, dy, dWeight, geometry);
  }

  fill(out: GpuView, value: number): void {
    fill(this.runtime, out, value);
  }

  stridedCopy(source: GpuView, target: GpuView, layout: StridedLayout): void {
    stridedCopy(this.runtime, source, target, layout);
  }

  cast(x: GpuView, out: GpuView): void {
    cast(this.runtime, x, out);
  }

  unary(op: UnaryOp, x: GpuView, out: GpuView): void {
    unary(this.runtime, op, x, out);
  }

  binary(
    op: BinaryOp,
    a: Operand<GpuBuffer>,
    b: Operand<GpuBuffer>,
    out: GpuView,
    layout: BroadcastLayout,
  ): void {
    binary(this.runtime, op, a, b, out, layout);
  }

  where(
    condition: GpuView,
    a: Operand<GpuBuffer>,
    b: Operand<GpuBuffer>,
    out: GpuView,
    layout: BroadcastLayout,
  ): void {
    where(this.runtime, condition, a, b, out, layout);
  }

  clip(x: GpuView, out: GpuView, low: number, high: number): void {
    clip(this.runtime, x, out, low, high);
  }

  reduce(op: ReduceOp, x: GpuView, out: GpuView, layout: AxisLayout): void {
    reduce(this.runtime, op, x, out, layout);
  }

  argmax(x: GpuView, out: GpuView, layout: AxisLayout): void {
    argmax(this.runtime, x, out, layout);
  }

  attention(views: Attention<GpuBuffer>, layout: AttentionLayout): void {
    attention(this.runtime, views, layout);
  }

  attentionBackward(
    views: AttentionBackward<GpuBuffer>,
    layout: AttentionLayout,
  ): void {
    attentionBackward(this.runtime, views, layout);
  }

  maxPool2d(
    x: GpuView,
    out: GpuView,
    indices: GpuView,
    geometry: PoolGeometry,
  ): void {
    maxPool2d(this.runtime, x, out, indices, geometry);
  }

  maxPool2dBackward(
    dy: GpuView,
    indices: GpuView,
    dx: GpuView,
    geometry: PoolGeometry,
  ): void {
    maxPool2dBackward(this.runtime, dy, indices, dx, geometry);
  }

  averagePool2d(x: GpuView, out: GpuView, geometry: PoolGeometry): void {
    averagePool2d(this.runtime, x, out, geometry);
  }

  averagePool2dBackward(
    dy: GpuView,
    dx: GpuView,
    geometry: PoolGeometry,
  ): void {
    averagePool2dBackward(this.runtime, dy, dx, geometry);
  }

  batchNormTraining(
    views: BatchNormTraining<GpuBuffer>,
    layout: MatrixLayout,
  ): void {
    batchNormTraining(this.runtime, views, layout);
  }

  batchNormBackward(
    views: BatchNormBackward<GpuBuffer>,
    layout: MatrixLayout,
  ): void {
    batchNormBackward(this.runtime, views, layout);
  }

  batchNormInference(
    views: BatchNormInference<GpuBuffer>,
    layout: MatrixLayout,
  ): void {
    batchNormInference(this.runtime, views, layout);
  }

  layerNorm(views: LayerNorm<GpuBuffer>, layout: MatrixLayout): void {
    layerNorm(this.runtime, views, layout);
  }

  layerNormBackward(
    views: LayerNormBackward<GpuBuffer>,
    layout: MatrixLayout,
  ): void {
    layerNormBackward(this.runtime, views, layout);
  }

  softmax(x: GpuView, out: GpuView, layout: SoftmaxLayout): void {
    softmax(this.runtime, x, out, layout);
  }

  softmaxBackward(
    y: GpuView,
    dy: GpuView,
    dx: GpuView,
    layout: SoftmaxLayout,
  ): void {
    softmaxBackward(this.runtime, y, dy, dx, layout);
  }

  crossEntropy(
    logits: GpuView,
    labels: GpuView,
    losses: GpuView,
    logSumExp: GpuView,
    layout: CrossEntropyLayout,
  ): void {
    crossEntropy(this.runtime, logits, labels, losses, logSumExp, layout);
  }

  crossEntropyBackward(
    logits: GpuView,
    labels: GpuView,
    logSumExp: GpuView,
    dLosses: GpuView,
    dLogits: GpuView,
    layout: CrossEntropyLayout,
  ): void {
    crossEntropyBackward(
      this.runtime,
      logits,
      labels,
      logSumExp,
      dLosses,
      dLogits,
      layout,
    );
  }

  gather(
    x: GpuView,
    indices: GpuView,
    out: GpuView,
    layout: IndexedLayout,
  ): void {
    gather(this.runtime, x, indices, out, layout);
  }

  scatterAdd(
    indices: GpuView,
    updates: GpuView,
    out: GpuView,
    layout: IndexedLayout,
  ): void {
    scatterAdd(this.runtime, indices, updates, out, layout);
  }

  randomUniform(out: GpuView, state: RandomState): void {
    randomUniform(this.runtime, out, state);
  }

  dropout(x: GpuView, out: GpuView, rate: number, state: RandomState): void {
    dropout(this.runtime, x, out, rate, state);
  }

  perturb(
    parameter: GpuView,
    gradient: GpuView,
    saved: GpuView,
    scale: Operand<GpuBuffer>,
    adaptive: boolean,
  ): void {
    perturb(this.runtime, parameter, gradient, saved, scale, adaptive);
  }

  maskedAdd(target: GpuView, x: GpuView, mask: GpuView): void {
    maskedAdd(this.runtime, target, x, mask);
  }

  sgdStep(
    parameter: GpuView,
    gradient: GpuView,
    velocity: GpuView | undefined,
    out: GpuView,
    gradientScale: Operand<GpuBuffer>,
    update: SgdUpdate,
  ): void {
    sgdStep(
      this.runtime,
      parameter,
      gradient,
      velocity,
      out,
      gradientScale,
      update,
    );
  }

  adamStep(
    parameter: GpuView,
    gradient: GpuView,
    mean: GpuView,
    square: GpuView,
    out: GpuView,
    gradientScale: Operand<GpuBuffer>,
    update: AdamUpdate,
  ): void {
    adamStep(
      this.runtime,
      parameter,
      gradient,
      mean,
      square,
      out,
      gradientScale,
      update,
    );
  }

  magnitudeThresholds(
    parts: readonly MagnitudePart<GpuBuffer>[],
    counts: readonly number[],
    exact: boolean,
    out: GpuView,
  ): void {
    magnitudeThresholds(this.runtime, parts, counts, exact, out);
  }

  pruneBelow(
    part: MagnitudePart<GpuBuffer>,
    thresholds: GpuView,
    mask: GpuView,
  ): void {
    pruneBelow(this.runtime, part, thresholds, mask);
  }

  pruneNM(
    x: GpuView,
    mask: GpuView,
    layout: Parameters<Backend["pruneNM"]>[2],
  ): void {
    pruneNM(this.runtime, x, mask, layout);
  }
}

/**
 * Opens the webgpu device.
 *
 * @param options Limits, preferences.
 * @param traits Tests force variants of kernels by other traits than the adapter has.
 * @throws {NoAdapterError} If there is no adapter.
 * @throws {DeviceError} If the adapter makes no device.
 * @throws {ArgumentError} If the tuning has something for this adapter that it cannot do.
 */
export async function openWebGpuBackend(
  options: DeviceOptions = {},
  traits: Partial<Traits> = {},
): Promise<WebGpuBackend> {
  const requested = await requestDevice(options);
  const { gpu, adapter, subgroups } = requested;
  const bindingBytes = Math.min(
    gpu.limits.maxStorageBufferBindingSize,
    options.maxBindingBytes ?? Infinity,
  );
  const maxBindingBytes = bindingBytes - bindingBytes % 256;
  const memoryLimit = options.memoryLimit ??
    (adapter.software ? SOFTWARE_MEMORY_LIMIT : Number.MAX_SAFE_INTEGER);
  const maxBufferBytes = gpu.limits.maxBufferSize;
  const info: DeviceInfo = {
    kind: "webgpu",
    description: adapter.description,
    software: adapter.software,
    threads: 1,
    dtypes: [
      "float32",
      "int32",
      "uint32",
      "bool",
      "uint8",
      "float16",
      "bfloat16",
    ],
    floatDTypes: gpu.features.has("shader-f16")
      ? ["float32", "float16"]
      : ["float32"],
    features: [...gpu.features].filter((feature) =>
      FEATURES.includes(feature as GPUFeatureName)
    ),
    maxBufferBytes: maxBufferBytes - maxBufferBytes % 16,
    maxBindingBytes,
    memoryLimit,
  };
  const runtime = new Runtime(requested, {
    maxBindingBytes,
    memoryLimit,
    traits: { subgroups, ...traits },
  });
  const { tuning = { version: 1, adapters: {} } } = options;
  try {
    return new WebGpuBackend(info, runtime, requested.identity, tuning);
  } catch (error) {
    runtime.close();
    throw error;
  }
}
