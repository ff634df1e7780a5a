/**
 * Rows of the operation table: kernels over flat ranges of parameters. They
 * write in place, so each call works on copies and joins what it wrote.
 *
 * @module
 */

import { cast, concat, copy, flatten, type Tensor, zeros } from "@cram/tensor";
import * as flat from "@cram/tensor/flat";
import { type HostTensor, Samples } from "../host_tensor.ts";
import { EXACT, type Op, type OpCase, type Tolerance } from "./op.ts";

const samples = new Samples(909);

/** Lengths around vectors, parts and workgroups. */
const LENGTHS = [0, 1, 3, 7, 64, 1030];

const UPDATE: Tolerance = {
  cpu: 1e-6,
  webgpu: 2e-6,
  scale: 1,
  reason: "rounds each of a few terms",
};

function row(name: string, tolerance: Tolerance, cases: OpCase[]): Op {
  return {
    name,
    tolerance,
    single: "all",
    cases: cases.map(({ run, ...call }) => ({
      ...call,
      run: (...inputs) => {
        using scope = inputs[0].device.scope();
        return scope.keep(run(...inputs));
      },
    })),
    gradchecks: [],
  };
}

/** A case for each length: `operands` vectors of random numbers. */
function forLengths(
  name: string,
  operands: number,
  run: (...inputs: Tensor[]) => Tensor,
  make = (length: number): HostTensor => samples.floats([length]),
): OpCase[] {
  return LENGTHS.map((length) => ({
    name: `${name} of ${length}`,
    inputs: Array.from({ length: operands }, () => make(length)),
    run,
  }));
}

/** What was written, in one tensor of the first one's dtype. */
function joined(...written: readonly Tensor[]): Tensor {
  const { dtype } = written[0];
  return concat(written.map((x) => flatten(cast(x, dtype))));
}

function perturb(scale: number, adaptive: boolean, onDevice = false) {
  return (x: Tensor, gradient: Tensor, scalar?: Tensor): Tensor => {
    const [parameter, saved] = [copy(x), copy(gradient)];
    const factor = onDevice && scalar !== undefined ? scalar : scale;
    flat.perturb(parameter, gradient, saved, factor, { adaptive });
    return joined(parameter, saved);
  };
}

/** Calls with a scale on the device: 1/2, and 0 with gradients that must not be looked at then. */
function leftOutCases(
  name: string,
  operands: number,
  run: (...inputs: Tensor[]) => Tensor,
): OpCase[] {
  const length = 67;
  const others = Array.from(
    { length: operands - 2 },
    () => samples.floats([length], 0.25, 1),
  );
  const broken = samples.from([length], (i) => i % 2 === 0 ? NaN : Infinity);
  return [
    {
      name: `${name}, a scalar on the device`,
      inputs: [
        samples.floats([length]),
        samples.floats([length]),
        ...others,
        samples.from([], () => 0.5),
      ],
      run,
    },
    {
      name: `${name}, left out`,
      inputs: [
        samples.floats([length]),
        broken,
        ...others,
        samples.from([], () => 0),
      ],
      run,
    },
  ];
}

const perturbation = row("perturb", UPDATE, [
  ...forLengths("a number", 2, perturb(0.05, false)),
  ...forLengths("adaptive", 2, perturb(0.05, true)),
  ...leftOutCases("plain", 2, perturb(0, false, true)),
  ...leftOutCases("adaptive", 2, perturb(0, true, true)),
]);

const maskedAdd = row(
  "maskedAdd",
  EXACT,
  LENGTHS.map((length) => ({
    name: `of ${length}`,
    inputs: [
      samples.floats([length]),
      // What the mask hides is not added, whatever it is.
      samples.from([length], (i) => i % 3 === 0 ? NaN : i / 8),
      samples.from([length], (i) => i % 3 === 0 ? 0 : 1, "bool"),
    ],
    run: (target, x, mask) => {
      const sum = copy(target);
      flat.maskedAdd(sum, x, mask);
      return sum;
    },
  })),
);

function sgd(
  momentum: number,
  options: { readonly nesterov?: boolean; readonly first?: boolean } = {},
) {
  return (
    x: Tensor,
    gradient: Tensor,
    v: Tensor,
    gradientScale: Tensor | number = 0.5,
  ): Tensor => {
    const [parameter, velocity] = [copy(x), copy(v)];
    const withMomentum = momentum === 0 ? {} : { velocity };
    flat.sgdStep({ parameter, gradient, gradientScale, ...withMomentum }, {
      learningRate: 0.1,
      momentum,
      dampening: 0.125,
      nesterov: options.nesterov ?? false,
      weightDecay: 0.01,
      first: options.first ?? false,
    });
    return joined(parameter, velocity);
  };
}

const sgdStep = row("sgdStep", UPDATE, [
  ...forLengths("without momentum", 3, sgd(0)),
  ...forLengths("momentum", 3, sgd(0.9)),
  ...forLengths("Nesterov", 3, sgd(0.9, { nesterov: true })),
  ...forLengths("the first step", 3, sgd(0.9, { first: true })),
  ...leftOutCases("without momentum", 3, sgd(0)),
  ...leftOutCases("momentum", 3, sgd(0.9)),
  ...leftOutCases("Nesterov", 3, sgd(0.9, { nesterov: true })),
  ...leftOutCases("the first step", 3, sgd(0.9, { first: true })),
]);

function adam(decoupled: boolean) {
  return (
    x: Tensor,
    gradient: Tensor,
    m: Tensor,
    v: Tensor,
    gradientScale: Tensor | number = 1,
  ): Tensor => {
    const [parameter, mean, square] = [copy(x), copy(m), copy(v)];
    flat.adamStep({ parameter, gradient, mean, square, gradientScale }, {
      learningRate: 0.01,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.1,
      decoupled,
      step: 3,
    });
    return joined(parameter, mean, square);
  };
}

/** Squares of gradients are not negative, and roots not of next to nothing. */
const positive = (length: number) => samples.floats([length], 0.25, 1);

const adamStep = row("adamStep", UPDATE, [
  ...forLengths("Adam", 4, adam(false), positive),
  ...forLengths("AdamW", 4, adam(true), positive),
  ...leftOutCases("Adam", 4, adam(false)),
  ...leftOutCases("AdamW", 4, adam(true)),
]);

/** Keeps the largest weights of two tensors that share one threshold, and all of a third. */
function prune(count: (size: number) => number, exact: boolean) {
  return (a: Tensor, b: Tensor, c: Tensor): Tensor => {
    const parts = [
      { x: copy(a), segment: 0, base: 0 },
      { x: copy(b), segment: 0, base: a.size },
      { x: copy(c), segment: 1, base: 0 },
    ];
    const counts = [count(a.size + b.size), -1];
    const thresholds = flat.magnitudeThresholds(parts, counts, { exact });
    return joined(...parts.flatMap((part) => {
      const mask = zeros(a.device, part.x.shape, { dtype: "bool" });
      flat.pruneBelow(part, thresholds, mask);
      return [part.x, mask];
    }));
  };
}

/** Magnitudes of which many are equal, with either sign, and NaN. */
const ties = (length: number) =>
  samples.from([length], (i) => i % 41 === 40 ? NaN : ((i * 7) % 10 - 5) / 4);

const half = (size: number) => Math.floor(size / 2);

const magnitudes = row("pruneBelow", EXACT, [
  ...forLengths("half", 3, prune(half, false)),
  ...forLengths("half of ties", 3, prune(half, false), ties),
  ...forLengths("exactly half of ties", 3, prune(half, true), ties),
  ...forLengths("nothing", 3, prune(() => 0, true), ties),
  ...forLengths("everything", 3, prune((size) => size + 1, true), ties),
]);

function pruneNM(n: number, m: number) {
  return (x: Tensor): Tensor => {
    const kept = copy(x);
    const mask = zeros(x.device, x.shape, { dtype: "bool" });
    flat.pruneNM(kept, mask, n, m);
    return joined(kept, mask);
  };
}

const nm = row(
  "pruneNM",
  EXACT,
  [[0, 3], [1, 1], [4, 8], [9, 5], [3, 3, 5, 7]].flatMap((shape) =>
    [[2, 4], [4, 8], [1, 3]].map(([n, m]) => ({
      name: `${n}:${m} of [${shape}]`,
      inputs: [samples.floats(shape)],
      run: pruneNM(n, m),
    }))
  ),
);

/** Kernels of optimizers and compressors. */
export const flatOps: readonly Op[] = [
  perturbation,
  maskedAdd,
  sgdStep,
  adamStep,
  magnitudes,
  nm,
];
