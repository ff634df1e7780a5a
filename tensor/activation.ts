/**
 * Activation functions of neural networks, elementwise.
 *
 * @module
 */

import { computeUnary, differentiableUnary } from "./_elementwise.ts";
import { announceResult } from "./_run.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The rectifier.
 *
 * @param x Float or integer, any shape.
 * @returns `max(x, 0)`; its gradient at 0 is 0.
 * @throws {DTypeError} If x is neither float nor integer.
 *
 * @example Both signs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, relu, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = relu(tensor(device, [-1, 2]));
 * assertEquals([...await result.data()], [0, 2]);
 * ```
 */
export function relu(x: Tensor): Tensor {
  return differentiableUnary("relu", x);
}

/**
 * The logistic function.
 *
 * @param x Float, any shape.
 * @returns `1 / (1 + e ^ -x)`.
 * @throws {DTypeError} If x is not float.
 *
 * @example At its middle and end
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, sigmoid, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = sigmoid(tensor(device, [0, Infinity]));
 * assertEquals([...await result.data()], [0.5, 1]);
 * ```
 */
export function sigmoid(x: Tensor): Tensor {
  return differentiableUnary("sigmoid", x);
}

/**
 * The hyperbolic tangent.
 *
 * @param x Float, any shape.
 * @returns `tanh x`, in [-1, 1].
 * @throws {DTypeError} If x is not float.
 *
 * @example At its middle and ends
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tanh, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = tanh(tensor(device, [0, Infinity, -Infinity]));
 * assertEquals([...await result.data()], [0, 1, -1]);
 * ```
 */
export function tanh(x: Tensor): Tensor {
  return differentiableUnary("tanh", x);
}

/** Options of {@linkcode gelu}. */
export interface GeluOptions {
  /** `"none"` for the exact function (the default), `"tanh"` for the approximation by a hyperbolic tangent. */
  readonly approximate?: "none" | "tanh";
}

/**
 * The Gaussian error linear unit (Hendrycks and Gimpel, "Gaussian Error
 * Linear Units", 2016): x · Φ(x), or its approximation
 * x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
 *
 * @param x Float, any shape.
 * @param options Which of the two.
 * @returns A tensor of the same shape.
 * @throws {DTypeError} If x is not float.
 *
 * @example Far from zero
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { gelu, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const result = gelu(tensor(device, [0, 100]), { approximate: "tanh" });
 * assertEquals([...await result.data()], [0, 100]);
 * ```
 */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  const { approximate = "none" } = options;
  const out = computeUnary(
    approximate === "tanh" ? "geluTanh" : "gelu",
    x,
    "gelu",
  );
  return announceResult("gelu", [x], [out], { approximate });
}
