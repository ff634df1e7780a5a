/**
 * Computation that tapes do not see.
 *
 * @module
 */

import { ArgumentError, setOpObserver } from "@cram/tensor";

/**
 * Runs a function while no tape records; what it computes counts as constant.
 *
 * @param f The function; synchronous, because recording goes on when it returns.
 * @returns What `f` returns.
 * @throws {ArgumentError} If `f` returns a promise.
 *
 * @example A measure beside the loss
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { l2Norm, openDevice, square, sum, tensor } from "@cram/tensor";
 * import { noGrad, Tape } from "@cram/autograd";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * using tape = new Tape();
 * const x = tensor(device, [3, 4]);
 * tape.watch([x]);
 * const norm = noGrad(() => l2Norm(x));
 * const [dx] = tape.gradients(sum(square(x)), [x]);
 * assertEquals(await norm.item(), 5);
 * assertEquals([...await dx.data()], [6, 8]);
 * ```
 */
export function noGrad<T>(f: () => T): T {
  const observer = setOpObserver(undefined);
  try {
    const result = f();
    if (result instanceof Promise) {
      throw new ArgumentError(
        "Cannot run an asynchronous function in noGrad(): recording would go on before it has finished",
      );
    }
    return result;
  } finally {
    setOpObserver(observer);
  }
}
