/**
 * Copies: to a new tensor, and into one that exists.
 *
 * @module
 */

import { ArgumentError, ShapeError } from "./errors.ts";
import { announceResult, checkSameDType, commonDevice } from "./_run.ts";
import { sameShape } from "./shape.ts";
import { computeCopy, copyWords } from "./_strided.ts";
import { storageOf, type Tensor, viewOf } from "./tensor.ts";

/**
 * Copies a tensor to memory of its own.
 *
 * @param x Any dtype, any shape.
 * @returns The same elements.
 * @throws {DisposedError} If x was disposed of.
 *
 * @example A copy that outlives the original
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { copy, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using original = tensor(device, [1, 2]);
 * using second = copy(original);
 * original.dispose();
 * assertEquals([...await second.data()], [1, 2]);
 * ```
 */
export function copy(x: Tensor): Tensor {
  commonDevice("copy", x);
  return announceResult("reshape", [x], [computeCopy("copy", x)], {});
}

/**
 * Writes the elements of a tensor over those of another, in place. All tensors
 * that share the target's memory see it, gradients do not: a tape that saved
 * the old elements throws when it needs them.
 *
 * @param target What is written.
 * @param source What it becomes: the same device, dtype and shape.
 * @throws {ShapeError} If the shapes differ.
 * @throws {DTypeError} If the dtypes differ.
 * @throws {ArgumentError} If the two overlap in part, or the target ends amid a 32-bit word that others share.
 *
 * @example New weights
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { assign, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const weight = tensor(device, [1, 2]);
 * assign(weight, tensor(device, [3, 4]));
 * assertEquals([...await weight.data()], [3, 4]);
 * ```
 */
export function assign(target: Tensor, source: Tensor): void {
  const { backend } = commonDevice("assign", target, source);
  checkSameDType("assign", target, source);
  if (!sameShape(target.shape, source.shape)) {
    throw new ShapeError(
      `Cannot assign ${source} to ${target}: the shapes differ`,
    );
  }
  const [from, to] = [viewOf(source), viewOf(target)];
  const storage = storageOf(target);
  const length = target.byteLength;
  const distance = Math.abs(from.byteOffset - to.byteOffset);
  if (storageOf(source) === storage && distance < length) {
    if (distance === 0) return;
    throw new ArgumentError(
      `Cannot assign ${source} to ${target}: they overlap in part`,
    );
  }
  const end = to.byteOffset + Math.ceil(length / 4) * 4;
  if (length % 4 !== 0 && end < to.buffer.byteLength) {
    throw new ArgumentError(
      `Cannot assign ${source} to ${target}: it ends amid a 32-bit word, which others share`,
    );
  }
  copyWords(from, to, backend);
  storage.version++;
}
