/**
 * Conversions between numbers and the bit patterns of the two 16-bit floats:
 * IEEE 754 binary16 (`float16`) and the upper half of a binary32 (`bfloat16`).
 *
 * @module
 */

const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const single = new Float32Array(1);
const singleWord = new Uint32Array(single.buffer);

/** The exponent of a positive number, -1023 for subnormals. */
function exponentOf(value: number): number {
  double[0] = value;
  return (doubleWords[littleEndian ? 1 : 0] >>> 20 & 0x7ff) - 1023;
}

/**
 * A number as sign, biased exponent and mantissa of 16 bits together. It is
 * counted in units of its last place, which are those of the smallest normal
 * number for subnormals, so that a carry out of the mantissa runs on into the
 * exponent, up to infinity.
 */
function encode(value: number, mantissaBits: number, bias: number): number {
  const infinity = (2 * bias + 1) << mantissaBits;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return infinity | 1 << (mantissaBits - 1);
  const exponent = Math.max(exponentOf(magnitude), 1 - bias);
  if (exponent > bias) return sign | infinity;
  const units = magnitude * 2 ** (mantissaBits - exponent);
  // Adding 2^52 leaves no bits for fractions: rounds to nearest, ties to even.
  const rounded = units + 2 ** 52 - 2 ** 52;
  return sign | (rounded + (exponent + bias - 1) * 2 ** mantissaBits);
}

/** The same as `from` of typed arrays, but not by their slow iterators. */
function mapInto<T extends Uint16Array | Float32Array>(
  target: T,
  source: ArrayLike<number>,
  f: (x: number) => number,
): T {
  for (let i = 0; i < target.length; i++) target[i] = f(source[i]);
  return target;
}

/**
 * The float16 that is nearest to a number.
 *
 * @param value Any number.
 * @returns Its 16 bits; ties round to even, 65,520 and more to infinity.
 *
 * @example One and a half
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(float16Bits(1.5), 0x3e00);
 * ```
 */
export function float16Bits(value: number): number {
  return encode(value, 10, 15);
}

/**
 * The number that a float16 is.
 *
 * @param bits Its 16 bits.
 * @returns The number, exactly.
 *
 * @example One and a half
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(float16Value(0x3e00), 1.5);
 * ```
 */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = bits >>> 10 & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * mantissa * 2 ** -24
    : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/**
 * The bfloat16 that is nearest to a number.
 *
 * @param value Any number.
 * @returns Its 16 bits; ties round to even.
 *
 * @example One and a half
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(bfloat16Bits(1.5), 0x3fc0);
 * ```
 */
export function bfloat16Bits(value: number): number {
  return encode(value, 7, 127);
}

/**
 * The number that a bfloat16 is.
 *
 * @param bits Its 16 bits.
 * @returns The number, exactly.
 *
 * @example One and a half
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(bfloat16Value(0x3fc0), 1.5);
 * ```
 */
export function bfloat16Value(bits: number): number {
  singleWord[0] = bits << 16;
  return single[0];
}

/**
 * Rounds numbers to float16.
 *
 * @param values The numbers.
 * @returns The bit patterns, as host arrays of `float16` tensors hold them.
 *
 * @example There and back
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...fromFloat16(toFloat16([1, 0.1]))], [1, 0.0999755859375]);
 * ```
 */
export function toFloat16(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  return mapInto(new Uint16Array(values.length), values, float16Bits);
}

/**
 * Reads float16 bit patterns.
 *
 * @param bits The bit patterns.
 * @returns The numbers, exactly.
 *
 * @example Two numbers
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...fromFloat16([0x3c00, 0xc000])], [1, -2]);
 * ```
 */
export function fromFloat16(
  bits: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  return mapInto(new Float32Array(bits.length), bits, float16Value);
}

/**
 * Rounds numbers to bfloat16.
 *
 * @param values The numbers.
 * @returns The bit patterns, as host arrays of `bfloat16` tensors hold them.
 *
 * @example There and back
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...fromBfloat16(toBfloat16([1, 0.1]))], [1, 0.10009765625]);
 * ```
 */
export function toBfloat16(
  values: ArrayLike<number>,
): Uint16Array<ArrayBuffer> {
  return mapInto(new Uint16Array(values.length), values, bfloat16Bits);
}

/**
 * Reads bfloat16 bit patterns.
 *
 * @param bits The bit patterns.
 * @returns The numbers, exactly.
 *
 * @example Two numbers
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...fromBfloat16([0x3f80, 0xc000])], [1, -2]);
 * ```
 */
export function fromBfloat16(
  bits: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  return mapInto(new Float32Array(bits.length), bits, bfloat16Value);
}
