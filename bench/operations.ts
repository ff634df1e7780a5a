/**
 * Operations together with their gradients, for a gradient of the output that
 * is given.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  batchNorm,
  type Device,
  gelu,
  layerNorm,
  ones,
  scaledDotProductAttention,
  softmax,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
  zeros,
} from "@cram/tensor";
import type { Benchmark } from "./_benchmark.ts";
import { integers } from "./_uniform.ts";
import { uniformTensor } from "./_uniform_tensor.ts";
import type { AttentionWork, OperationWork } from "./works.ts";

/** An operation with what its gradients are asked for. */
interface Prepared {
  readonly forward: () => Tensor;
  readonly sources: readonly Tensor[];
  /** The gradient of the output; 1 if it is left out. */
  readonly seed?: Tensor;
}

function prepare({ kind, shape }: OperationWork, device: Device): Prepared {
  const x = uniformTensor(device, 1, shape);
  const features = shape[shape.length - 1];
  if (kind === "cross-entropy") {
    const [rows] = shape;
    const labels = tensor(device, integers(2, rows, 0, features));
    return { forward: () => softmaxCrossEntropy(x, labels), sources: [x] };
  }
  const seed = uniformTensor(device, 3, shape);
  if (kind === "softmax") {
    return { forward: () => softmax(x), sources: [x], seed };
  }
  if (kind === "gelu") return { forward: () => gelu(x), sources: [x], seed };
  const scale = uniformTensor(device, 4, [features]);
  const bias = uniformTensor(device, 5, [features]);
  const sources = [x, scale, bias];
  if (kind === "layer-norm") {
    return { forward: () => layerNorm(x, { scale, bias }), sources, seed };
  }
  const mean = zeros(device, [features]);
  const variance = ones(device, [features]);
  const parameters = { scale, bias, mean, variance };
  const forward = () => batchNorm(x, parameters, { training: true });
  return { forward, sources, seed };
}

function outputAndGradients(
  forward: () => Tensor,
  sources: readonly Tensor[],
  seed: Tensor | undefined,
): Tensor[] {
  const { value, gradients } = valueAndGrad(forward, sources, { seed });
  return [value, ...gradients];
}

/** How this project does it. */
export function operationBenchmark(work: OperationWork): Benchmark {
  return {
    name: work.name,
    prepare(device) {
      const { forward, sources, seed } = prepare(work, device);
      return () => outputAndGradients(forward, sources, seed);
    },
  };
}

/** How this project does it. */
export function attentionBenchmark(work: AttentionWork): Benchmark {
  const { name, flops, batch, length, heads, depth } = work;
  return {
    name,
    flops,
    prepare(device) {
      const make = (seed: number) =>
        uniformTensor(device, seed, [batch, length, heads, depth]);
      const [query, key, value] = [make(1), make(2), make(3)];
      const seed = make(4);
      return () =>
        outputAndGradients(
          () => scaledDotProductAttention(query, key, value),
          [query, key, value],
          seed,
        );
    },
  };
}
