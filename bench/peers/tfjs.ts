/**
 * TensorFlow.js in the comparison: a program that is asked what to do. `wasm` on the CPU, which
 * has one thread where it takes its surroundings for Node, as in Deno.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
// Brings the gradients, which the core alone does not have in Deno.
import "@tensorflow/tfjs-layers";
import {
  getThreadsCount,
  setThreadsCount,
} from "@tensorflow/tfjs-backend-wasm";
import { integers, sizeOf, uniform } from "../_uniform.ts";
import {
  imageInputs,
  initialValues,
  networkVariables,
  tokenInputs,
  type Variable,
} from "../network_data.ts";
import type {
  AttentionWork,
  Conv2dWork,
  InferenceWork,
  OperationWork,
  TrainStepWork,
  Work,
} from "../works.ts";
import {
  CHECKED_STEPS,
  type LibraryOptions,
  type Prepared,
  thinOut,
} from "./library.ts";
import { bert, type Operations, resnet } from "./networks.ts";
import { serve, type Service } from "./serve.ts";

/** Computes the outputs of a work; called in a `tidy`. */
type Run = () => tf.Tensor[];

function uniformTensor(seed: number, shape: readonly number[]): tf.Tensor {
  return tf.tensor(uniform(seed, sizeOf(shape)), [...shape]);
}

function conv2d(work: Conv2dWork): Run {
  const { direction, batch, size, channels, outChannels } = work;
  const { kernel, stride, padding, outSize } = work;
  const xShape = [batch, size, size, channels];
  const weightShape = [kernel, kernel, channels, outChannels];
  const x = uniformTensor(1, xShape) as tf.Tensor4D;
  const weight = uniformTensor(2, weightShape) as tf.Tensor4D;
  const dy = uniformTensor(3, [batch, outSize, outSize, outChannels]);
  const attributes = {
    strides: [stride, stride],
    pad: padding,
    dataFormat: "NHWC",
    dimRoundingMode: "floor",
  };
  switch (direction) {
    case "forward":
      return () => [
        tf.conv2d(x, weight, stride, padding, "NHWC", 1, "floor"),
      ];
    case "backward-input":
      return () => [
        tf.engine().runKernel(
          tf.Conv2DBackpropInput,
          { dy, filter: weight },
          { ...attributes, inputShape: xShape },
        ) as tf.Tensor,
      ];
    case "backward-weight":
      return () => [
        tf.engine().runKernel(
          tf.Conv2DBackpropFilter,
          { x, dy },
          { ...attributes, filterShape: weightShape },
        ) as tf.Tensor,
      ];
  }
}

/** Normalizes over axes; the library has no fused operation for training. */
function normalize(
  x: tf.Tensor,
  scale: tf.Tensor,
  bias: tf.Tensor,
  axes: number[],
  epsilon: number,
): tf.Tensor {
  const keep = axes[axes.length - 1] === x.rank - 1;
  const { mean, variance } = tf.moments(x, axes, keep);
  return keep
    ? tf.add(
      tf.mul(
        tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))),
        scale,
      ),
      bias,
    )
    : tf.batchNorm(
      x as tf.Tensor4D,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      bias as tf.Tensor1D,
      scale as tf.Tensor1D,
      epsilon,
    );
}

function gelu(x: tf.Tensor): tf.Tensor {
  const phi = tf.mul(0.5, tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));
  return tf.mul(x, phi);
}

function attention(
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
): tf.Tensor {
  const [q, k, v] = [query, key, value].map((x) =>
    tf.transpose(x, [0, 2, 1, 3])
  );
  const scores = tf.mul(
    tf.matMul(q, k, false, true),
    1 / Math.sqrt(query.shape[3] as number),
  );
  return tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]);
}

function crossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  return tf.losses.softmaxCrossEntropy(targets, logits) as tf.Scalar;
}

function oneHot(labels: Int32Array, classes: number): tf.Tensor {
  return tf.cast(tf.oneHot(tf.tensor1d(labels, "int32"), classes), "float32");
}

function outputAndGradients(
  f: (...sources: tf.Tensor[]) => tf.Tensor,
  sources: tf.Tensor[],
  dy?: tf.Tensor,
): Run {
  const run = tf.valueAndGrads(f);
  return () => {
    const { value, grads } = run(sources, dy);
    return [value, ...grads];
  };
}

function operation({ kind, shape }: OperationWork): Run {
  const x = uniformTensor(1, shape);
  const features = shape[shape.length - 1];
  if (kind === "cross-entropy") {
    const targets = oneHot(integers(2, shape[0], 0, features), features);
    return outputAndGradients((x) => crossEntropy(x, targets), [x]);
  }
  const dy = uniformTensor(3, shape);
  if (kind === "softmax") {
    return outputAndGradients((x) => tf.softmax(x), [x], dy);
  }
  if (kind === "gelu") return outputAndGradients(gelu, [x], dy);
  const scale = uniformTensor(4, [features]);
  const bias = uniformTensor(5, [features]);
  const axes = kind === "layer-norm" ? [shape.length - 1] : [0, 1, 2];
  return outputAndGradients(
    (x, scale, bias) => normalize(x, scale, bias, axes, 1e-5),
    [x, scale, bias],
    dy,
  );
}

function attentionGradients(work: AttentionWork): Run {
  const shape = [work.batch, work.length, work.heads, work.depth];
  const [query, key, value, dy] = [1, 2, 3, 4].map((seed) =>
    uniformTensor(seed, shape)
  );
  return outputAndGradients(attention, [query, key, value], dy);
}

const OPERATIONS: Operations<tf.Tensor> = {
  conv2d: (x, weight, stride, padding) =>
    tf.conv2d(
      x as tf.Tensor4D,
      weight as tf.Tensor4D,
      stride,
      padding,
      "NHWC",
      1,
      "floor",
    ),
  batchNorm: (x, { scale, bias, mean, variance }, training) =>
    training ? normalize(x, scale, bias, [0, 1, 2], 1e-5) : tf.batchNorm(
      x as tf.Tensor4D,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      bias as tf.Tensor1D,
      scale as tf.Tensor1D,
      1e-5,
    ),
  relu: tf.relu,
  add: tf.add,
  maxPool: (x) => tf.maxPool(x as tf.Tensor4D, 3, 2, 1, "floor"),
  averagePool: (x) => tf.mean(x, [1, 2]),
  linear(x, weight, bias) {
    const features = x.shape[x.rank - 1];
    const y = tf.add(tf.matMul(tf.reshape(x, [-1, features]), weight), bias);
    return tf.reshape(y, [...x.shape.slice(0, -1), weight.shape[1] as number]);
  },
  embedding: (table, indices) => tf.gather(table, indices as tf.Tensor1D),
  firstRows: (table, rows) => tf.slice(table, [0, 0], [rows, -1]),
  layerNorm: (x, scale, bias, epsilon) =>
    normalize(x, scale, bias, [x.rank - 1], epsilon),
  gelu,
  attention(query, key, value, heads) {
    const [batch, length, width] = query.shape;
    const split = (x: tf.Tensor) =>
      tf.reshape(x, [batch, length, heads, width / heads]);
    const seen = attention(split(query), split(key), split(value));
    return tf.reshape(seen, [batch, length, width]);
  },
  unstack: (x) => tf.unstack(x, 2) as [tf.Tensor, tf.Tensor],
};

function variablesOf(model: InferenceWork["model"]): {
  readonly all: Map<string, tf.Tensor>;
  readonly trainable: tf.Variable[];
} {
  const make = (variable: Variable) => {
    const shape = [...variable.shape];
    return tf.variable(
      tf.tensor(initialValues(variable), shape),
      variable.trainable,
      undefined,
    );
  };
  const made = networkVariables(model).map((variable) =>
    [variable, make(variable)] as const
  );
  return {
    all: new Map(made.map(([{ name }, value]) => [name, value])),
    trainable: made.filter(([{ trainable }]) => trainable)
      .map(([, value]) => value),
  };
}

function lookup(all: ReadonlyMap<string, tf.Tensor>) {
  return (name: string) => all.get(name) as tf.Tensor;
}

function tokens(work: TrainStepWork | InferenceWork) {
  const { ids, start, end } = tokenInputs(work);
  const shape = [work.batch, work.size];
  return {
    inputs: {
      ids: tf.tensor(ids, shape, "int32"),
      types: tf.zeros(shape, "int32"),
      length: work.size,
    },
    targets: [start, end].map((places) => oneHot(places, work.size)),
  };
}

function trainStep(work: TrainStepWork): Run {
  const { model, batch, size, learningRate, weightDecay } = work;
  if (work.optimizer !== "sgd" && work.optimizer !== "adam") {
    throw new Error(`TensorFlow.js has no ${work.optimizer}`);
  }
  const optimizer = work.optimizer === "sgd"
    ? tf.train.momentum(learningRate, 0.9)
    : tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
  const { all, trainable } = variablesOf(model);
  const get = lookup(all);
  let loss: () => tf.Scalar;
  if (model.family === "resnet") {
    const { images, labels } = imageInputs(work, model);
    const x = tf.tensor(images, [batch, size, size, 3]);
    const targets = oneHot(labels, model.classes);
    loss = () => crossEntropy(resnet(OPERATIONS, get, model, x, true), targets);
  } else {
    const { inputs, targets } = tokens(work);
    loss = () => {
      const [start, end] = bert(OPERATIONS, get, model, inputs)
        .map((logits, i) => crossEntropy(logits, targets[i]));
      return tf.mul(tf.add(start, end), 0.5);
    };
  }
  const byName = new Map(
    trainable.map((variable) => [variable.name, variable]),
  );
  return () => {
    const { value, grads } = tf.variableGrads(loss, trainable);
    if (weightDecay > 0) {
      for (const [name, variable] of byName) {
        grads[name] = tf.add(grads[name], tf.mul(variable, weightDecay));
      }
    }
    optimizer.applyGradients(
      grads as Parameters<typeof optimizer.applyGradients>[0],
    );
    return [value];
  };
}

function inference(work: InferenceWork): Run {
  const { model, batch, size } = work;
  const get = lookup(variablesOf(model).all);
  if (model.family === "resnet") {
    const { images } = imageInputs(work, model);
    const x = tf.tensor(images, [batch, size, size, 3]);
    return () => [resnet(OPERATIONS, get, model, x, false)];
  }
  const { inputs } = tokens(work);
  return () => bert(OPERATIONS, get, model, inputs);
}

function make(work: Work): Run {
  switch (work.kind) {
    case "matmul": {
      const { m, n, k, transposeA, transposeB } = work;
      const a = uniformTensor(1, transposeA ? [k, m] : [m, k]);
      const b = uniformTensor(2, transposeB ? [n, k] : [k, n]);
      return () => [tf.matMul(a, b, transposeA, transposeB)];
    }
    case "conv2d":
      return conv2d(work);
    case "attention":
      return attentionGradients(work);
    case "train-step":
      return trainStep(work);
    case "inference":
      return inference(work);
    default:
      return operation(work);
  }
}

/** Waits until the GPU has done all that it was given. */
async function synchronize(): Promise<void> {
  if (tf.getBackend() !== "webgpu") return;
  const backend = tf.backend() as unknown as {
    readonly commandEncoder: GPUCommandEncoder | null;
    endComputePassEncoder(): void;
    submitQueue(): void;
    readonly queue: GPUQueue;
  };
  if (backend.commandEncoder !== null) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
  await backend.queue.onSubmittedWorkDone();
}

function prepare(work: Work): Promise<Prepared> {
  tf.engine().startScope();
  const run = make(work);
  return Promise.resolve({
    async outputs() {
      const found: number[][] = [];
      const runs = work.kind === "train-step" ? CHECKED_STEPS : 1;
      for (let i = 0; i < runs; i++) {
        const outputs = tf.tidy(run);
        for (const output of outputs) found.push(thinOut(await output.data()));
        tf.dispose(outputs);
      }
      return found;
    },
    async time(calls) {
      await synchronize();
      const start = performance.now();
      for (let call = 0; call < calls; call++) tf.dispose(tf.tidy(run));
      await synchronize();
      return (performance.now() - start) / calls;
    },
    dispose() {
      tf.engine().endScope();
      tf.disposeVariables();
    },
  });
}

async function open({ device, threads }: LibraryOptions): Promise<Service> {
  const info = { name: "tfjs", version: tf.version_core, threads: 0 };
  if (device === "webgpu") {
    await import("@tensorflow/tfjs-backend-webgpu");
    await tf.setBackend("webgpu");
    const adapter = await navigator.gpu.requestAdapter();
    return { info: { ...info, adapter: adapter?.info.description }, prepare };
  }
  setThreadsCount(threads);
  await tf.setBackend("wasm");
  return { info: { ...info, threads: getThreadsCount() }, prepare };
}

await serve(open);
