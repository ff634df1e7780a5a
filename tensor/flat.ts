/**
 * The entry point for authors of optimizers and compressors: parameters in one
 * flat memory, and the kernels that update and prune it. Everything here
 * writes in place and is not recorded by tapes.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import type { AdamUpdate, SgdUpdate } from "./flat_kernels.ts";
import {
  checkKind,
  checkSameDType,
  checkSingleOrDouble,
  commonDevice,
} from "./_run.ts";
import { formatShape, sizeOf } from "./shape.ts";
import { moveHandle, storageOf, Tensor, viewOf } from "./tensor.ts";

export type * from "./flat_kernels.ts";

/** Tensors that lie one behind the other in the same memory. */
export interface Span {
  /** All their elements, `[n]`; a handle of its own. */
  readonly flat: Tensor;
  /** The tensors, in order. */
  readonly members: readonly Tensor[];
}

/**
 * Moves a tensor's elements into a part of another tensor's memory. The handle
 * stays valid and from then on sees that part: this is how a model's
 * parameters move into an arena.
 *
 * @param tensor The tensor to move.
 * @param arena Where to, of the same dtype and device.
 * @param offset The first element of the part, in row-major order.
 * @throws {ShapeError} If the part does not lie within the arena.
 * @throws {DTypeError} If the dtypes differ.
 * @throws {DeviceError} If the devices differ.
 *
 * @example Two parameters in one memory
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tensor, zeros } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const arena = zeros(device, [3]);
 * const weight = tensor(device, [[1, 2]]);
 * moveInto(weight, arena, 1);
 * assertEquals([...await arena.data()], [0, 1, 2]);
 * ```
 */
export function moveInto(tensor: Tensor, arena: Tensor, offset: number): void {
  const device = commonDevice("moveInto", tensor, arena);
  checkSameDType("moveInto", tensor, arena);
  using part = arena.view(offset, tensor.shape);
  const { byteOffset } = viewOf(part);
  if (tensor.size > 0) {
    device.backend.stridedCopy(viewOf(tensor), viewOf(part), {
      shape: [tensor.size],
      sourceOffset: 0,
      sourceStrides: [1],
      targetOffset: 0,
      targetStrides: [1],
    });
  }
  const storage = storageOf(arena);
  storage.retain();
  storage.version++;
  moveHandle(tensor, storage, byteOffset);
}

/**
 * Joins tensors that lie one behind the other in the same memory, so that one
 * kernel can work on all of them.
 *
 * @param tensors Tensors of one device and dtype, in any order.
 * @returns The spans in order of memory; the caller disposes of `flat`.
 */
export function spansOf(tensors: readonly Tensor[]): Span[] {
  const groups: Tensor[][] = [];
  const sorted = [...tensors].sort((a, b) =>
    storageOf(a) === storageOf(b)
      ? viewOf(a).byteOffset - viewOf(b).byteOffset
      : storageOf(a).id - storageOf(b).id
  );
  for (const tensor of sorted) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (
      group !== undefined && last !== undefined &&
      last.dtype === tensor.dtype &&
      storageOf(last) === storageOf(tensor) &&
      viewOf(last).byteOffset + last.byteLength === viewOf(tensor).byteOffset
    ) {
      group.push(tensor);
    } else {
      groups.push([tensor]);
    }
  }
  return groups.map((members) => {
    const [first] = members;
    const storage = storageOf(first);
    storage.retain();
    const size = members.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const flat = new Tensor(
      storage,
      viewOf(first).byteOffset,
      [size],
      first.dtype,
      "spansOf",
    );
    return { flat: first.device.adopt(flat), members };
  });
}

/**
 * Joins rows of tensors, such as weights with their masks, wherever all of
 * them lie one behind the other as those of the next row do, so that one
 * kernel can work on many rows.
 *
 * @param rows As many tensors in each, all of the same size; no tensor occurs twice.
 * @returns Fewer and longer rows of flat tensors, which belong to the open scope.
 */
export function joinRows(rows: readonly (readonly Tensor[])[]): Tensor[][] {
  const rowOf = new Map(rows.map((row) => [row[0], row]));
  return spansOf(rows.map(([first]) => first)).flatMap(({ flat, members }) => {
    const joined = members.map((member) => rowOf.get(member)!);
    const spans = joined[0].slice(1).map((_, column) => {
      const tensors = joined.map((row) => row[column + 1]);
      const [span, ...others] = spansOf(tensors);
      const isWhole = others.length === 0 &&
        span.members.every((member, i) => member === tensors[i]);
      return isWhole ? [span.flat] : [];
    });
    return spans.every((span) => span.length > 0)
      ? [[flat, ...spans.flat()]]
      : joined.map((row) => row.map((x) => x.view(0, [x.size])));
  });
}

function kernels(
  op: string,
  written: readonly Tensor[],
  read: readonly (Tensor | number | undefined)[],
): Backend {
  const device = commonDevice(op, ...written, ...read);
  for (const tensor of written) storageOf(tensor).version++;
  return device.backend;
}

/**
 * Checks what a kernel works on: floats of one dtype and size, and a mask and
 * a scalar where it has them.
 *
 * @throws {DTypeError} If the floats are none or differ, or the mask is not `bool`.
 * @throws {ShapeError} If sizes differ, or the scalar is none.
 */
function checkFlat(
  op: string,
  floats: readonly Tensor[],
  mask?: Tensor,
  scalar?: Tensor | number,
): void {
  const [first] = floats;
  checkSingleOrDouble(op, first);
  checkSameDType(op, ...floats, scalar);
  if (mask !== undefined) checkKind(op, mask, "bool");
  for (const tensor of [...floats, ...mask === undefined ? [] : [mask]]) {
    if (tensor.size !== first.size) {
      throw new ShapeError(
        `Cannot run "${op}" on shapes ${formatShape(first.shape)} and ${
          formatShape(tensor.shape)
        }: they must have the same number of elements`,
      );
    }
  }
  if (typeof scalar === "object" && scalar.size !== 1) {
    throw new ShapeError(
      `Cannot run "${op}" with ${scalar} as scale: expected one element`,
    );
  }
}

function checkWhole(
  op: string,
  name: string,
  value: number,
  low: number,
  high = Number.MAX_SAFE_INTEGER,
): void {
  if (!Number.isSafeInteger(value) || value < low || value > high) {
    throw new ArgumentError(
      `Cannot run "${op}" with ${name} ${value}: expected a whole number from ${low} to ${high}`,
    );
  }
}

function operand(x: Tensor | number): ReturnType<typeof viewOf> | number {
  return typeof x === "number" ? x : viewOf(x);
}

/**
 * The ascent of SAM and CrAM: keeps θ in `saved`, then adds `scale · g`.
 *
 * @param parameter θ, written in place.
 * @param gradient g, of the same size.
 * @param saved Receives θ, of the same size.
 * @param scale A number, or a scalar on the device. A scalar of 0 leaves θ where it is, whatever the gradient is.
 * @param options `adaptive`: multiply by θ² too, as ASAM does.
 * @throws {ShapeError} If the numbers of elements differ, or a scale on the device is no scalar.
 * @throws {DTypeError} If the floats are none or differ in dtype.
 */
export function perturb(
  parameter: Tensor,
  gradient: Tensor,
  saved: Tensor,
  scale: Tensor | number,
  options: { readonly adaptive?: boolean } = {},
): void {
  checkFlat("perturb", [parameter, gradient, saved], undefined, scale);
  if (parameter.size === 0) return;
  kernels("perturb", [parameter, saved], [gradient, scale]).perturb(
    viewOf(parameter),
    viewOf(gradient),
    viewOf(saved),
    operand(scale),
    options.adaptive ?? false,
  );
}

/**
 * `target += mask ? x : 0`.
 *
 * @param target The sum, written in place.
 * @param x What is added, of the same size.
 * @param mask `bool`, of the same size.
 * @throws {ShapeError} If the numbers of elements differ.
 * @throws {DTypeError} If the floats are none or differ in dtype, or the mask is not `bool`.
 */
export function maskedAdd(target: Tensor, x: Tensor, mask: Tensor): void {
  checkFlat("maskedAdd", [target, x], mask);
  if (target.size === 0) return;
  kernels("maskedAdd", [target], [x, mask])
    .maskedAdd(viewOf(target), viewOf(x), viewOf(mask));
}

/** What an update of parameters reads and writes. */
export interface UpdateTensors {
  /** θ before the step. */
  readonly parameter: Tensor;
  /** The gradient. */
  readonly gradient: Tensor;
  /** θ after the step; by default `parameter`, in place. */
  readonly out?: Tensor;
  /** What the gradient is multiplied by first: a number, or a scalar on the device; by default 1. A scalar of 0 leaves the step out, whatever the gradient is. */
  readonly gradientScale?: Tensor | number;
}

/**
 * One step of stochastic gradient descent over a flat range.
 *
 * @param tensors θ, its gradient, and v in `velocity` if there is momentum.
 * @param update The hyperparameters.
 * @throws {ShapeError} If the numbers of elements differ, or a scale on the device is no scalar.
 * @throws {DTypeError} If the floats are none or differ in dtype.
 */
export function sgdStep(
  tensors: UpdateTensors & { readonly velocity?: Tensor },
  update: SgdUpdate,
): void {
  const { parameter, gradient, velocity, gradientScale = 1 } = tensors;
  const out = tensors.out ?? parameter;
  const written = velocity === undefined ? [out] : [out, velocity];
  const floats = [parameter, gradient, ...written];
  checkFlat("sgdStep", floats, undefined, gradientScale);
  if (parameter.size === 0) return;
  kernels("sgdStep", written, [parameter, gradient, gradientScale]).sgdStep(
    viewOf(parameter),
    viewOf(gradient),
    velocity === undefined ? undefined : viewOf(velocity),
    viewOf(out),
    operand(gradientScale),
    update,
  );
}

/**
 * One step of Adam or AdamW over a flat range.
 *
 * @param tensors θ, its gradient, m in `mean` and v in `square`.
 * @param update The hyperparameters.
 * @throws {ShapeError} If the numbers of elements differ, or a scale on the device is no scalar.
 * @throws {DTypeError} If the floats are none or differ in dtype.
 */
export function adamStep(
  tensors: UpdateTensors & { readonly mean: Tensor; readonly square: Tensor },
  update: AdamUpdate,
): void {
  const { parameter, gradient, mean, square, gradientScale = 1 } = tensors;
  const out = tensors.out ?? parameter;
  const floats = [parameter, gradient, mean, square, out];
  checkFlat("adamStep", floats, undefined, gradientScale);
  if (parameter.size === 0) return;
  kernels(
    "adamStep",
    [out, mean, square],
    [parameter, gradient, gradientScale],
  ).adamStep(
    viewOf(parameter),
    viewOf(gradient),
    viewOf(mean),
    viewOf(square),
    viewOf(out),
    operand(gradientScale),
    update,
  );
}

/** Weights that share one threshold with others. */
export interface MagnitudeTensor {
  /** The weights. */
  readonly x: Tensor;
  /** Which threshold they belong to. */
  readonly segment: number;
  /** The position of the first weight in its segment, by which ties are ordered. */
  readonly base: number;
}

/**
 * The exact magnitude thresholds of Top-K pruning, which stay on the device.
 * See `FlatKernels.magnitudeThresholds` for the rule and its edges.
 *
 * @param parts The weights of all segments.
 * @param counts How many weights each segment keeps; negative keeps all.
 * @param options `exact`: keep exactly that many, the first of equals first; otherwise the strict rule |w| > τ.
 * @returns `[segments, 2]`, to be passed to {@linkcode pruneBelow}.
 * @throws {DTypeError} If the weights are not float or differ in dtype.
 * @throws {ArgumentError} If a count is not whole, a segment has no count, or a position is none.
 */
export function magnitudeThresholds(
  parts: readonly MagnitudeTensor[],
  counts: readonly number[],
  options: { readonly exact?: boolean } = {},
): Tensor {
  const op = "magnitudeThresholds";
  const tensors = parts.map(({ x }) => x);
  const device = commonDevice(op, ...tensors);
  for (const tensor of tensors) checkSingleOrDouble(op, tensor);
  const dtype = checkSameDType(op, ...tensors);
  if (!counts.every(Number.isSafeInteger)) {
    throw new ArgumentError(
      `Cannot run "${op}" with counts [${counts}]: expected whole numbers`,
    );
  }
  for (const { segment, base } of parts) {
    checkWhole(op, "segment", segment, 0, counts.length - 1);
    checkWhole(op, "base", base, 0);
  }
  const out = device.allocate(
    [counts.length, 2],
    dtype === "float64" ? "float64" : "uint32",
    op,
  );
  kernels(op, [out], tensors).magnitudeThresholds(
    parts.map((part) => ({ ...part, x: viewOf(part.x) })),
    counts,
    options.exact ?? false,
    viewOf(out),
  );
  return out;
}

/**
 * Prunes weights in place by their segment's threshold.
 *
 * @param part The weights, as in {@linkcode magnitudeThresholds}.
 * @param thresholds What that function returned.
 * @param mask `bool` of the same size; receives which weights were kept.
 * @throws {ShapeError} If the numbers of elements differ.
 * @throws {DTypeError} If the weights are not float, or the mask is not `bool`.
 * @throws {ArgumentError} If the segment has no threshold, or the position is none.
 */
export function pruneBelow(
  part: MagnitudeTensor,
  thresholds: Tensor,
  mask: Tensor,
): void {
  checkFlat("pruneBelow", [part.x], mask);
  const [segments] = thresholds.shape;
  checkWhole("pruneBelow", "segment", part.segment, 0, segments - 1);
  checkWhole("pruneBelow", "base", part.base, 0);
  if (part.x.size === 0) return;
  kernels("pruneBelow", [part.x, mask], [thresholds]).pruneBelow(
    { ...part, x: viewOf(part.x) },
    viewOf(thresholds),
    viewOf(mask),
  );
}

/**
 * N:M pruning in place, along the input channels of each output channel. See
 * `FlatKernels.pruneNM` for the rule and its edges.
 *
 * @param x A convolution's `[kh, kw, in, out]` or a linear layer's `[in, out]`.
 * @param mask `bool` of the same size; receives which weights were kept.
 * @param n How many are kept.
 * @param m Of how many.
 * @throws {ShapeError} If the numbers of elements differ.
 * @throws {DTypeError} If the weights are not float, or the mask is not `bool`.
 * @throws {ArgumentError} If n and m are not whole numbers with 0 ≤ n ≤ m.
 */
export function pruneNM(x: Tensor, mask: Tensor, n: number, m: number): void {
  checkFlat("pruneNM", [x], mask);
  if (
    !Number.isSafeInteger(n) || !Number.isSafeInteger(m) || n < 0 || m < 1 ||
    n > m
  ) {
    throw new ArgumentError(
      `Cannot run "pruneNM" with ${n}:${m}: expected whole numbers 0 ≤ n ≤ m, m ≥ 1`,
    );
  }
  if (x.size === 0) return;
  const columns = x.shape.at(-1) ?? 1;
  kernels("pruneNM", [x, mask], []).pruneNM(viewOf(x), viewOf(mask), {
    rows: x.size / columns,
    columns,
    n,
    m,
  });
}
