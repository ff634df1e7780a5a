/**
 * The tape: records what is computed, and walks back over it.
 *
 * @module
 */

import {
  ArgumentError,
  copy,
  DeviceError,
  DTypeError,
  type OpObserver,
  type OpRecord,
  sameShape,
  setOpObserver,
  ShapeError,
  type Tensor,
  zeros,
} from "@cram/tensor";
import { TapeNode } from "./_tape_node.ts";
import { soleOwner, walkBack } from "./_walk_back.ts";
import { GradientError, TapeError } from "./errors.ts";

/** Options of `tape.gradients()`. */
export interface GradientsOptions {
  /** The gradient of the loss; 1 if it is left out, which needs a loss of one element. Of the loss's shape and dtype. */
  readonly seed?: Tensor;
  /** What a source gets that the loss does not depend on: zeros (the default), or `undefined`. */
  readonly unused?: "zero" | "absent";
}

/**
 * Records the operations on watched tensors, and on what is computed from
 * them, while it is open; then computes gradients by walking back.
 *
 * - The tape owns what it keeps for the gradients, so handles may be disposed
 *   of and scopes closed before they are asked for.
 * - It gives gradients once. On the way back it frees what it kept, and the
 *   gradients of intermediate results, as soon as they are no longer needed.
 * - Tapes nest. An operation is recorded by every open tape that knows one of
 *   its operands, so the inner tape does not cut the outer one off; for
 *   gradients of several losses, open several tapes.
 * - Gradients of gradients are not offered. A loss that depends on a gradient
 *   is refused; `stopGradient()` makes that gradient a constant.
 *
 * @example A gradient
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mul, openDevice, sum, tensor } from "@cram/tensor";
 * import { Tape } from "@cram/autograd";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = tensor(device, [1, 2, 3]);
 * const w = tensor(device, [4, 5, 6]);
 * using tape = new Tape();
 * tape.watch([w]);
 * const [dw] = tape.gradients(sum(mul(x, w)), [w]);
 * assertEquals([...await dw.data()], [1, 2, 3]);
 * ```
 */
export class Tape implements OpObserver, Disposable {
  readonly #outer: OpObserver | undefined;
  readonly #tracked = new Set<number>();
  /** Gradients that an inner tape computed from tracked tensors. */
  readonly #secondOrder = new Set<number>();
  #nodes: TapeNode[] = [];
  #state: "open" | "used up" | "closed" = "open";

  /** Opens a tape; close it by `using`. */
  constructor() {
    this.#outer = setOpObserver(this);
  }

  /**
   * Makes tensors known to the tape, before anything is computed from them.
   *
   * @param tensors The parameters or inputs that gradients are going to be asked for.
   * @throws {TapeError} If the tape was closed or used up.
   * @throws {DTypeError} If a tensor has no float dtype that its device computes with.
   */
  watch(tensors: readonly Tensor[]): void {
    this.#checkOpen("watch tensors");
    for (const tensor of tensors) {
      if (!isFloat(tensor)) {
        throw new DTypeError(
          `Cannot watch ${tensor}: on the ${tensor.device.info.kind} device only ${
            tensor.device.info.floatDTypes.join(" and ")
          } tensors have gradients`,
        );
      }
    }
    for (const tensor of tensors) this.#tracked.add(tensor.id);
  }

  /**
   * The gradients of a loss with respect to some of the tensors that the tape
   * knows: watched ones, and results computed from them. Uses the tape up.
   *
   * @param loss What is differentiated, a scalar unless there is a seed.
   * @param sources The tensors whose gradients are asked for.
   * @param options Options.
   * @returns One gradient for each source, of its shape and with memory of its own; they belong to the open scope.
   * @throws {TapeError} If the tape was closed or used up.
   * @throws {ArgumentError} If the tape does not know a source.
   * @throws {ShapeError} If the loss is no scalar and there is no seed, or the seed has another shape.
   * @throws {DTypeError} If the seed has another dtype than the loss.
   * @throws {DeviceError} If the loss, a source and the seed live on different devices.
   * @throws {GradientError} If the tape did not record the loss, the loss depends on a gradient, or an operation on the way has no gradient for an operand or needs a value that was written in place.
   */
  gradients(
    loss: Tensor,
    sources: readonly Tensor[],
    options?: GradientsOptions & { readonly unused?: "zero" },
  ): Tensor[];
  /** The same, with `undefined` for sources that the loss does not depend on. */
  gradients(
    loss: Tensor,
    sources: readonly Tensor[],
    options: GradientsOptions & { readonly unused: "absent" },
  ): (Tensor | undefined)[];
  gradients(
    loss: Tensor,
    sources: readonly Tensor[],
    { seed, unused = "zero" }: GradientsOptions = {},
  ): (Tensor | undefined)[] {
    this.#checkOpen("compute gradients");
    this.#checkSources(loss, sources);
    checkSeed(loss, seed);
    const path = this.#path(loss, sources);
    const previous = setOpObserver(undefined);
    try {
      using scope = loss.device.scope();
      const gradients = walkBack(loss, sources, path, seed);
      const results = sources.map((source, i) => {
        const gradient = gradients.get(source.id);
        if (gradient === undefined && unused === "absent") return undefined;
        // Parameters that layers share may be named twice.
        const given = sources.indexOf(source) < i;
        return scope.keep(
          gradient === undefined
            ? zeros(loss.device, source.shape, { dtype: source.dtype })
            : given
            ? copy(gradient)
            : soleOwner(gradient),
        );
      });
      this.#markSecondOrder(loss, results);
      return results;
    } finally {
      setOpObserver(previous);
      this.#release("used up");
    }
  }

  /** Whether an operation on these operands is recorded; asked by operations. */
  observes(inputs: readonly (Tensor | number | undefined)[]): boolean {
    return this.#tracks(inputs) || (this.#outer?.observes(inputs) ?? false);
  }

  /** Records an operation; called by operations. */
  record(record: OpRecord): void {
    if (this.#tracks(record.inputs)) {
      const [output] = record.outputs;
      if (isFloat(output)) {
        this.#nodes.push(
          new TapeNode(
            record,
            record.inputs.map((input) => this.#tracks([input])),
          ),
        );
        this.#tracked.add(output.id);
      }
    }
    if (this.#outer?.observes(record.inputs)) this.#outer.record(record);
  }

  /**
   * Closes the tape and frees what it kept.
   *
   * @throws {TapeError} If a tape that was opened later is still open, or recording is paused by `noGrad()`.
   */
  [Symbol.dispose](): void {
    if (this.#state === "closed") return;
    const innermost = setOpObserver(this.#outer);
    if (innermost !== this) {
      setOpObserver(innermost);
      throw new TapeError(
        "Cannot close this tape: a tape that was opened later is still open, or recording is paused. Tapes close in the reverse order of their opening",
      );
    }
    this.#release("closed");
  }

  #tracks(inputs: readonly (Tensor | number | undefined)[]): boolean {
    return inputs.some((input) =>
      typeof input === "object" && this.#tracked.has(input.id)
    );
  }

  #checkOpen(action: string): void {
    if (this.#state !== "open") {
      throw new TapeError(
        `Cannot ${action}: the tape ${
          this.#state === "closed"
            ? "was closed"
            : "has given its gradients, which it does once"
        }`,
      );
    }
  }

  #checkSources(loss: Tensor, sources: readonly Tensor[]): void {
    for (const source of sources) {
      if (!this.#tracked.has(source.id)) {
        throw new ArgumentError(
          `Cannot compute the gradient of ${source}: the tape does not know it; watch it before it is used`,
        );
      }
      if (source.device !== loss.device) {
        throw new DeviceError(
          `Cannot compute the gradient of ${source}: it lives on another device than the loss ${loss}`,
        );
      }
    }
    if (!this.#tracked.has(loss.id)) {
      throw new GradientError(
        `Cannot compute gradients of ${loss}: the tape did not record it; it must be computed from watched tensors while the tape is open`,
      );
    }
  }

  /** The nodes between the sources and the loss, in the order of recording; frees the others. */
  #path(loss: Tensor, sources: readonly Tensor[]): TapeNode[] {
    const downstream = new Set(sources.map(({ id }) => id));
    const reached = this.#nodes.filter((node) => {
      node.needs = node.inputIds.map((id) =>
        id !== undefined && downstream.has(id)
      );
      if (!node.needs.includes(true)) return false;
      downstream.add(node.outputId);
      return true;
    });
    const upstream = new Set<number | undefined>([loss.id]);
    for (const node of this.#nodes.toReversed()) {
      if (!upstream.has(node.outputId)) continue;
      for (const id of node.inputIds) upstream.add(id);
    }
    for (const id of this.#secondOrder) {
      if (upstream.has(id)) {
        throw new GradientError(
          `Cannot compute gradients of ${loss}: it depends on a gradient, and gradients of gradients are not offered; stopGradient() makes that gradient a constant`,
        );
      }
    }
    const path = reached.filter((node) => upstream.has(node.outputId));
    const kept = new Set(path);
    for (const node of this.#nodes) if (!kept.has(node)) node.release();
    return path;
  }

  /** Lets the tapes around this one know what they must not differentiate through. */
  #markSecondOrder(
    loss: Tensor,
    gradients: readonly (Tensor | undefined)[],
  ): void {
    if (!(this.#outer instanceof Tape)) return;
    const outer = this.#outer;
    if (outer.#tracked.has(loss.id)) {
      for (const gradient of gradients) {
        if (gradient === undefined) continue;
        outer.#tracked.add(gradient.id);
        outer.#secondOrder.add(gradient.id);
      }
    }
    outer.#markSecondOrder(loss, gradients);
  }

  #release(state: "used up" | "closed"): void {
    for (const node of this.#nodes) node.release();
    this.#nodes = [];
    this.#tracked.clear();
    this.#secondOrder.clear();
    this.#state = state;
  }
}

function isFloat({ device, dtype }: Tensor): boolean {
  return device.kindOf(dtype) === "float";
}

function checkSeed(loss: Tensor, seed: Tensor | undefined): void {
  if (seed === undefined) {
    if (loss.size !== 1) {
      throw new ShapeError(
        `Cannot compute gradients of ${loss}: a loss without a seed must have one element`,
      );
    }
    return;
  }
  if (!sameShape(seed.shape, loss.shape)) {
    throw new ShapeError(
      `Cannot seed gradients of ${loss} with ${seed}: their shapes differ`,
    );
  }
  if (seed.dtype !== loss.dtype) {
    throw new DTypeError(
      `Cannot seed gradients of ${loss} with ${seed}: their dtypes differ`,
    );
  }
  if (seed.device !== loss.device) {
    throw new DeviceError(
      `Cannot seed gradients of ${loss} with ${seed}: they live on different devices`,
    );
  }
}
