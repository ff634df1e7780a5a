/**
 * Value types of tensors, and their representation on the host and on devices.
 *
 * @module
 */

import { DTypeError } from "./errors.ts";

/**
 * The type of a tensor's elements.
 *
 * | dtype | on a device | on the host |
 * |---|---|---|
 * | `float32` | IEEE 754 single | `Float32Array` |
 * | `float64` | IEEE 754 double, on the reference device only | `Float64Array` |
 * | `int32`, `uint32` | 32-bit integers | `Int32Array`, `Uint32Array` |
 * | `bool` | one 32-bit word, 0 or 1 | `Uint8Array` of 0 and 1 |
 * | `uint8` | one byte; storage and casts only | `Uint8Array` |
 * | `float16` | IEEE 754 half; storage and casts only where `device.info.floatDTypes` does not list it | `Uint16Array` of bit patterns |
 * | `bfloat16` | two bytes; storage and casts only | `Uint16Array` of bit patterns |
 *
 * What is computed with `float16` is computed and summed in float32, and
 * rounded once, when a result is stored.
 */
export type DType =
  | "float32"
  | "float64"
  | "int32"
  | "uint32"
  | "bool"
  | "uint8"
  | "float16"
  | "bfloat16";

/** Typed arrays that hold tensor elements on the host. */
export type HostArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint8Array
  | Uint16Array;

/** Everything that is known of a value type. */
export interface DTypeInfo {
  /** Bytes of one element on a device. */
  readonly byteSize: number;
  /** Bytes of one element on the host, and in files. */
  readonly hostByteSize: number;
  /** `"float"` for types that arithmetic with fractions is defined on; which of them a device computes with, `device.kindOf()` tells. */
  readonly kind: "float" | "int" | "bool" | "storage";
}

const INFO: Readonly<Record<DType, DTypeInfo>> = {
  float32: { byteSize: 4, hostByteSize: 4, kind: "float" },
  float64: { byteSize: 8, hostByteSize: 8, kind: "float" },
  int32: { byteSize: 4, hostByteSize: 4, kind: "int" },
  uint32: { byteSize: 4, hostByteSize: 4, kind: "int" },
  bool: { byteSize: 4, hostByteSize: 1, kind: "bool" },
  uint8: { byteSize: 1, hostByteSize: 1, kind: "storage" },
  float16: { byteSize: 2, hostByteSize: 2, kind: "float" },
  bfloat16: { byteSize: 2, hostByteSize: 2, kind: "storage" },
};

/** All value types, in the order of {@linkcode DType}. */
export const DTYPES: readonly DType[] = Object.keys(INFO) as DType[];

/**
 * What is known of a value type.
 *
 * @param dtype The value type.
 * @returns Its sizes in bytes and its kind.
 * @throws {DTypeError} If `dtype` is not one of {@linkcode DTYPES}.
 *
 * @example Sizes
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(dtypeInfo("float32").byteSize, 4);
 * ```
 */
export function dtypeInfo(dtype: DType): DTypeInfo {
  const info = Object.hasOwn(INFO, dtype) ? INFO[dtype] : undefined;
  if (info === undefined) {
    throw new DTypeError(
      `Unknown dtype "${dtype}": expected one of ${DTYPES.join(", ")}`,
    );
  }
  return info;
}

/**
 * A zeroed host array that holds `length` elements of a value type.
 *
 * @param dtype The value type.
 * @param length The number of elements.
 * @returns A typed array as {@linkcode DType} lists it.
 * @throws {DTypeError} If `dtype` is not one of {@linkcode DTYPES}.
 */
export function hostArray(dtype: DType, length: number): HostArray {
  dtypeInfo(dtype);
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "uint32":
      return new Uint32Array(length);
    case "bool":
    case "uint8":
      return new Uint8Array(length);
    case "float16":
    case "bfloat16":
      return new Uint16Array(length);
    default:
      return dtype satisfies never;
  }
}
