/**
 * Gradients of tensor computations: a tape that records operations and walks
 * back over them, and a check against finite differences.
 *
 * @example A step of gradient descent
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mul, openDevice, square, sub, sum, tensor } from "@cram/tensor";
 * import { valueAndGrad } from "@cram/autograd";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const w = tensor(device, [3, -4]);
 * const { gradients: [dw] } = valueAndGrad(() => sum(square(w)), [w]);
 * const next = sub(w, mul(dw, 0.5));
 * assertEquals([...await next.data()], [0, 0]);
 * ```
 *
 * @module
 */

export * from "./errors.ts";
export * from "./gradcheck.ts";
export * from "./no_grad.ts";
export * from "./stop_gradient.ts";
export * from "./tape.ts";
export * from "./value_and_grad.ts";
