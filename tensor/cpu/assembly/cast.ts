// @ts-nocheck: AssemblyScript, compiled by ../build.ts

import { address, int, slice, threadScratch } from "./_kernel.ts";
import { splat } from "./_math.ts";

/** Numbers of dtypes; the same as in ../_structure.ts. */
const FLOAT32 = 0;
const INT32 = 1;
const UINT32 = 2;
const BOOL = 3;
const UINT8 = 4;
const FLOAT16 = 5;
const BFLOAT16 = 6;

function isInteger(dtype: i32): bool {
  return dtype >= INT32 && dtype <= UINT8;
}

/** log2 of the size of an element in bytes. */
function sizeShift(dtype: i32): i32 {
  return dtype >= FLOAT16 ? 1 : dtype == UINT8 ? 0 : 2;
}

/** Four elements of an integer type as int32. */
function readIntegers(dtype: i32, x: usize): v128 {
  if (dtype != UINT8) return v128.load(x);
  const bytes = v128.load32_zero(x);
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
}

/** Four elements of any type as float32. */
function readFloats(dtype: i32, x: usize): v128 {
  switch (dtype) {
    case FLOAT32:
      return v128.load(x);
    case UINT32:
      return f32x4.convert_i32x4_u(v128.load(x));
    case FLOAT16:
      return widenFloat16(v128.load16x4_u(x));
    case BFLOAT16:
      return i32x4.shl(v128.load16x4_u(x), 16);
    default:
      return f32x4.convert_i32x4_s(readIntegers(dtype, x));
  }
}

/** Writes four int32 as elements of an integer type. */
function writeIntegers(dtype: i32, out: usize, x: v128): void {
  if (dtype == BOOL) {
    const isSet = i32x4.ne(x, i32x4.splat(0));
    v128.store(out, v128.and(isSet, i32x4.splat(1)));
  } else if (dtype == UINT8) {
    const bytes = v128.and(x, i32x4.splat(255));
    const pairs = i16x8.narrow_i32x4_u(bytes, bytes);
    v128.store32_lane(out, i8x16.narrow_i16x8_u(pairs, pairs), 0);
  } else {
    v128.store(out, x);
  }
}

/** Writes four float32 as elements of any type. */
function writeFloats(dtype: i32, out: usize, x: v128): void {
  switch (dtype) {
    case FLOAT32:
      v128.store(out, x);
      break;
    case UINT32:
      v128.store(out, i32x4.trunc_sat_f32x4_u(x));
      break;
    case BOOL:
      v128.store(
        out,
        v128.and(f32x4.ne(x, splat(0)), i32x4.splat(1)),
      );
      break;
    case UINT8: {
      const whole = i32x4.trunc_sat_f32x4_s(x);
      const bounded = i32x4.max_s(
        i32x4.min_s(whole, i32x4.splat(255)),
        i32x4.splat(0),
      );
      writeIntegers(UINT8, out, bounded);
      break;
    }
    case FLOAT16:
      writeHalves(out, narrowToFloat16(x));
      break;
    case BFLOAT16:
      writeHalves(out, narrowToBfloat16(x));
      break;
    default:
      v128.store(out, i32x4.trunc_sat_f32x4_s(x));
  }
}

/** Writes the lower halves of four words. */
function writeHalves(out: usize, x: v128): void {
  v128.store64_lane(out, i16x8.narrow_i32x4_u(x, x), 0);
}

function widenFloat16(bits: v128): v128 {
  const magnitude = v128.and(bits, i32x4.splat(0x7fff));
  const sign = i32x4.shl(v128.xor(bits, magnitude), 16);
  // The product corrects the bias of the exponent, also of subnormal numbers.
  const scaled = f32x4.mul(i32x4.shl(magnitude, 13), splat(2 ** 112));
  const isSpecial = i32x4.gt_s(magnitude, i32x4.splat(0x7bff));
  const special = v128.and(isSpecial, i32x4.splat(0x7f800000));
  return v128.or(v128.or(scaled, special), sign);
}

/** Rounds to nearest even. */
function narrowToFloat16(x: v128): v128 {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff));
  const sign = v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000));
  // Adding just under half a unit, and one more if the result is odd.
  const isOdd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const rounded = i32x4.add(
    i32x4.add(magnitude, isOdd),
    i32x4.splat(0xfff - (112 << 23)),
  );
  const normal = i32x4.shr_u(rounded, 13);
  // One unit of ½ is one unit of the subnormal numbers.
  const subnormal = i32x4.sub(
    f32x4.add(magnitude, splat(0.5)),
    i32x4.splat(0x3f000000),
  );
  let y = v128.bitselect(
    subnormal,
    normal,
    i32x4.lt_s(magnitude, i32x4.splat(0x38800000)),
  );
  y = v128.bitselect(
    i32x4.splat(0x7c00),
    y,
    i32x4.gt_s(magnitude, i32x4.splat(0x477fefff)),
  );
  const isNaN = f32x4.ne(x, x);
  return v128.bitselect(i32x4.splat(0x7e00), v128.or(y, sign), isNaN);
}

/** Rounds to nearest even. */
function narrowToBfloat16(x: v128): v128 {
  const isOdd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const rounded = i32x4.add(i32x4.add(x, isOdd), i32x4.splat(0x7fff));
  const isNaN = f32x4.ne(x, x);
  const bits = v128.bitselect(i32x4.splat(0x7fc00000), rounded, isNaN);
  return i32x4.shr_u(bits, 16);
}

/**
 * Makes large int32 or uint32 exact in float32, on the same side of every
 * number where rounding to bfloat16 decides: rounding twice is then no
 * different from rounding once.
 */
function roundToOdd(dtype: i32, x: v128): v128 {
  const magnitude = dtype == INT32 ? i32x4.abs(x) : x;
  const isLarge = i32x4.ge_u(magnitude, i32x4.splat(1 << 24));
  const low = v128.and(x, i32x4.splat(0xff));
  const sticky = v128.and(
    i32x4.ne(low, i32x4.splat(0)),
    i32x4.splat(0x100),
  );
  return v128.bitselect(v128.or(v128.xor(x, low), sticky), x, isLarge);
}

/** Converts a multiple of four elements. */
function castSpan(from: i32, x: usize, to: i32, out: usize, count: i32): void {
  const step = <usize> 4 << sizeShift(from);
  const outStep = <usize> 4 << sizeShift(to);
  for (let i = 0; i < count; i += 4) {
    if (isInteger(from) && isInteger(to)) {
      writeIntegers(to, out, readIntegers(from, x));
    } else if (to == BFLOAT16 && (from == INT32 || from == UINT32)) {
      const words = roundToOdd(from, v128.load(x));
      const value = from == INT32
        ? f32x4.convert_i32x4_s(words)
        : f32x4.convert_i32x4_u(words);
      writeFloats(to, out, value);
    } else {
      writeFloats(to, out, readFloats(from, x));
    }
    x += step;
    out += outStep;
  }
}

/** (x, out, count, from, to): converts between dtypes. */
export function cast(params: usize, part: i32, parts: i32): void {
  const count = int(params, 2);
  const from = int(params, 3);
  const to = int(params, 4);
  const start = slice(count, part, parts, 64);
  const length = slice(count, part + 1, parts, 64) - start;
  const x = address(params, 0) + (<usize> start << sizeShift(from));
  const out = address(params, 1) + (<usize> start << sizeShift(to));
  const whole = length & ~3;
  castSpan(from, x, to, out, whole);
  // The rest is padded to four elements, outside of the tensors.
  const rest = length - whole;
  if (rest > 0) {
    const source = threadScratch();
    const target = source + 16;
    memory.copy(
      source,
      x + (<usize> whole << sizeShift(from)),
      <usize> rest << sizeShift(from),
    );
    castSpan(from, source, to, target, 4);
    memory.copy(
      out + (<usize> whole << sizeShift(to)),
      target,
      <usize> rest << sizeShift(to),
    );
  }
}
