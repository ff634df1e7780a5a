/** Comparing kernels of the webgpu device with those of the reference device. */

import { assert, AssertionError } from "@std/assert";
import type { Backend, BackendBuffer, View } from "../backend.ts";
import { type DType, dtypeInfo, type HostArray, hostArray } from "../dtype.ts";
import { fromBfloat16, fromFloat16 } from "../float16.ts";
import { createReferenceBackend } from "../reference/mod.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { WebGpuBackend } from "./backend.ts";

/** A tensor that a kernel is tried on. */
export interface TestTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Its elements before the kernel runs; bit patterns of 16-bit floats. */
  readonly values: ArrayLike<number>;
  /** How many bytes lie before it in its buffer; a multiple of its elements' size. */
  readonly byteOffset?: number;
}

/** How much two devices may differ: |x - y| ≤ absolute + relative · |y|. */
export interface Tolerance {
  readonly absolute?: number;
  readonly relative?: number;
}

/** A `float32` tensor; without values, of numbers that are alike on every run. */
export function floats(
  shape: Shape,
  values: ArrayLike<number> | ((i: number) => number) = noise(sizeOf(shape)),
): TestTensor {
  const list = typeof values === "function"
    ? Array.from({ length: sizeOf(shape) }, (_, i) => values(i))
    : values;
  return { dtype: "float32", shape, values: list };
}

/** An `int32` tensor. */
export function integers(
  shape: Shape,
  values: ArrayLike<number> | ((i: number) => number),
): TestTensor {
  return { ...floats(shape, values), dtype: "int32" };
}

/** Numbers in [-2, 2) that look random, and differ between seeds. */
export function noise(count: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    return (state >>> 8) * 2 ** -22 - 2;
  });
}

/** A `float32` tensor of numbers in [-2, 2) that differ between seeds. */
export function randomFloats(shape: Shape, seed: number): TestTensor {
  return floats(shape, noise(sizeOf(shape), seed));
}

type Views<Name extends string> = Readonly<
  Record<Name, View<BackendBuffer>>
>;

/**
 * Runs a kernel on both devices and compares the tensors afterwards, those
 * that the kernel only reads too: it must not have touched them. Elements are
 * compared bit by bit where no tolerance is given, except that one NaN is as
 * good as another.
 *
 * @param device The webgpu device.
 * @param tensors What the kernel works on.
 * @param run Calls the kernel.
 * @param tolerance What floats may differ by.
 */
export async function assertAgrees<Name extends string>(
  device: WebGpuBackend,
  tensors: Readonly<Record<Name, TestTensor>>,
  run: (backend: Backend, views: Views<Name>) => void,
  tolerance: Tolerance = {},
): Promise<void> {
  const reference = createReferenceBackend();
  const actual = await results(device, tensors, run);
  const expected = await results(reference, tensors, run);
  reference.close();
  for (const name in tensors) {
    const { dtype, shape } = tensors[name];
    const [found, wanted] = [actual, expected].map((results) =>
      numbersOf(dtype, results[name])
    );
    for (let i = 0; i < sizeOf(shape); i++) {
      const [x, y] = [found[i], wanted[i]];
      if (!agrees(x, y, dtype.startsWith("float") ? tolerance : {})) {
        throw new AssertionError(
          `Element ${i} of "${name}" [${shape}] is ${x}, on the reference device ${y}`,
        );
      }
    }
  }
}

/** Elements as numbers, of which NaN is one. */
function numbersOf(dtype: DType, elements: HostArray): HostArray {
  if (dtype === "float16") return fromFloat16(elements);
  return dtype === "bfloat16" ? fromBfloat16(elements) : elements;
}

function agrees(
  x: number,
  y: number,
  { absolute = 0, relative = 0 }: Tolerance,
): boolean {
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return true;
  return Number.isFinite(y) &&
    Math.abs(x - y) <= absolute + relative * Math.abs(y);
}

/** Elements that surround a tensor in its buffer, which kernels must leave alone. */
const GUARD_BYTES = 16;
const GUARD = 0x5a;

async function results<Name extends string>(
  backend: Backend,
  tensors: Readonly<Record<Name, TestTensor>>,
  run: (backend: Backend, views: Views<Name>) => void,
): Promise<Record<Name, HostArray>> {
  const views = {} as Record<Name, View<BackendBuffer>>;
  for (const name in tensors) views[name] = upload(backend, tensors[name]);
  run(backend, views);
  const arrays = {} as Record<Name, HostArray>;
  for (const name in tensors) {
    arrays[name] = await download(backend, views[name]);
    backend.free(views[name].buffer);
  }
  return arrays;
}

/** As on devices: words for `bool`, whole words of memory. */
function deviceArray(dtype: DType, length: number): HostArray {
  return dtype === "bool" ? new Uint32Array(length) : hostArray(dtype, length);
}

function bytesOf({ dtype, shape }: { dtype: DType; shape: Shape }): number {
  return sizeOf(shape) * dtypeInfo(dtype).byteSize;
}

function upload(backend: Backend, tensor: TestTensor): View<BackendBuffer> {
  const { dtype, shape, values, byteOffset = 0 } = tensor;
  const size = bytesOf(tensor);
  const byteLength = byteOffset + Math.ceil(size / 4) * 4 + GUARD_BYTES;
  const bytes = new Uint8Array(byteLength).fill(GUARD);
  const elements = deviceArray(dtype, sizeOf(shape));
  elements.set(values);
  bytes.set(new Uint8Array(elements.buffer), byteOffset);
  const buffer = backend.allocate(byteLength);
  backend.write(buffer, 0, bytes);
  return { buffer, byteOffset, shape, dtype };
}

async function download(
  backend: Backend,
  view: View<BackendBuffer>,
): Promise<HostArray> {
  const { buffer, byteOffset, dtype, shape } = view;
  const bytes = await backend.read(buffer, 0, buffer.byteLength);
  const end = byteOffset + bytesOf(view);
  const around = [...bytes.subarray(0, byteOffset), ...bytes.subarray(end)];
  assert(
    around.every((byte) => byte === GUARD),
    "A kernel wrote beside its output",
  );
  const elements = deviceArray(dtype, sizeOf(shape));
  new Uint8Array(elements.buffer).set(bytes.subarray(byteOffset, end));
  return elements;
}
