// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Functions of four float32 at once. Polynomials are minimax fits (Remez, by
 * relative error of the whole function).
 *
 * The largest errors that were found among four million numbers, in units of
 * the last place: log 0.8, exp 1.0, tanh 1.3, erf 1.4, sin and cos 1.5 (up to
 * 10^6), sigmoid 2.4, gelu 6.6. geluTanh has 190 where it is nearly 0 (at -9),
 * because e^u magnifies the rounding of u. ../_elementwise_test.ts sets bounds.
 */

import { madd } from "./_kernel.ts";

export function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/**
 * Number `index` of a table. V8 builds a constant vector from two immediate
 * operands whenever it is used; reading it takes half of the time, so the
 * constants of functions are in tables.
 */
function nth(table: usize, index: usize): v128 {
  return v128.load32_splat(table + (index << 2));
}

/** x within bounds; NaN stays. */
function bound(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, low), high);
}

const EXP: usize = memory.data<f32>([
  // Beyond these bounds the result is 0 or ∞ anyway.
  -150,
  130,
  1.4426950408889634, // 1 / ln 2
  12582912, // 1.5·2^23: a small number that is added to it is rounded to a whole one
  // ln 2 in two parts; the product of the first with a whole number below 2^15 is exact
  0.693359375,
  -2.12194440054690583e-4,
  // (e^r - 1 - r) / r²
  0.00138146001001,
  0.00836871691926,
  0.0416683879776,
  0.166665206315,
  0.499999934484,
  1,
]);

/** x / ln 2, rounded to a whole number, plus 1.5·2^23. */
function roundedLog2(x: v128): v128 {
  return madd(x, nth(EXP, 2), nth(EXP, 3));
}

/** e^(x + tail) / 2^n for a tail that is small against 1. */
function expFraction(x: v128, n: v128, tail: v128): v128 {
  let r = f32x4.sub(x, f32x4.mul(n, nth(EXP, 4)));
  r = f32x4.add(f32x4.sub(r, f32x4.mul(n, nth(EXP, 5))), tail);
  let p = nth(EXP, 6);
  p = madd(p, r, nth(EXP, 7));
  p = madd(p, r, nth(EXP, 8));
  p = madd(p, r, nth(EXP, 9));
  p = madd(p, r, nth(EXP, 10));
  return f32x4.add(madd(f32x4.mul(p, r), r, r), nth(EXP, 11));
}

/**
 * e^x for numbers that are not positive, which takes less time than exp4: what
 * it makes 0 is below 2^-126, too small to matter beside the largest of them.
 */
export function decay4(x: v128): v128 {
  const bounded = f32x4.pmax(x, nth(EXP, 0));
  const rounded = roundedLog2(bounded);
  const n = f32x4.sub(rounded, nth(EXP, 3));
  // 2^n as a number's bits, 0 for n = -127 and below.
  const whole = i32x4.max_s(
    i32x4.sub(rounded, nth(EXP, 3)),
    i32x4.splat(-127),
  );
  const power = i32x4.add(i32x4.shl(whole, 23), nth(EXP, 11));
  return f32x4.mul(expFraction(bounded, n, splat(0)), power);
}

/** e^(x + tail) for a tail that is small against 1. */
function expOfSum(x: v128, tail: v128): v128 {
  const bounded = bound(x, nth(EXP, 0), nth(EXP, 1));
  const rounded = roundedLog2(bounded);
  const n = f32x4.sub(rounded, nth(EXP, 3));
  const p = expFraction(bounded, n, tail);
  // 2^n in two factors, so that neither leaves the range of the exponent.
  const whole = i32x4.sub(rounded, nth(EXP, 3));
  const half = i32x4.shr_s(whole, 1);
  const rest = i32x4.sub(whole, half);
  const one = nth(EXP, 11);
  return f32x4.mul(
    f32x4.mul(p, i32x4.add(i32x4.shl(half, 23), one)),
    i32x4.add(i32x4.shl(rest, 23), one),
  );
}

/** e^x. */
export function exp4(x: v128): v128 {
  return expOfSum(x, splat(0));
}

const LOG: usize = memory.data<f32>([
  1.17549435e-38, // the smallest normal number
  8388608, // 2^23
  0.7071067690849304, // √½
  23,
  1,
  // (log(1 + f) - f + f²/2) / f³
  0.0691552741474,
  -0.117899264452,
  0.118729668947,
  -0.123843261403,
  0.142186562219,
  -0.166692521664,
  0.200022267844,
  -0.249999865738,
  0.333333104364,
  // ln 2 in two parts, as above
  0.693359375,
  -2.12194440054690583e-4,
  0.5,
]);

/** The natural logarithm. */
export function log4(x: v128): v128 {
  const subnormal = f32x4.lt(x, nth(LOG, 0));
  const scaled = v128.bitselect(f32x4.mul(x, nth(LOG, 1)), x, subnormal);
  // scaled = m·2^n with m in [√½, √2)
  const root = nth(LOG, 2);
  const shifted = i32x4.sub(scaled, root);
  const whole = i32x4.shr_s(shifted, 23);
  const m = i32x4.sub(scaled, i32x4.shl(whole, 23));
  const n = f32x4.sub(
    f32x4.convert_i32x4_s(whole),
    v128.and(subnormal, nth(LOG, 3)),
  );
  const f = f32x4.sub(m, nth(LOG, 4));
  let p = nth(LOG, 5);
  p = madd(p, f, nth(LOG, 6));
  p = madd(p, f, nth(LOG, 7));
  p = madd(p, f, nth(LOG, 8));
  p = madd(p, f, nth(LOG, 9));
  p = madd(p, f, nth(LOG, 10));
  p = madd(p, f, nth(LOG, 11));
  p = madd(p, f, nth(LOG, 12));
  p = madd(p, f, nth(LOG, 13));
  const square = f32x4.mul(f, f);
  // log(1 + f) = f - f²/2 + f³·p(f)
  let tail = f32x4.mul(f32x4.mul(p, f), square);
  tail = madd(n, nth(LOG, 15), tail);
  tail = f32x4.sub(tail, f32x4.mul(square, nth(LOG, 16)));
  let y = madd(n, nth(LOG, 14), f32x4.add(f, tail));
  y = v128.bitselect(x, y, f32x4.eq(x, splat(Infinity)));
  y = v128.bitselect(splat(-Infinity), y, f32x4.eq(x, splat(0)));
  const valid = f32x4.ge(x, splat(0)); // false for NaN
  return v128.bitselect(y, splat(NaN), valid);
}

/** x with the sign of another number. */
function copySign(x: v128, sign: v128): v128 {
  return v128.bitselect(sign, x, i32x4.splat(0x80000000));
}

const TANH: usize = memory.data<f32>([
  // (tanh(x) / x - 1) / x², by powers of x²
  -0.00571704163972,
  0.0206505843203,
  -0.053743497223,
  0.133314912777,
  -0.333332839249,
  1,
  2,
  0.625,
]);

/** The hyperbolic tangent. */
export function tanh4(x: v128): v128 {
  const z = f32x4.mul(x, x);
  let p = nth(TANH, 0);
  p = madd(p, z, nth(TANH, 1));
  p = madd(p, z, nth(TANH, 2));
  p = madd(p, z, nth(TANH, 3));
  p = madd(p, z, nth(TANH, 4));
  const near = madd(f32x4.mul(p, z), x, x);
  const magnitude = f32x4.abs(x);
  const e = exp4(f32x4.add(magnitude, magnitude));
  const one = nth(TANH, 5);
  const far = f32x4.sub(one, f32x4.div(nth(TANH, 6), f32x4.add(e, one)));
  const isNear = f32x4.lt(magnitude, nth(TANH, 7));
  return copySign(v128.bitselect(near, far, isNear), x);
}

/** 1 / (1 + e^-x). */
export function sigmoid4(x: v128): v128 {
  const one = nth(EXP, 11);
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const numerator = v128.bitselect(e, one, f32x4.lt(x, splat(0)));
  return f32x4.div(numerator, f32x4.add(one, e));
}

/** The upper half of the digits of a number. */
function upperDigits(x: v128): v128 {
  return v128.and(x, i32x4.splat(0xfffff000));
}

/** e^(-z²), without the rounding error of z², which exp would magnify. */
function expOfMinusSquare(z: v128): v128 {
  const high = upperDigits(z);
  const low = f32x4.sub(z, high);
  return expOfSum(
    f32x4.neg(f32x4.mul(high, high)),
    f32x4.neg(f32x4.mul(low, f32x4.add(z, high))),
  );
}

const ERFC: usize = memory.data<f32>([
  0.4,
  1,
  // erfc(z) / e^(-z²) / t, by powers of t = 1 / (1 + 0.4 z)
  -0.0284505588017,
  0.19181572957,
  -0.484277183,
  0.528113265636,
  -0.268354942558,
  0.263508368396,
  0.132623297588,
  0.214291961783,
  0.225026987941,
  0.225703082728,
]);

/** erfc(z) / e^(-z²) for z in [0, 10.6]. */
function scaledErfc(z: v128): v128 {
  const one = nth(ERFC, 1);
  const t = f32x4.div(one, madd(z, nth(ERFC, 0), one));
  let p = nth(ERFC, 2);
  p = madd(p, t, nth(ERFC, 3));
  p = madd(p, t, nth(ERFC, 4));
  p = madd(p, t, nth(ERFC, 5));
  p = madd(p, t, nth(ERFC, 6));
  p = madd(p, t, nth(ERFC, 7));
  p = madd(p, t, nth(ERFC, 8));
  p = madd(p, t, nth(ERFC, 9));
  p = madd(p, t, nth(ERFC, 10));
  p = madd(p, t, nth(ERFC, 11));
  return f32x4.mul(p, t);
}

const ERF: usize = memory.data<f32>([
  // erf(x) / x - 1, by powers of x²
  8.51310213588e-5,
  -0.0008175638974,
  0.00520385914897,
  -0.0268605084689,
  0.112837150332,
  -0.376126349799,
  0.12837916676,
  10.6, // where erfc is 0 in float32
  1,
  0.9,
]);

/** The error function. */
export function erf4(x: v128): v128 {
  const z = f32x4.mul(x, x);
  let p = nth(ERF, 0);
  p = madd(p, z, nth(ERF, 1));
  p = madd(p, z, nth(ERF, 2));
  p = madd(p, z, nth(ERF, 3));
  p = madd(p, z, nth(ERF, 4));
  p = madd(p, z, nth(ERF, 5));
  p = madd(p, z, nth(ERF, 6));
  const near = madd(p, x, x);
  const magnitude = f32x4.abs(x);
  const bounded = f32x4.pmin(magnitude, nth(ERF, 7));
  const tail = f32x4.mul(scaledErfc(bounded), expOfMinusSquare(bounded));
  const far = copySign(f32x4.sub(nth(ERF, 8), tail), x);
  return v128.bitselect(near, far, f32x4.lt(magnitude, nth(ERF, 9)));
}

const GELU: usize = memory.data<f32>([
  // Outside of these bounds Φ(x) is 0 or 1.
  -14.9,
  14.9,
  0.5,
  -0.5,
  1,
  0.7071067811865476, // √½
  0.3989422804014327, // 1 / √(2π)
  0.044715,
  3 * 0.044715,
  1.5957691216057308, // 2·√(2/π)
]);

/** x within the range outside of which Φ is 0 or 1. */
function boundedArgument(x: v128): v128 {
  return bound(x, nth(GELU, 0), nth(GELU, 1));
}

/** Φ(x) = ½ erfc(-x / √2) from e^(-x²/2). */
function normalCdf(x: v128, gauss: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), nth(GELU, 5));
  const tail = f32x4.mul(f32x4.mul(scaledErfc(z), gauss), nth(GELU, 2));
  return v128.bitselect(
    tail,
    f32x4.sub(nth(GELU, 4), tail),
    f32x4.lt(x, splat(0)),
  );
}

/** e^(-x²/2), of x itself: x²/2 = high²/2 + low·(x + high)/2. */
function gauss4(x: v128): v128 {
  const high = upperDigits(x);
  const low = f32x4.sub(x, high);
  return expOfSum(
    f32x4.mul(f32x4.mul(high, high), nth(GELU, 3)),
    f32x4.mul(f32x4.mul(low, f32x4.add(x, high)), nth(GELU, 3)),
  );
}

/** x·Φ(x). */
export function gelu4(x: v128): v128 {
  const bounded = boundedArgument(x);
  return f32x4.mul(x, normalCdf(bounded, gauss4(bounded)));
}

/** dy·(Φ(x) + x·φ(x)). */
export function geluGradient4(x: v128, dy: v128): v128 {
  const bounded = boundedArgument(x);
  const gauss = gauss4(bounded);
  const density = f32x4.mul(gauss, nth(GELU, 6));
  return f32x4.mul(dy, madd(x, density, normalCdf(bounded, gauss)));
}

/** 2·√(2/π)·(x + 0.044715 x³) */
function geluTanhArgument(x: v128): v128 {
  const cubic = madd(f32x4.mul(x, x), nth(GELU, 7), nth(GELU, 4));
  return f32x4.mul(f32x4.mul(x, cubic), nth(GELU, 9));
}

/** x/2·(1 + tanh u) = x·sigmoid(2u), which does not cancel for negative x. */
export function geluTanh4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(geluTanhArgument(x)));
}

/** The derivative of geluTanh4, times dy. */
export function geluTanhGradient4(x: v128, dy: v128): v128 {
  const bounded = boundedArgument(x);
  const u = geluTanhArgument(bounded);
  const one = nth(GELU, 4);
  const inner = f32x4.mul(
    madd(f32x4.mul(bounded, bounded), nth(GELU, 8), one),
    nth(GELU, 9),
  );
  // The sigmoid y of u, and y·(1 - y) without cancellation.
  const e = exp4(f32x4.neg(f32x4.abs(u)));
  const upper = f32x4.div(one, f32x4.add(one, e));
  const lower = f32x4.mul(e, upper);
  const y = v128.bitselect(lower, upper, f32x4.lt(u, splat(0)));
  const slope = f32x4.mul(f32x4.mul(upper, lower), inner);
  return f32x4.mul(dy, madd(x, slope, y));
}

/** max(x, 0), and NaN for NaN. */
export function relu4(x: v128): v128 {
  return f32x4.pmax(f32x4.add(x, splat(0)), splat(0)); // + 0 makes -0 a 0
}

const REDUCTION: usize = memory.data<f64>([
  0.6366197723675814, // 2/π
  // π/2 in two parts; the product of the first with a whole number below 2^20 is exact
  1.5707963267341256,
  6.077100506506192e-11,
]);

/** Larger arguments need more of π. */
const NEAR_ZERO: f32 = 1048576;

/** The nearest multiple of π/2. */
function quarters(x: v128): v128 {
  return f64x2.nearest(f64x2.mul(x, v128.load64_splat(REDUCTION)));
}

/** x - n·π/2 */
function remainder(x: v128, n: v128): v128 {
  const high = v128.load64_splat(REDUCTION, 8);
  const low = v128.load64_splat(REDUCTION, 16);
  return f64x2.sub(f64x2.sub(x, f64x2.mul(n, high)), f64x2.mul(n, low));
}

const SIN: usize = memory.data<f32>([
  // (sin(r) / r - 1) / r², by powers of r²
  2.7183043127e-6,
  -0.000198393340922,
  0.00833332938361,
  -0.166666666416,
  // cos(r), by powers of r²
  2.44383794791e-5,
  -0.00138873669101,
  0.0416666468546,
  -0.5,
  1,
]);

/** sin(x + offset·π/2) for |x| up to 2^20. */
function shiftedSin(x: v128, offset: i32): v128 {
  const low = f64x2.promote_low_f32x4(x);
  const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1));
  const nLow = quarters(low);
  const nHigh = quarters(high);
  const r = v128.shuffle<i64>(
    f32x4.demote_f64x2_zero(remainder(low, nLow)),
    f32x4.demote_f64x2_zero(remainder(high, nHigh)),
    0,
    2,
  );
  const quadrant = i32x4.add(
    v128.shuffle<i64>(
      i32x4.trunc_sat_f64x2_s_zero(nLow),
      i32x4.trunc_sat_f64x2_s_zero(nHigh),
      0,
      2,
    ),
    i32x4.splat(offset),
  );
  const z = f32x4.mul(r, r);
  let s = nth(SIN, 0);
  s = madd(s, z, nth(SIN, 1));
  s = madd(s, z, nth(SIN, 2));
  s = madd(s, z, nth(SIN, 3));
  s = madd(f32x4.mul(s, z), r, r);
  let c = nth(SIN, 4);
  c = madd(c, z, nth(SIN, 5));
  c = madd(c, z, nth(SIN, 6));
  c = madd(c, z, nth(SIN, 7));
  c = madd(c, z, nth(SIN, 8));
  // Odd quarters take the cosine, the third and fourth another sign.
  const isOdd = i32x4.shr_s(i32x4.shl(quadrant, 31), 31);
  const sign = i32x4.shl(i32x4.shr_u(quadrant, 1), 31);
  return v128.xor(v128.bitselect(c, s, isOdd), sign);
}

function hasFarLane(x: v128): bool {
  return v128.any_true(f32x4.gt(f32x4.abs(x), splat(NEAR_ZERO)));
}

/** The sine. */
export function sin4(x: v128): v128 {
  if (hasFarLane(x)) {
    return f32x4(
      <f32> Math.sin(f32x4.extract_lane(x, 0)),
      <f32> Math.sin(f32x4.extract_lane(x, 1)),
      <f32> Math.sin(f32x4.extract_lane(x, 2)),
      <f32> Math.sin(f32x4.extract_lane(x, 3)),
    );
  }
  // The sine of -0 is -0.
  return v128.bitselect(x, shiftedSin(x, 0), f32x4.eq(x, splat(0)));
}

/** The cosine. */
export function cos4(x: v128): v128 {
  if (hasFarLane(x)) {
    return f32x4(
      <f32> Math.cos(f32x4.extract_lane(x, 0)),
      <f32> Math.cos(f32x4.extract_lane(x, 1)),
      <f32> Math.cos(f32x4.extract_lane(x, 2)),
      <f32> Math.cos(f32x4.extract_lane(x, 3)),
    );
  }
  return shiftedSin(x, 1);
}

/** IEEE 754 pow of one number: 1 to the power of anything is 1, and so is -1 to the power of ±∞. */
function pow1(a: f32, b: f32): f32 {
  if (a == 1 || (a == -1 && Mathf.abs(b) == Infinity)) return 1;
  return Mathf.pow(a, b);
}

/** a to the power of b. */
export function pow4(a: v128, b: v128): v128 {
  return f32x4(
    pow1(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)),
    pow1(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)),
    pow1(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)),
    pow1(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)),
  );
}

/** The sum of four lanes. */
export function sumOfLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** The largest of four lanes. */
export function maxOfLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}
