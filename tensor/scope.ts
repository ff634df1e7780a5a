/**
 * Lexical scopes, which free the tensors made inside them.
 *
 * @module
 */

import type { Device } from "./device.ts";
import { ArgumentError, ScopeError } from "./errors.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Owns the tensors that are made while it is the innermost open scope of its
 * device, across `await` too, and disposes of them when it is closed.
 *
 * @example A step that leaves one tensor behind
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mul, openDevice, sum, type Tensor, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * let total: Tensor;
 * {
 *   using scope = device.scope();
 *   const squares = mul(tensor(device, [1, 2, 3]), tensor(device, [1, 2, 3]));
 *   total = scope.keep(sum(squares));
 * }
 * assertEquals(await total.item(), 14);
 * total.dispose();
 * assertEquals(device.memory.liveBytes, 0);
 * ```
 */
export class Scope implements Disposable {
  readonly #device: Device;
  readonly #outer: Scope | undefined;
  readonly #owned = new Set<Tensor>();
  #closed = false;

  /**
   * Made by `device.scope()`.
   *
   * @param device The device whose tensors it owns.
   * @param outer The scope around it.
   */
  constructor(device: Device, outer: Scope | undefined) {
    this.#device = device;
    this.#outer = outer;
  }

  /** How many tensors it owns. */
  get size(): number {
    return this.#owned.size;
  }

  /** The scope around it. */
  get outer(): Scope | undefined {
    return this.#outer;
  }

  /** Takes a tensor into the scope. Operations do this with what they make. */
  add(tensor: Tensor): void {
    this.#owned.add(tensor);
  }

  /** Lets go of a tensor without disposing of it. */
  delete(tensor: Tensor): boolean {
    return this.#owned.delete(tensor);
  }

  /**
   * Lets a tensor outlive this scope: it belongs to the scope around this one,
   * or to whoever holds it if there is none.
   *
   * @param tensor A tensor of this scope.
   * @returns The same tensor.
   * @throws {ArgumentError} If the scope does not own it.
   */
  keep<T extends Tensor>(tensor: T): T {
    if (!this.#owned.delete(tensor)) {
      throw new ArgumentError(
        `Cannot keep ${tensor}: this scope does not own it`,
      );
    }
    this.#outer?.add(tensor);
    return tensor;
  }

  /**
   * Disposes of the tensors that the scope still owns, and closes it.
   *
   * @throws {ScopeError} If a scope that was opened later is still open.
   */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#device.closeScope(this);
    this.#closed = true;
    for (const tensor of [...this.#owned]) tensor.dispose();
    this.#owned.clear();
  }
}

/** The error of scopes closed out of order. */
export function scopeOrderError(): ScopeError {
  return new ScopeError(
    "Cannot close this scope: a scope that was opened later is still open. Scopes of one device close in the reverse order of their opening; work that runs side by side needs a device of its own",
  );
}
