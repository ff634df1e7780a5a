/** For tests: runs kernels on the cpu and on the reference device, and compares. */

import { assert, AssertionError } from "@std/assert";
import type { Backend, BackendBuffer, View } from "../backend.ts";
import { type DType, dtypeInfo, type HostArray, hostArray } from "../dtype.ts";
import { fromBfloat16, fromFloat16 } from "../float16.ts";
import { openReferenceBackend } from "../reference/mod.ts";
import { type Shape, sizeOf, stridesOf } from "../shape.ts";
import { openCpuBackend } from "./mod.ts";

/** A kernel's surroundings on one device. */
export interface Stage {
  /** The device. */
  readonly backend: Backend;
  /** An input of given elements, which are repeated if they are too few. */
  input(
    shape: Shape,
    elements: ArrayLike<number>,
    dtype?: DType,
  ): View;
  /** An output, which is compared when everything has run. */
  output(shape: Shape, dtype?: DType): View;
}

/** How far from the reference results may be: |x - y| ≤ absolute + relative·|y|. */
export interface Tolerance {
  readonly relative?: number;
  readonly absolute?: number;
}

interface Result {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly elements: HostArray;
}

/** Elements before and behind each output that no kernel may touch. */
const MARGIN = 16;
const MARK = 0x5a;

async function runOn(
  backend: Backend,
  body: (stage: Stage) => void,
): Promise<Result[]> {
  const outputs: View[] = [];
  const buffers: BackendBuffer[] = [];
  const place = (shape: Shape, dtype: DType): View => {
    const size = sizeOf(shape) * dtypeInfo(dtype).byteSize;
    const buffer = backend.allocate(
      Math.ceil(size / 4) * 4 + 2 * MARGIN,
    );
    buffers.push(buffer);
    backend.write(buffer, 0, new Uint8Array(buffer.byteLength).fill(MARK));
    return { buffer, byteOffset: MARGIN, shape, dtype };
  };
  body({
    backend,
    input(shape, elements, dtype = "float32") {
      const view = place(shape, dtype);
      const array = deviceArray(dtype, sizeOf(shape));
      for (let i = 0; i < array.length; i++) {
        array[i] = elements[i % elements.length];
      }
      backend.write(view.buffer, view.byteOffset, bytesOf(array));
      return view;
    },
    output(shape, dtype = "float32") {
      const view = place(shape, dtype);
      outputs.push(view);
      return view;
    },
  });
  const results = await Promise.all(outputs.map(async (view) => {
    const { buffer, byteOffset, shape, dtype } = view;
    const bytes = await backend.read(buffer, 0, buffer.byteLength);
    const elements = deviceArray(dtype, sizeOf(shape));
    const used = bytesOf(elements);
    used.set(bytes.subarray(byteOffset, byteOffset + used.length));
    const outside = [
      ...bytes.subarray(0, MARGIN),
      ...bytes.subarray(byteOffset + used.length),
    ];
    assert(
      outside.every((byte) => byte === MARK),
      `A kernel wrote outside of a ${dtype} output of shape [${shape}]`,
    );
    return { shape, dtype, elements };
  }));
  for (const buffer of buffers) backend.free(buffer);
  return results;
}

function deviceArray(dtype: DType, length: number): HostArray {
  return hostArray(dtype === "bool" ? "uint32" : dtype, length);
}

function bytesOf(array: HostArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Opens the devices, once for all tests of a file. */
async function openDevices(): Promise<{
  readonly reference: Backend;
  readonly single: Backend;
  readonly double: Backend;
  readonly portable: Backend;
  readonly plain: Backend;
}> {
  return {
    reference: await openReferenceBackend({}),
    single: await openCpuBackend({ threads: 1 }),
    double: await openCpuBackend({ threads: 2 }),
    portable: await openCpuBackend({ threads: 1, native: false }),
    plain: await openCpuBackend({
      ...{ threads: 1, relaxedSimd: false, native: false },
    }),
  };
}

let devices: ReturnType<typeof openDevices> | undefined;

/**
 * Runs kernels on the reference device and on cpu devices of one and two
 * threads, with and without machine code and relaxed SIMD. One and two threads have to agree
 * bit for bit, all of them with the reference as closely as the tolerance
 * says.
 */
export async function againstReference(
  body: (stage: Stage) => void,
  tolerance: Tolerance = {},
): Promise<void> {
  const { reference, single, double, portable, plain } =
    await (devices ??= openDevices());
  const expected = await runOn(reference, body);
  const actual = await runOn(single, body);
  compare("one thread", actual, "the reference", expected, tolerance);
  const twice = await runOn(double, body);
  compare("two threads", twice, "one", actual, {});
  const alike = await runOn(portable, body);
  compare("WebAssembly", alike, "the reference", expected, tolerance);
  const slow = await runOn(plain, body);
  compare("plain SIMD", slow, "the reference", expected, tolerance);
}

function compare(
  device: string,
  results: readonly Result[],
  other: string,
  others: readonly Result[],
  { relative = 0, absolute = 0 }: Tolerance,
): void {
  results.forEach((result, index) => {
    const { shape, dtype } = result;
    const elements = valuesOf(result);
    const otherElements = valuesOf(others[index]);
    for (let i = 0; i < elements.length; i++) {
      const [a, b] = [elements[i], otherElements[i]];
      const near = Object.is(a, b) || a === b ||
        Math.abs(a - b) <= absolute + relative * Math.abs(b);
      if (near) continue;
      throw new AssertionError(
        `Element [${
          positionOf(i, shape)
        }] of output ${index} (${dtype} [${shape}]) is ${a} with ${device} and ${b} with ${other}`,
      );
    }
  });
}

/** Elements as numbers: NaN has many bit patterns. */
function valuesOf({ dtype, elements }: Result): ArrayLike<number> {
  if (dtype === "float16") return fromFloat16(elements);
  return dtype === "bfloat16" ? fromBfloat16(elements) : elements;
}

function positionOf(index: number, shape: Shape): number[] {
  return stridesOf(shape).map((stride, axis) =>
    Math.floor(index / stride) % shape[axis]
  );
}

/** Numbers between -scale and scale that are the same in every run. */
export function noise(count: number, scale = 1, seed = 1): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * scale;
  });
}

/** Float32 numbers that formulas forget. */
export const SPECIAL: readonly number[] = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  1e-45,
  -1e-45,
  1e-40,
  1.17549435e-38,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  0.5,
  -0.5,
  1.5,
  -2.5,
  2,
  3,
  -3,
  88.5,
  -88.5,
  104,
  -104,
];
