/**
 * Tensors from numbers.
 *
 * @module
 */

import type { Device } from "./device.ts";
import { type DType, type HostArray, hostArray } from "./dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { bfloat16Bits, float16Bits } from "./float16.ts";
import { checkNumbers, commonDevice, produce } from "./_run.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Numbers or booleans in arrays of any depth, all of one length at each depth. */
export type NestedArray = readonly (number | boolean | NestedArray)[];

/** What {@linkcode tensor} takes. */
export type TensorValues = number | boolean | NestedArray | HostArray;

/** The dtype of a new tensor. */
export interface DTypeOptions {
  /** The dtype; `"float32"` if it is not given. */
  readonly dtype?: DType;
}

/** Options of {@linkcode tensor}. */
export interface TensorOptions {
  /**
   * The dtype. If it is not given, typed arrays keep theirs, booleans become
   * `bool` and numbers `float32`.
   */
  readonly dtype?: DType;
  /** The shape. If it is not given, it is that of the nested arrays, or one axis for a typed array. */
  readonly shape?: Shape;
}

/**
 * Makes a tensor of given values.
 *
 * @param device Where it lives.
 * @param values A number or boolean (a scalar), nested arrays of them, or a
 *   typed array. A `Uint16Array` holds bit patterns, and needs the dtype
 *   `float16` or `bfloat16`.
 * @param options Dtype and shape.
 * @returns The tensor; it belongs to the open scope.
 * @throws {ShapeError} If nested arrays are ragged, or the values do not fill the shape.
 * @throws {DTypeError} If the device has no such dtype, or a `Uint16Array` comes without one.
 * @throws {ArgumentError} If a dtype of whole numbers cannot hold a value.
 *
 * @example A matrix
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using matrix = tensor(device, [[1, 2, 3], [4, 5, 6]]);
 * assertEquals(matrix.shape, [2, 3]);
 * assertEquals(matrix.dtype, "float32");
 * ```
 */
export function tensor(
  device: Device,
  values: TensorValues,
  options: TensorOptions = {},
): Tensor {
  const host = ArrayBuffer.isView(values)
    ? fromTypedArray(values, options.dtype)
    : fromNested(values, options.dtype);
  const shape = options.shape ?? host.shape;
  checkShape(shape);
  if (sizeOf(shape) !== host.data.length) {
    throw new ShapeError(
      `Cannot make a tensor of shape ${
        formatShape(shape)
      } from ${host.data.length} values: it has ${sizeOf(shape)} elements`,
    );
  }
  return upload(device, "tensor", shape, host.dtype, () => host.data);
}

/** Values on the host, and what they are as a tensor. */
interface HostTensor {
  readonly data: HostArray;
  readonly shape: Shape;
  readonly dtype: DType;
}

function fromTypedArray(
  values: HostArray,
  dtype: DType = typedArrayDType(values),
): HostTensor {
  const given = values instanceof Uint16Array ? dtype : typedArrayDType(values);
  const bits = dtype === "float16" || dtype === "bfloat16";
  if (values instanceof Uint16Array && !bits) throw bitPatternError(dtype);
  return {
    data: given === dtype ? values : hostValues(dtype, values),
    shape: [values.length],
    dtype,
  };
}

function typedArrayDType(values: HostArray): DType {
  if (values instanceof Float32Array) return "float32";
  if (values instanceof Float64Array) return "float64";
  if (values instanceof Int32Array) return "int32";
  if (values instanceof Uint32Array) return "uint32";
  if (values instanceof Uint8Array) return "uint8";
  throw bitPatternError(undefined);
}

function bitPatternError(dtype: DType | undefined): DTypeError {
  return new DTypeError(
    `Cannot make a tensor from this typed array with dtype "${dtype}": expected a Float32Array, Float64Array, Int32Array, Uint32Array or Uint8Array, or a Uint16Array of bit patterns with dtype "float16" or "bfloat16"`,
  );
}

function fromNested(
  values: number | boolean | NestedArray,
  dtype?: DType,
): HostTensor {
  const shape: number[] = [];
  for (
    let inner: number | boolean | NestedArray = values;
    typeof inner === "object";
    inner = inner[0]
  ) {
    shape.push(inner.length);
    if (inner.length === 0) break;
  }
  checkShape(shape);
  const leaves: (number | boolean)[] = [];
  collect(values, shape, 0, leaves);
  const numbers = leaves.map(Number);
  dtype ??= leaves.length > 0 && leaves.every((x) => typeof x === "boolean")
    ? "bool"
    : "float32";
  return { data: hostValues(dtype, numbers), shape, dtype };
}

function collect(
  values: number | boolean | NestedArray,
  shape: Shape,
  axis: number,
  leaves: (number | boolean)[],
): void {
  if (axis === shape.length && typeof values !== "object") {
    leaves.push(values);
  } else if (
    axis < shape.length && typeof values === "object" &&
    values.length === shape[axis]
  ) {
    for (const inner of values) collect(inner, shape, axis + 1, leaves);
  } else {
    throw new ShapeError(
      `Cannot make a tensor of ragged arrays: the first ones have shape ${
        formatShape(shape)
      }, another has ${
        typeof values === "object" ? `length ${values.length}` : "a number"
      } at axis ${axis}`,
    );
  }
}

/** Numbers as a host array of a dtype. */
function hostValues(
  dtype: DType,
  values: ArrayLike<number> & Iterable<number>,
): HostArray {
  const array = hostArray(dtype, values.length);
  if (dtype === "float16" || dtype === "bfloat16") {
    const bitsOf = dtype === "float16" ? float16Bits : bfloat16Bits;
    for (let i = 0; i < values.length; i++) array[i] = bitsOf(values[i]);
  } else {
    checkNumbers("tensor", dtype, values);
    array.set(values);
  }
  return array;
}

/** Makes a tensor of a host array, which is asked for when the device has found memory for it. */
function upload(
  device: Device,
  op: string,
  shape: Shape,
  dtype: DType,
  data: () => HostArray,
): Tensor {
  return produce(device, op, shape, dtype, (out) => {
    // On devices, bool is one word an element.
    const { buffer, byteOffset, byteLength } = dtype === "bool"
      ? Uint32Array.from(data(), Number)
      : data();
    device.backend.write(
      out.buffer,
      out.byteOffset,
      new Uint8Array(buffer, byteOffset, byteLength),
    );
  });
}

/**
 * Makes a tensor whose elements all have one value.
 *
 * @param device Where it lives.
 * @param shape Its shape.
 * @param value The value; 0 or 1 for `bool`.
 * @param options The dtype.
 * @returns The tensor; it belongs to the open scope.
 * @throws {ShapeError} If `shape` is none.
 * @throws {DTypeError} If the device has no such dtype.
 * @throws {ArgumentError} If a dtype of whole numbers cannot hold the value.
 *
 * @example Sevens
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { full, openDevice } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using sevens = full(device, [3], 7, { dtype: "int32" });
 * assertEquals([...await sevens.data()], [7, 7, 7]);
 * ```
 */
export function full(
  device: Device,
  shape: Shape,
  value: number,
  options: DTypeOptions = {},
): Tensor {
  const { dtype = "float32" } = options;
  checkShape(shape);
  checkNumbers("full", dtype, [value]);
  if (device.kindOf(dtype) !== "storage") {
    return produce(
      device,
      "full",
      shape,
      dtype,
      (out) => device.backend.fill(out, value),
    );
  }
  const [element] = hostValues(dtype, [value]);
  return upload(
    device,
    "full",
    shape,
    dtype,
    () => hostArray(dtype, sizeOf(shape)).fill(element),
  );
}

/**
 * Makes a tensor of zeros.
 *
 * @param device Where it lives.
 * @param shape Its shape.
 * @param options The dtype.
 * @returns The tensor; it belongs to the open scope.
 * @throws {ShapeError} If `shape` is none.
 * @throws {DTypeError} If the device has no such dtype.
 *
 * @example Two zeros
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, zeros } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using x = zeros(device, [2]);
 * assertEquals([...await x.data()], [0, 0]);
 * ```
 */
export function zeros(
  device: Device,
  shape: Shape,
  options: DTypeOptions = {},
): Tensor {
  return full(device, shape, 0, options);
}

/**
 * Makes a tensor of ones.
 *
 * @param device Where it lives.
 * @param shape Its shape.
 * @param options The dtype.
 * @returns The tensor; it belongs to the open scope.
 * @throws {ShapeError} If `shape` is none.
 * @throws {DTypeError} If the device has no such dtype.
 *
 * @example Two ones
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ones, openDevice } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using x = ones(device, [2]);
 * assertEquals([...await x.data()], [1, 1]);
 * ```
 */
export function ones(
  device: Device,
  shape: Shape,
  options: DTypeOptions = {},
): Tensor {
  return full(device, shape, 1, options);
}

/**
 * Makes a tensor of one value, with the device and shape of another.
 *
 * @param x The other tensor.
 * @param value The value; 0 or 1 for `bool`.
 * @param options The dtype; x's if it is not given.
 * @returns The tensor; it belongs to the open scope.
 * @throws {ArgumentError} If a dtype of whole numbers cannot hold the value.
 * @throws {DisposedError} If x was disposed of.
 *
 * @example Sevens
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { fullLike, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const sevens = fullLike(tensor(device, [1, 2]), 7);
 * assertEquals([...await sevens.data()], [7, 7]);
 * ```
 */
export function fullLike(
  x: Tensor,
  value: number,
  options: DTypeOptions = {},
): Tensor {
  const device = commonDevice("fullLike", x);
  return full(device, x.shape, value, { dtype: options.dtype ?? x.dtype });
}

/**
 * Makes a tensor of zeros, with the device and shape of another.
 *
 * @param x The other tensor.
 * @param options The dtype; x's if it is not given.
 * @returns The tensor; it belongs to the open scope.
 * @throws {DisposedError} If x was disposed of.
 *
 * @example Two zeros
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tensor, zerosLike } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = zerosLike(tensor(device, [1, 2]));
 * assertEquals([...await x.data()], [0, 0]);
 * ```
 */
export function zerosLike(x: Tensor, options: DTypeOptions = {}): Tensor {
  return fullLike(x, 0, options);
}

/**
 * Makes a tensor of ones, with the device and shape of another.
 *
 * @param x The other tensor.
 * @param options The dtype; x's if it is not given.
 * @returns The tensor; it belongs to the open scope.
 * @throws {DisposedError} If x was disposed of.
 *
 * @example Two ones
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { onesLike, openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const x = onesLike(tensor(device, [3, 4]));
 * assertEquals([...await x.data()], [1, 1]);
 * ```
 */
export function onesLike(x: Tensor, options: DTypeOptions = {}): Tensor {
  return fullLike(x, 1, options);
}

/** Options of {@linkcode arange}. */
export interface ArangeOptions extends DTypeOptions {
  /** The first number; 0 if it is not given. */
  readonly start?: number;
  /** The difference of neighbours, which may be negative; 1 if it is not given. */
  readonly step?: number;
}

/**
 * Makes a tensor of evenly spaced numbers.
 *
 * @param device Where it lives.
 * @param stop Where the numbers end; it is not one of them.
 * @param options Start, step and dtype.
 * @returns `start`, `start + step`, … with one axis; it belongs to the open scope.
 * @throws {ArgumentError} If start, stop or step is not finite, step is 0, or a dtype of whole numbers cannot hold one of the numbers.
 * @throws {DTypeError} If the device has no such dtype.
 *
 * @example Even numbers
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { arange, openDevice } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using even = arange(device, 8, { start: 2, step: 2, dtype: "int32" });
 * assertEquals([...await even.data()], [2, 4, 6]);
 * ```
 */
export function arange(
  device: Device,
  stop: number,
  options: ArangeOptions = {},
): Tensor {
  const { start = 0, step = 1, dtype = "float32" } = options;
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!Number.isSafeInteger(length) || !Number.isFinite(step)) {
    throw new ArgumentError(
      `Cannot make numbers from ${start} to ${stop} in steps of ${step}: expected finite numbers and a step that is not 0`,
    );
  }
  const at = (i: number) => start + i * step;
  const ends = length === 0
    ? []
    : [at(0), at(Math.min(1, length - 1)), at(length - 1)];
  checkNumbers("arange", dtype, ends);
  return upload(
    device,
    "arange",
    [length],
    dtype,
    () => hostValues(dtype, Array.from({ length }, (_, i) => at(i))),
  );
}

/** Options of {@linkcode eye}. */
export interface EyeOptions extends DTypeOptions {
  /** The number of columns; that of the rows if it is not given. */
  readonly columns?: number;
}

/**
 * Makes a matrix of ones on the diagonal and zeros elsewhere.
 *
 * @param device Where it lives.
 * @param rows The number of rows.
 * @param options The number of columns, and the dtype.
 * @returns The matrix `[rows, columns]`; it belongs to the open scope.
 * @throws {ShapeError} If the numbers of rows or columns are none.
 * @throws {DTypeError} If the device has no such dtype.
 *
 * @example The identity
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { eye, openDevice } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using identity = eye(device, 2);
 * assertEquals([...await identity.data()], [1, 0, 0, 1]);
 * ```
 */
export function eye(
  device: Device,
  rows: number,
  options: EyeOptions = {},
): Tensor {
  const { columns = rows, dtype = "float32" } = options;
  const shape = [rows, columns];
  checkShape(shape);
  const [one] = hostValues(dtype, [1]);
  return upload(device, "eye", shape, dtype, () => {
    const data = hostArray(dtype, rows * columns);
    for (let i = 0; i < Math.min(rows, columns); i++) {
      data[i * columns + i] = one;
    }
    return data;
  });
}
