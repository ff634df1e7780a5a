/** One dispatch for each step of optimizers. */

import type { Operand } from "../backend.ts";
import type { AdamUpdate, SgdUpdate } from "../flat_kernels.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { flatKernel, type FlatOperand, runFlat } from "./_flat_kernel.ts";
import {
  type ElementType,
  type Kernel,
  kernelFamily,
  type OperandSpec,
} from "./_kernel.ts";
import type { Runtime } from "./_runtime.ts";

const READ: FlatOperand = { use: "read", type: "f32" };
const UPDATE: FlatOperand = { use: "update", type: "f32" };
const WRITE: FlatOperand = { use: "write", type: "f32" };
const MASK: FlatOperand = { use: "read", type: "u32" };

/** A factor that lies on the device, or is a uniform. */
function factorOf(onDevice: boolean): {
  readonly shared: Readonly<Record<string, OperandSpec>>;
  readonly uniforms: Readonly<Record<string, ElementType>>;
  readonly expression: string;
} {
  return onDevice
    ? {
      shared: { factor: { access: "read", type: "f32" } },
      uniforms: {},
      expression: "factor_load(0u)",
    }
    : { shared: {}, uniforms: { factor: "f32" }, expression: "u.factor" };
}

/** Statements that a factor of 0 on the device replaces by others. */
function unlessLeftOut(
  onDevice: boolean,
  statements: string,
  instead: string,
): string {
  return onDevice
    ? `
  if (factor_load(0u) == 0.0) {
    ${instead}
  } else {${statements}
  }`
    : statements;
}

/** Records a kernel whose factor is on the device or a number. */
function runWithFactor(
  runtime: Runtime,
  kernelOf: (onDevice: boolean) => Kernel,
  views: Readonly<Record<string, GpuView>>,
  factor: Operand<GpuBuffer>,
  uniforms: Readonly<Record<string, number>>,
): void {
  if (typeof factor === "number") {
    runFlat(runtime, kernelOf(false), views, {}, { ...uniforms, factor });
  } else {
    runFlat(runtime, kernelOf(true), views, { factor }, uniforms);
  }
}

const perturbKernel = kernelFamily(
  (adaptive: boolean, onDevice: boolean): Kernel => {
    const { shared, uniforms, expression } = factorOf(onDevice);
    return flatKernel({
      name: `perturb-${adaptive ? "adaptive" : "plain"}-${onDevice}`,
      operands: { parameter: UPDATE, gradient: READ, saved: WRITE },
      shared,
      uniforms,
      statements: unlessLeftOut(
        onDevice,
        `
  saved = parameter;
  parameter += ${expression} * gradient${
          adaptive ? " * (saved * saved)" : ""
        };`,
        "saved = parameter;",
      ),
    });
  },
);

/** `saved = θ`, `θ += scale · g`, or `θ += scale · θ² · g`. */
export function perturb(
  runtime: Runtime,
  parameter: GpuView,
  gradient: GpuView,
  saved: GpuView,
  scale: Operand<GpuBuffer>,
  adaptive: boolean,
): void {
  runWithFactor(
    runtime,
    (onDevice) => perturbKernel(adaptive, onDevice),
    { parameter, gradient, saved },
    scale,
    {},
  );
}

const maskedAddKernel = flatKernel({
  name: "masked-add",
  operands: { target_sum: UPDATE, x: READ, mask: MASK },
  statements: `
  target_sum = select(target_sum, target_sum + x, mask != vec4<u32>());`,
});

/** `target += mask ? x : 0`. */
export function maskedAdd(
  runtime: Runtime,
  target: GpuView,
  x: GpuView,
  mask: GpuView,
): void {
  runFlat(runtime, maskedAddKernel, { target_sum: target, x, mask }, {}, {});
}

/** Without momentum, with it, or with Nesterov's; in the first step v is only written. */
type Momentum = "none" | "first" | "later" | "nesterov-first" | "nesterov";

const sgdKernel = kernelFamily(
  (momentum: Momentum, onDevice: boolean): Kernel => {
    const { shared, uniforms, expression } = factorOf(onDevice);
    const hasVelocity = momentum !== "none";
    const isFirst = momentum.endsWith("first");
    const velocity = isFirst
      ? "velocity = g;"
      : "velocity = u.momentum * velocity + u.undamped * g;";
    const direction = momentum.startsWith("nesterov")
      ? "g + u.momentum * velocity"
      : hasVelocity
      ? "velocity"
      : "g";
    return flatKernel({
      name: `sgd-${momentum}-${onDevice}`,
      operands: {
        parameter: READ,
        gradient: READ,
        ...(hasVelocity ? { velocity: isFirst ? WRITE : UPDATE } : {}),
        out: WRITE,
      },
      shared,
      uniforms: {
        learning_rate: "f32",
        momentum: "f32",
        undamped: "f32",
        weight_decay: "f32",
        ...uniforms,
      },
      statements: unlessLeftOut(
        onDevice,
        `
  let g = ${expression} * gradient + u.weight_decay * parameter;
  ${hasVelocity ? velocity : ""}
  out = parameter - u.learning_rate * (${direction});`,
        `out = parameter;${isFirst ? " velocity = vec4<f32>();" : ""}`,
      ),
    });
  },
);

/** One step of stochastic gradient descent. */
export function sgdStep(
  runtime: Runtime,
  parameter: GpuView,
  gradient: GpuView,
  velocity: GpuView | undefined,
  out: GpuView,
  gradientScale: Operand<GpuBuffer>,
  { learningRate, momentum, dampening, nesterov, weightDecay, first }:
    SgdUpdate,
): void {
  const kind: Momentum = velocity === undefined
    ? "none"
    : nesterov
    ? (first ? "nesterov-first" : "nesterov")
    : first
    ? "first"
    : "later";
  runWithFactor(
    runtime,
    (onDevice) => sgdKernel(kind, onDevice),
    {
      parameter,
      gradient,
      ...(velocity === undefined ? {} : { velocity }),
      out,
    },
    gradientScale,
    {
      learning_rate: learningRate,
      momentum,
      undamped: 1 - dampening,
      weight_decay: weightDecay,
    },
  );
}

const adamKernel = kernelFamily(
  (decoupled: boolean, onDevice: boolean): Kernel => {
    const { shared, uniforms, expression } = factorOf(onDevice);
    return flatKernel({
      name: `adam-${decoupled ? "decoupled" : "coupled"}-${onDevice}`,
      operands: {
        parameter: READ,
        gradient: READ,
        mean: UPDATE,
        square: UPDATE,
        out: WRITE,
      },
      shared,
      uniforms: {
        // η divided by the bias correction of the mean, and 1 / √ of the other.
        step_size: "f32",
        root_scale: "f32",
        beta1: "f32",
        one_minus_beta1: "f32",
        beta2: "f32",
        one_minus_beta2: "f32",
        epsilon: "f32",
        // λ, or ηλ if decoupled.
        decay: "f32",
        ...uniforms,
      },
      statements: unlessLeftOut(
        onDevice,
        `
  let g = ${expression} * gradient${decoupled ? "" : " + u.decay * parameter"};
  mean = u.beta1 * mean + u.one_minus_beta1 * g;
  square = u.beta2 * square + u.one_minus_beta2 * g * g;
  let root = sqrt(square) * u.root_scale + u.epsilon;
  let start = parameter${decoupled ? " - u.decay * parameter" : ""};
  out = start - u.step_size * mean / root;`,
        "out = parameter;",
      ),
    });
  },
);

/** One step of Adam or AdamW. */
export function adamStep(
  runtime: Runtime,
  parameter: GpuView,
  gradient: GpuView,
  mean: GpuView,
  square: GpuView,
  out: GpuView,
  gradientScale: Operand<GpuBuffer>,
  { learningRate, beta1, beta2, epsilon, weightDecay, decoupled, step }:
    AdamUpdate,
): void {
  runWithFactor(
    runtime,
    (onDevice) => adamKernel(decoupled, onDevice),
    { parameter, gradient, mean, square, out },
    gradientScale,
    {
      step_size: learningRate / (1 - beta1 ** step),
      root_scale: 1 / Math.sqrt(1 - beta2 ** step),
      beta1,
      one_minus_beta1: 1 - beta1,
      beta2,
      one_minus_beta2: 1 - beta2,
      epsilon,
      decay: decoupled ? learningRate * weightDecay : weightDecay,
    },
  );
}
