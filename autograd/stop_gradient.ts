/**
 * Values that count as constants.
 *
 * @module
 */

import type { Tensor } from "@cram/tensor";

/**
 * The same elements as a constant: gradients do not flow back through it.
 *
 * @param x Any tensor.
 * @returns Another handle on x's memory, which belongs to the open scope.
 * @throws {DisposedError} If x was disposed of.
 *
 * @example A straight-through estimator
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { add, openDevice, round, sub, sum, tensor } from "@cram/tensor";
 * import { stopGradient, valueAndGrad } from "@cram/autograd";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = tensor(device, [0.2, 1.7]);
 * const { value, gradients: [dx] } = valueAndGrad(
 *   () => sum(add(x, stopGradient(sub(round(x), x)))),
 *   [x],
 * );
 * assertEquals(await value.item(), 2);
 * assertEquals([...await dx.data()], [1, 1]);
 * ```
 */
export function stopGradient(x: Tensor): Tensor {
  return x.alias();
}
