/** The kernels of the reference device, put together. */

import type { Backend, DeviceInfo } from "../backend.ts";
import { DTYPES } from "../dtype.ts";
import type { DeviceOptions } from "../open_device.ts";
import { attention, attentionBackward } from "./attention.ts";
import { HAS_FLOAT16, ReferenceBuffer } from "./buffer.ts";
import {
  conv2d,
  conv2dBackwardInput,
  conv2dBackwardWeight,
} from "./convolution.ts";
import { binary, clip, unary, where } from "./elementwise.ts";
import {
  adamStep,
  magnitudeThresholds,
  maskedAdd,
  perturb,
  pruneBelow,
  pruneNM,
  sgdStep,
} from "./flat.ts";
import { matmul } from "./matmul.ts";
import {
  batchNormBackward,
  batchNormInference,
  batchNormTraining,
  layerNorm,
  layerNormBackward,
} from "./normalization.ts";
import {
  averagePool2d,
  averagePool2dBackward,
  maxPool2d,
  maxPool2dBackward,
} from "./pooling.ts";
import { dropout, randomUniform } from "./random.ts";
import { argmax, reduce } from "./reduce.ts";
import {
  crossEntropy,
  crossEntropyBackward,
  softmax,
  softmaxBackward,
} from "./softmax.ts";
import { cast, fill, gather, scatterAdd, stridedCopy } from "./structure.ts";

/** The largest ArrayBuffer that engines on 64-bit machines are sure to have. */
const MAX_BUFFER_BYTES = 2 ** 32;

/**
 * The specification of all devices: plain loops that compute in double
 * precision and round once, when a result is stored.
 */
export class ReferenceBackend implements Backend<ReferenceBuffer> {
  readonly info: DeviceInfo;
  readonly #live = new Set<ReferenceBuffer>();

  constructor(options: DeviceOptions) {
    this.info = {
      kind: "reference",
      description: "TypeScript loops in double precision",
      software: false,
      threads: 1,
      dtypes: DTYPES,
      floatDTypes: [
        "float32",
        "float64",
        ...HAS_FLOAT16 ? ["float16" as const] : [],
      ],
      features: [],
      maxBufferBytes: MAX_BUFFER_BYTES,
      maxBindingBytes: MAX_BUFFER_BYTES,
      memoryLimit: options.memoryLimit ?? Infinity,
    };
  }

  allocate(byteLength: number): ReferenceBuffer {
    const buffer = new ReferenceBuffer(byteLength);
    this.#live.add(buffer);
    return buffer;
  }

  free(buffer: ReferenceBuffer): void {
    buffer.free();
    this.#live.delete(buffer);
  }

  write(buffer: ReferenceBuffer, byteOffset: number, bytes: Uint8Array): void {
    new Uint8Array(buffer.memory).set(bytes, byteOffset);
  }

  read(
    buffer: ReferenceBuffer,
    byteOffset: number,
    byteLength: number,
  ): Promise<Uint8Array> {
    const end = byteOffset + byteLength;
    return Promise.resolve(
      new Uint8Array(buffer.memory.slice(byteOffset, end)),
    );
  }

  synchronize(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    for (const buffer of this.#live) this.free(buffer);
  }

  readonly fill = fill;
  readonly stridedCopy = stridedCopy;
  readonly cast = cast;
  readonly unary = unary;
  readonly binary = binary;
  readonly where = where;
  readonly clip = clip;
  readonly reduce = reduce;
  readonly argmax = argmax;
  readonly gather = gather;
  readonly scatterAdd = scatterAdd;
  readonly matmul = matmul;
  readonly conv2d = conv2d;
  readonly conv2dBackwardInput = conv2dBackwardInput;
  readonly conv2dBackwardWeight = conv2dBackwardWeight;
  readonly maxPool2d = maxPool2d;
  readonly maxPool2dBackward = maxPool2dBackward;
  readonly averagePool2d = averagePool2d;
  readonly averagePool2dBackward = averagePool2dBackward;
  readonly batchNormTraining = batchNormTraining;
  readonly batchNormBackward = batchNormBackward;
  readonly batchNormInference = batchNormInference;
  readonly layerNorm = layerNorm;
  readonly layerNormBackward = layerNormBackward;
  readonly softmax = softmax;
  readonly softmaxBackward = softmaxBackward;
  readonly crossEntropy = crossEntropy;
  readonly crossEntropyBackward = crossEntropyBackward;
  readonly attention = attention;
  readonly attentionBackward = attentionBackward;
  readonly randomUniform = randomUniform;
  readonly dropout = dropout;
  readonly perturb = perturb;
  readonly maskedAdd = maskedAdd;
  readonly sgdStep = sgdStep;
  readonly adamStep = adamStep;
  readonly magnitudeThresholds = magnitudeThresholds;
  readonly pruneBelow = pruneBelow;
  readonly pruneNM = pruneNM;
}
