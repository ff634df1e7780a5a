/**
 * Gradients checked against finite differences.
 *
 * @module
 */

import {
  ArgumentError,
  type Device,
  type HostArray,
  openDevice,
  type Shape,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { GradcheckError } from "./errors.ts";
import { Tape } from "./tape.ts";

/** Options of {@linkcode gradcheck}. */
export interface GradcheckOptions {
  /** The largest relative error that passes. Default: 1e-6 if all floating-point inputs are `float64`, else 1e-3. */
  readonly tolerance?: number;
  /** The step of the differences, times the input where that is greater than 1. Default: 1e-5. */
  readonly epsilon?: number;
  /** Errors are relative to the gradient, but at least to this. Default: 0.01. */
  readonly floor?: number;
  /** Names of the inputs, for messages. */
  readonly names?: readonly string[];
}

/** The element whose gradient differs most from its finite difference. */
export interface GradcheckResult {
  /** |analytic - numeric| / max(|analytic|, |numeric|, floor). */
  readonly relativeError: number;
  /** Which input. */
  readonly input: number;
  /** Which of its elements. */
  readonly element: readonly number[];
  /** The gradient on the tape. */
  readonly analytic: number;
  /** The finite difference. */
  readonly numeric: number;
}

/** An input on the host. */
interface HostInput {
  readonly data: HostArray;
  readonly source: Tensor;
  readonly differentiable: boolean;
}

/**
 * Compares the gradients of a function, on whichever device its inputs live,
 * with central differences in float64 on the reference device:
 * (f(x + ε) - f(x - ε)) / 2ε, for each element of each floating-point input.
 * Results with several elements are weighted with fixed numbers and summed.
 *
 * @param f The function; it must compute the same for the same inputs, and must use no other tensors. Keep inputs away from its kinks.
 * @param inputs Its operands. Those of a floating-point type are differentiated.
 * @param options Tolerances and names.
 * @returns The element with the largest error.
 * @throws {GradcheckError} If that error is too large; it names the element.
 * @throws {ArgumentError} If no input has a floating-point type.
 *
 * @example The gradient of a product
 * ```ts
 * import { assert } from "@std/assert";
 * import { mul, openDevice, tensor } from "@cram/tensor";
 * import { gradcheck } from "@cram/autograd";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const a = tensor(device, [1, 2], { dtype: "float64" });
 * const b = tensor(device, [[3], [4]], { dtype: "float64" });
 * const { relativeError } = await gradcheck(mul, [a, b]);
 * assert(relativeError < 1e-6);
 * ```
 */
export async function gradcheck(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<GradcheckResult> {
  const differentiable = inputs.filter(isFloat);
  if (differentiable.length === 0) {
    throw new ArgumentError(
      `Cannot check gradients of ${inputs.length} inputs: none has a floating-point type`,
    );
  }
  const { epsilon = 1e-5, floor = 0.01, names } = options;
  const tolerance = options.tolerance ??
    (differentiable.every(({ dtype }) => dtype === "float64") ? 1e-6 : 1e-3);
  const hosts = await Promise.all(inputs.map(async (source) => ({
    source,
    data: await source.data(),
    differentiable: isFloat(source),
  })));
  const analytic = await tapeGradients(f, inputs);
  const numeric = await finiteDifferences(f, hosts, epsilon);
  const worst = worstElement(inputs, analytic, numeric, floor);
  if (!(worst.relativeError <= tolerance)) {
    const name = names?.[worst.input];
    throw new GradcheckError(
      `The gradient of input ${worst.input}${
        name === undefined ? "" : ` ("${name}")`
      } at element [${worst.element.join(", ")}] is ${worst.analytic} on the ${
        inputs[worst.input].device.info.kind
      } device, but finite differences give ${worst.numeric}: their relative error ${worst.relativeError} is greater than ${tolerance}`,
    );
  }
  return worst;
}

function isFloat({ dtype }: Tensor): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** Weights of a result's elements, exact in float32 and with no pattern that gradients could cancel in. */
function weight(i: number): number {
  return 0.5 + ((i * 37 + 11) % 61) / 64;
}

/** The gradients on the tape, one for each input, empty for those without. */
async function tapeGradients(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): Promise<ArrayLike<number>[]> {
  const { device } = inputs[0];
  using _scope = device.scope();
  const sources = inputs.filter(isFloat);
  let gradients: Tensor[];
  {
    using tape = new Tape();
    tape.watch(sources);
    const out = f(...inputs);
    const seed = tensor(
      device,
      Float64Array.from({ length: out.size }, (_, i) => weight(i)),
      { dtype: out.dtype, shape: out.shape },
    );
    gradients = tape.gradients(out, sources, { seed });
  }
  const data = await Promise.all(gradients.map((gradient) => gradient.data()));
  return inputs.map((input) => data[sources.indexOf(input)] ?? []);
}

/** The finite differences, one list for each input, empty for those without. */
async function finiteDifferences(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly HostInput[],
  epsilon: number,
): Promise<number[][]> {
  await using device = await openDevice("reference");
  const differences: number[][] = [];
  for (const [index, { data, differentiable }] of inputs.entries()) {
    const list: number[] = [];
    for (let i = 0; differentiable && i < data.length; i++) {
      const step = epsilon * Math.max(1, Math.abs(data[i]));
      const [low, high] = [data[i] - step, data[i] + step];
      const below = await evaluate(device, f, inputs, index, i, low);
      const above = await evaluate(device, f, inputs, index, i, high);
      let difference = 0;
      for (let j = 0; j < above.length; j++) {
        difference += weight(j) * (above[j] - below[j]);
      }
      list.push(difference / (high - low));
    }
    differences.push(list);
  }
  return differences;
}

/** The function in float64 with one element of one input replaced. */
async function evaluate(
  device: Device,
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly HostInput[],
  index: number,
  element: number,
  value: number,
): Promise<HostArray> {
  using _scope = device.scope();
  const tensors = inputs.map(({ data, source, differentiable }, i) => {
    if (!differentiable) {
      return tensor(device, data, { dtype: source.dtype, shape: source.shape });
    }
    const values = Float64Array.from(data);
    if (i === index) values[element] = value;
    return tensor(device, values, { shape: source.shape });
  });
  return await f(...tensors).data();
}

function worstElement(
  inputs: readonly Tensor[],
  analytic: readonly ArrayLike<number>[],
  numeric: readonly number[][],
  floor: number,
): GradcheckResult {
  let worst: GradcheckResult = {
    relativeError: 0,
    input: inputs.findIndex(isFloat),
    element: [],
    analytic: 0,
    numeric: 0,
  };
  for (const [input, differences] of numeric.entries()) {
    for (const [i, n] of differences.entries()) {
      const a = analytic[input][i];
      const relativeError = Math.abs(a - n) /
        Math.max(Math.abs(a), Math.abs(n), floor);
      if (worst.relativeError >= relativeError) continue;
      worst = {
        relativeError,
        input,
        element: coordinates(i, inputs[input].shape),
        analytic: a,
        numeric: n,
      };
      if (Number.isNaN(relativeError)) return worst;
    }
  }
  return worst;
}

function coordinates(index: number, shape: Shape): number[] {
  const result: number[] = [];
  for (const length of shape.toReversed()) {
    result.unshift(index % length);
    index = Math.floor(index / length);
  }
  return result;
}
