/**
 * jax-js in the comparison: a program that is asked what to do. Every work is one function
 * under `jit`. Images are `[N, C, H, W]` and weights `[out, in, H, W]` there.
 *
 * Functions consume their arguments, unless these are passed as `x.ref`; what
 * is traced here is never freed by hand, so each use is by `.ref`.
 *
 * @module
 */

import * as jax from "@jax-js/jax";
import { lax, nn, numpy as np } from "@jax-js/jax";
import { integers, sizeOf, uniform } from "../_uniform.ts";
import {
  imageInputs,
  initialValues,
  networkVariables,
  tokenInputs,
  type Variable,
} from "../network_data.ts";
import type { InferenceWork, TrainStepWork, Work } from "../works.ts";
import {
  CHECKED_STEPS,
  type LibraryOptions,
  type Prepared,
  thinOut,
} from "./library.ts";
import { bert, type Operations, resnet } from "./networks.ts";
import { serve, type Service } from "./serve.ts";

type Arr = jax.Array;

/** A function under `jit`, with what it is given, and how its results are ordered. */
interface Program {
  /** Returns new arrays, which the caller disposes of. */
  run(): Arr[];
  /** What else must be ready before a call is over. */
  state?(): jax.JsTree<Arr>;
  /** For each result, how its axes are permuted to this project's order. */
  readonly orders?: readonly (readonly number[] | undefined)[];
  dispose(): void;
}

const FROM_NHWC = [0, 3, 1, 2];
const TO_NHWC = [0, 2, 3, 1];
const FROM_HWIO = [3, 2, 0, 1];
const TO_HWIO = [2, 3, 1, 0];

/** Puts numbers on the device, with their axes permuted. */
function array(
  values: Float32Array,
  shape: readonly number[],
  order?: readonly number[],
): Arr {
  return np.array(
    (order ? permute(values, shape, order) : values) as Float32Array<
      ArrayBuffer
    >,
    { shape: order?.map((axis) => shape[axis]) ?? [...shape] },
  );
}

/** Permutes four axes: the library would do it anew in each call. */
function permute(
  values: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const [a, b, c, d] = order.map((axis) => shape[axis]);
  const [sa, sb, sc, sd] = order.map((axis) => strides[axis]);
  const permuted = new Float32Array(values.length);
  let next = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        for (let l = 0; l < d; l++) {
          permuted[next++] = values[i * sa + j * sb + k * sc + l * sd];
        }
      }
    }
  }
  return permuted;
}

function uniformArray(
  seed: number,
  shape: readonly number[],
  order?: readonly number[],
): Arr {
  return array(uniform(seed, sizeOf(shape)), shape, order);
}

function integerArray(values: Int32Array, shape: readonly number[]): Arr {
  return np.array(values as Int32Array<ArrayBuffer>, {
    shape: [...shape],
    dtype: np.int32,
  });
}

/** A function of inputs that stay the same. */
function program(
  f: (...inputs: Arr[]) => Arr[],
  inputs: readonly Arr[],
  orders?: Program["orders"],
): Program {
  const compiled = jax.jit(f);
  return {
    run: () => compiled(...inputs.map((input) => input.ref)) as Arr[],
    orders,
    dispose() {
      compiled.dispose();
      for (const input of inputs) input.dispose();
    },
  };
}

/**
 * A function's output and the gradients for a gradient of it, which is the last
 * input. An output that nobody asks for would not be computed under `jit`.
 */
function outputAndGradients(
  f: (...sources: Arr[]) => Arr,
  inputs: readonly Arr[],
  orders?: Program["orders"],
): Program {
  return program(
    (...all) => {
      const dy = all.pop() as Arr;
      const [y, back] = jax.vjp(f, all);
      const result = back(dy) as unknown as Arr[];
      back.dispose();
      return [y, ...result];
    },
    inputs,
    orders,
  );
}

function conv(
  x: Arr,
  weight: Arr,
  stride: number,
  padding: number,
): Arr {
  const pair: [number, number] = [padding, padding];
  return lax.convGeneralDilated(x, weight, [stride, stride], [pair, pair]);
}

function normalize(
  x: Arr,
  scale: Arr,
  bias: Arr,
  axes: number[],
  epsilon: number,
): Arr {
  const mean = np.mean(x.ref, axes, { keepdims: true });
  const centered = np.subtract(x.ref, mean);
  const variance = np.mean(np.square(centered.ref), axes, { keepdims: true });
  const deviation = np.sqrt(np.add(variance, epsilon));
  return np.add(
    np.multiply(np.divide(centered, deviation), scale),
    bias,
  );
}

/** Of a vector over channels: `[C, 1, 1]`. */
function perChannel(x: Arr): Arr {
  return np.reshape(x.ref, [x.shape[0], 1, 1]);
}

function batchNorm(x: Arr, scale: Arr, bias: Arr): Arr {
  return normalize(x, perChannel(scale), perChannel(bias), [0, 2, 3], 1e-5);
}

/** The mean cross-entropy. */
function crossEntropy(logits: Arr, targets: Arr): Arr {
  const [rows] = logits.shape;
  const terms = np.multiply(nn.logSoftmax(logits.ref, -1), targets.ref);
  return np.multiply(np.sum(terms), -1 / rows);
}

function oneHot(labels: Int32Array, classes: number): Arr {
  const values = new Float32Array(labels.length * classes);
  labels.forEach((label, row) => values[row * classes + label] = 1);
  return array(values, [labels.length, classes]);
}

function gelu(x: Arr): Arr {
  return nn.gelu(x.ref, { approximate: false });
}

const OPERATIONS: Operations<Arr> = {
  conv2d: (x, weight, stride, padding) =>
    conv(x.ref, weight.ref, stride, padding),
  batchNorm(x, { scale, bias, mean, variance }, training) {
    if (training) return batchNorm(x, scale, bias);
    const deviation = np.sqrt(np.add(variance.ref, 1e-5));
    const factor = np.divide(scale.ref, deviation);
    const shift = np.subtract(bias.ref, np.multiply(mean.ref, factor.ref));
    const scaled = np.multiply(x.ref, perChannel(factor));
    return np.add(scaled, perChannel(shift));
  },
  relu: (x) => nn.relu(x.ref),
  add: (x, y) => np.add(x.ref, y.ref),
  maxPool(x) {
    // Its inputs are not negative, so that 0 never wins where it should not.
    const padded = np.pad(x.ref, [[0, 0], [0, 0], [1, 1], [1, 1]]);
    return lax.reduceWindow(
      padded,
      (window) => np.max(window),
      [3, 3],
      [2, 2],
    );
  },
  averagePool: (x) => np.mean(x.ref, [2, 3]),
  linear: (x, weight, bias) => np.add(np.matmul(x.ref, weight.ref), bias.ref),
  embedding: (table, indices) => np.take(table.ref, indices.ref, 0),
  firstRows: (table, rows) => table.ref.slice([0, rows]),
  layerNorm: (x, scale, bias, epsilon) =>
    normalize(x, scale.ref, bias.ref, [-1], epsilon),
  gelu,
  attention(query, key, value, heads) {
    const [batch, length, width] = query.shape;
    const split = (x: Arr) =>
      np.reshape(x.ref, [batch, length, heads, width / heads]);
    const seen = nn.dotProductAttention(split(query), split(key), split(value));
    return np.reshape(seen, [batch, length, width]);
  },
  unstack: (x) => np.unstack(x.ref, -1) as [Arr, Arr],
};

type Network = InferenceWork["model"];

/** The network's result of inputs and variables by name. */
function networkOf(
  model: Network,
  training: boolean,
): (inputs: Arr[], variables: Record<string, Arr>) => Arr[] {
  return (inputs, variables) => {
    const get = (name: string) => variables[name];
    if (model.family === "resnet") {
      return [resnet(OPERATIONS, get, model, inputs[0], training)];
    }
    const [ids, types] = inputs;
    return bert(OPERATIONS, get, model, { ids, types, length: ids.shape[1] });
  };
}

function variableArray(variable: Variable): Arr {
  const order = variable.axes === "convolution" ? FROM_HWIO : undefined;
  return array(initialValues(variable), variable.shape, order);
}

function inputsOf(work: TrainStepWork | InferenceWork): {
  inputs: Arr[];
  targets: Arr[];
} {
  const { model, batch, size } = work;
  if (model.family === "resnet") {
    const { images, labels } = imageInputs(work, model);
    return {
      inputs: [array(images, [batch, size, size, 3], FROM_NHWC)],
      targets: [oneHot(labels, model.classes)],
    };
  }
  const { ids, start, end } = tokenInputs(work);
  const types = new Int32Array(batch * size);
  return {
    inputs: [ids, types].map((x) => integerArray(x, [batch, size])),
    targets: [start, end].map((places) => oneHot(places, size)),
  };
}

/** The parts of the state of a training. */
interface State {
  readonly parameters: Record<string, Arr>;
  readonly first: Record<string, Arr>;
  readonly second: Record<string, Arr>;
  readonly step: Arr;
}

/** How a parameter and its moments change; the library's optimizers are not on npm at this version. */
function updateOf(work: TrainStepWork) {
  const { optimizer, learningRate, weightDecay } = work;
  if (optimizer === "sgd") {
    return (p: Arr, g: Arr, [m]: readonly Arr[]): Arr[] => {
      const decayed = np.add(g, np.multiply(p.ref, weightDecay));
      const velocity = np.add(np.multiply(m, 0.9), decayed);
      const next = np.subtract(p, np.multiply(velocity.ref, learningRate));
      return [next, velocity];
    };
  }
  return (p: Arr, g: Arr, [m, v]: readonly Arr[], step: Arr): Arr[] => {
    const mean = np.add(np.multiply(m, 0.9), np.multiply(g.ref, 0.1));
    const square = np.add(
      np.multiply(v, 0.999),
      np.multiply(np.square(g), 0.001),
    );
    const correction = (beta: number) =>
      np.subtract(1, np.exp(np.multiply(step.ref, Math.log(beta))));
    const root = np.sqrt(np.divide(square.ref, correction(0.999)));
    const update = np.divide(
      np.divide(mean.ref, correction(0.9)),
      np.add(root, 1e-8),
    );
    const next = np.subtract(p, np.multiply(update, learningRate));
    return [next, mean, square];
  };
}

function trainStep(work: TrainStepWork): Program {
  const { model, optimizer } = work;
  if (optimizer !== "sgd" && optimizer !== "adam") {
    throw new Error(`jax-js has no ${optimizer}`);
  }
  const network = networkOf(model, true);
  const variables = networkVariables(model)
    .filter(({ trainable }) => trainable);
  const { inputs, targets } = inputsOf(work);
  const loss = (
    parameters: Record<string, Arr>,
    inputs: Arr[],
    targets: Arr[],
  ): Arr => {
    const losses = network(inputs, parameters)
      .map((logits, i) => crossEntropy(logits, targets[i]));
    return np.multiply(
      losses.reduce((a, b) => np.add(a, b)),
      1 / losses.length,
    );
  };
  const update = updateOf(work);
  const step = jax.jit((state: State, inputs: Arr[], targets: Arr[]) => {
    const [value, gradient] = jax.valueAndGrad(loss)(
      jax.tree.ref(state.parameters),
      inputs,
      targets,
    ) as unknown as [Arr, Record<string, Arr>];
    const count = np.add(state.step, 1);
    const parts: Record<string, Arr>[] = [{}, {}, {}];
    for (const name of Object.keys(state.parameters)) {
      const moments = optimizer === "sgd"
        ? [state.first[name]]
        : [state.first[name], state.second[name]];
      update(state.parameters[name], gradient[name], moments, count)
        .forEach((part, i) => parts[i][name] = part);
    }
    const [parameters, first, second] = parts;
    return { state: { parameters, first, second, step: count }, value };
  });
  const named = (make: (variable: Variable) => Arr) =>
    Object.fromEntries(variables.map((v) => [v.name, make(v)]));
  const zeros = () => {
    return named((v) => variableArray({ ...v, offset: 0, scale: 0 }));
  };
  let state: State = {
    parameters: named(variableArray),
    first: zeros(),
    second: optimizer === "adam" ? zeros() : {},
    step: np.array(new Float32Array([0]), { shape: [] }),
  };
  return {
    run() {
      const result = step(
        state as never,
        inputs.map((x) => x.ref) as never,
        targets.map((x) => x.ref) as never,
      ) as unknown as { state: State; value: Arr };
      state = result.state;
      return [result.value];
    },
    state: () => state as never,
    dispose() {
      step.dispose();
      jax.tree.dispose([state as never, inputs, targets]);
    },
  };
}

function inference(work: InferenceWork): Program {
  const network = networkOf(work.model, false);
  const { inputs, targets } = inputsOf(work);
  jax.tree.dispose(targets);
  const variables = Object.fromEntries(
    networkVariables(work.model).map((v) => [v.name, variableArray(v)]),
  );
  const compiled = jax.jit(network);
  return {
    run: () =>
      compiled(
        inputs.map((x) => x.ref) as never,
        jax.tree.ref(variables) as never,
      ) as Arr[],
    dispose() {
      compiled.dispose();
      jax.tree.dispose([inputs, variables]);
    },
  };
}

function make(work: Work): Program {
  switch (work.kind) {
    case "matmul": {
      const { m, n, k, transposeA, transposeB } = work;
      const a = uniformArray(1, transposeA ? [k, m] : [m, k]);
      const b = uniformArray(2, transposeB ? [n, k] : [k, n]);
      return program((a, b) => [
        np.matmul(
          transposeA ? np.transpose(a) : a,
          transposeB ? np.transpose(b) : b,
        ),
      ], [a, b]);
    }
    case "conv2d": {
      const { batch, size, channels, outChannels, kernel, outSize } = work;
      const { stride, padding, direction } = work;
      const x = uniformArray(1, [batch, size, size, channels], FROM_NHWC);
      const weight = uniformArray(
        2,
        [kernel, kernel, channels, outChannels],
        FROM_HWIO,
      );
      if (direction === "forward") {
        return program((x, weight) => [conv(x, weight, stride, padding)], [
          x,
          weight,
        ], [TO_NHWC]);
      }
      const dy = uniformArray(
        3,
        [batch, outSize, outSize, outChannels],
        FROM_NHWC,
      );
      const toInput = direction === "backward-input";
      return program(
        (x, weight, dy) => {
          const [y, back] = toInput
            ? jax.vjp((x: Arr) => conv(x, weight.ref, stride, padding), [x])
            : jax.vjp(
              (weight: Arr) => conv(x.ref, weight, stride, padding),
              [weight],
            );
          y.dispose();
          const result = back(dy) as unknown as Arr[];
          back.dispose();
          return result;
        },
        [x, weight, dy],
        [toInput ? TO_NHWC : TO_HWIO],
      );
    }
    case "attention": {
      const shape = [work.batch, work.length, work.heads, work.depth];
      return outputAndGradients(
        (query, key, value) => nn.dotProductAttention(query, key, value),
        [1, 2, 3, 4].map((seed) => uniformArray(seed, shape)),
      );
    }
    case "train-step":
      return trainStep(work);
    case "inference":
      return inference(work);
  }
  const { kind, shape } = work;
  const features = shape[shape.length - 1];
  if (kind === "cross-entropy") {
    const targets = oneHot(integers(2, shape[0], 0, features), features);
    return program(
      (x, targets) =>
        jax.valueAndGrad((x: Arr) => crossEntropy(x, targets))(x) as Arr[],
      [uniformArray(1, shape), targets],
    );
  }
  if (kind === "softmax" || kind === "gelu") {
    return outputAndGradients(
      kind === "gelu" ? gelu : (x) => nn.softmax(x, -1),
      [uniformArray(1, shape), uniformArray(3, shape)],
    );
  }
  const isBatch = kind === "batch-norm";
  const order = isBatch ? FROM_NHWC : undefined;
  return outputAndGradients(
    isBatch
      ? batchNorm
      : (x, scale, bias) => normalize(x, scale, bias, [-1], 1e-5),
    [
      uniformArray(1, shape, order),
      uniformArray(4, [features]),
      uniformArray(5, [features]),
      uniformArray(3, shape, order),
    ],
    isBatch ? [TO_NHWC, TO_NHWC] : undefined,
  );
}

function prepare(work: Work): Promise<Prepared> {
  const made = make(work);
  return Promise.resolve({
    async outputs() {
      const found: number[][] = [];
      const runs = work.kind === "train-step" ? CHECKED_STEPS : 1;
      for (let i = 0; i < runs; i++) {
        for (const [k, output] of made.run().entries()) {
          const order = made.orders?.[k];
          const ordered = order ? np.transpose(output, [...order]) : output;
          found.push(thinOut(await ordered.data()));
        }
      }
      return found;
    },
    async time(calls) {
      const start = performance.now();
      const outputs: Arr[] = [];
      // What is disposed of before it is waited for is not computed at all.
      for (let call = 0; call < calls; call++) outputs.push(...made.run());
      await jax.blockUntilReady([outputs, made.state?.() ?? []] as never);
      for (const output of outputs) output.dispose();
      return (performance.now() - start) / calls;
    },
    dispose: () => made.dispose(),
  });
}

async function open({ device, threads }: LibraryOptions): Promise<Service> {
  // The library takes as many threads as there are cores.
  Object.defineProperty(navigator, "hardwareConcurrency", {
    configurable: true,
    value: threads,
  });
  const kind = device === "webgpu" ? "webgpu" : "wasm";
  const available = await jax.init(kind);
  if (!available.includes(kind)) throw new Error(`jax-js has no ${kind} here`);
  jax.defaultDevice(kind);
  const info = { name: "jax-js", version: "0.1.25" };
  if (device === "cpu") return { info: { ...info, threads }, prepare };
  const adapter = await navigator.gpu.requestAdapter();
  return {
    info: { ...info, threads: 0, adapter: adapter?.info.description },
    prepare,
  };
}

await serve(open);
