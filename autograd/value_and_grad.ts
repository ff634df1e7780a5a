/**
 * A loss and its gradients in one call.
 *
 * @module
 */

import { ArgumentError, type Scope, type Tensor } from "@cram/tensor";
import { type GradientsOptions, Tape } from "./tape.ts";

/** A loss with its gradients; all tensors belong to the scope of the caller. */
export interface ValueAndGradients<G = Tensor> {
  /** The loss. */
  readonly value: Tensor;
  /** One gradient for each parameter, in their order. */
  readonly gradients: G[];
}

/**
 * Runs a function on a tape, and computes the gradients of its result. What
 * the function makes is freed as soon as the gradients no longer need it.
 *
 * @param f Computes the loss, a scalar. It is given the scope that it runs in, by which it may keep other tensors.
 * @param parameters What the gradients are asked for; at least one tensor.
 * @param options As for `tape.gradients()`.
 * @returns The loss and the gradients.
 * @throws {ArgumentError} If there are no parameters.
 * @throws {ShapeError} If the loss is no scalar and there is no seed.
 * @throws {GradientError} If the loss depends on no parameter.
 *
 * @example Linear regression
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mean, mul, openDevice, square, sub, tensor } from "@cram/tensor";
 * import { valueAndGrad } from "@cram/autograd";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = tensor(device, [1, 2, 3]);
 * const y = tensor(device, [2, 4, 6]);
 * const w = tensor(device, 1);
 * const { value, gradients: [dw] } = valueAndGrad(
 *   () => mean(square(sub(mul(w, x), y))),
 *   [w],
 * );
 * assertEquals(Math.fround(await value.item()), Math.fround(14 / 3));
 * assertEquals(Math.fround(await dw.item()), Math.fround(-28 / 3));
 * ```
 */
export function valueAndGrad(
  f: (scope: Scope) => Tensor,
  parameters: readonly Tensor[],
  options?: GradientsOptions & { readonly unused?: "zero" },
): ValueAndGradients;
/** The same, with `undefined` for the gradients of unused parameters. */
export function valueAndGrad(
  f: (scope: Scope) => Tensor,
  parameters: readonly Tensor[],
  options: GradientsOptions & { readonly unused: "absent" },
): ValueAndGradients<Tensor | undefined>;
export function valueAndGrad(
  f: (scope: Scope) => Tensor,
  parameters: readonly Tensor[],
  options: GradientsOptions = {},
): ValueAndGradients<Tensor | undefined> {
  if (parameters.length === 0) {
    throw new ArgumentError("Cannot compute gradients of no parameters");
  }
  const { device } = parameters[0];
  using tape = new Tape();
  tape.watch(parameters);
  let value: Tensor;
  {
    using scope = device.scope();
    value = scope.keep(f(scope));
  }
  try {
    const gradients = tape.gradients(value, parameters, {
      ...options,
      unused: options.unused as "absent",
    });
    return { value, gradients };
  } catch (error) {
    value.dispose();
    throw error;
  }
}
