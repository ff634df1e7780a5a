/** For tests: runs kernels on the cpu and on the reference device, and compares. */

import { assert } from "@std/assert";
import type { Backend, View } from "../backend.ts";
import { type DType, dtypeInfo, type HostArray, hostArray } from "../dtype.ts";
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
  const place = (shape: Shape, dtype: DType): View => {
    const size = sizeOf(shape) * dtypeInfo(dtype).byteSize;
    const buffer = backend.allocate(
      Math.ceil(size / 4) * 4 + 2 * MARGIN,
    );
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
  return await Promise.all(outputs.map(async (view) => {
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
}

function deviceArray(dtype: DType, length: number): HostArray {
  return hostArray(dtype === "bool" ? "uint32" : dtype, length);
}

function bytesOf(array: HostArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Devices with one and two threads, opened once. */
let devices: Promise<Backend[]> | undefined;

/**
 * Runs kernels on the reference device and on cpu devices of one and two
 * threads. What the two compute has to agree bit for bit, with the reference
 * as closely as the tolerance says.
 */
export async function againstReference(
  body: (stage: Stage) => void,
  { relative = 0, absolute = 0 }: Tolerance = {},
): Promise<void> {
  devices ??= Promise.all([
    openReferenceBackend({}),
    openCpuBackend({ threads: 1 }),
    openCpuBackend({ threads: 2 }),
  ]);
  const [expected, single, double] = await Promise.all(
    (await devices).map((backend) => runOn(backend, body)),
  );
  expected.forEach((result, index) => {
    const { elements, shape, dtype } = result;
    for (let i = 0; i < elements.length; i++) {
      const wanted = elements[i];
      const actual = single[index].elements[i];
      const at = `element [${
        positionOf(i, shape)
      }] of output ${index} (${dtype} [${shape}])`;
      const twice = double[index].elements[i];
      assert(
        Object.is(actual, twice),
        `${at} is ${actual} with one thread and ${twice} with two`,
      );
      const near = Object.is(actual, wanted) || actual === wanted ||
        Math.abs(actual - wanted) <= absolute + relative * Math.abs(wanted);
      assert(near, `${at} is ${actual}, and ${wanted} on the reference`);
    }
  });
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
