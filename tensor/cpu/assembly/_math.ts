// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Functions of four float32 at once. Polynomials are minimax fits (Remez, by
 * relative error of the whole function). The largest errors, measured over
 * all float32 or dense samples by ../_math_test.ts, stand at each function.
 */

import { madd } from "./_kernel.ts";

const LOG2_E: f32 = 1.4426950408889634;
/** ln 2 in two parts; the product of the first with a whole number below 2^15 is exact. */
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440054690583e-4;

export function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/** x within bounds; NaN stays. */
function bound(x: v128, low: f32, high: f32): v128 {
  return f32x4.pmin(f32x4.pmax(x, splat(low)), splat(high));
}

/** 2^n for whole n in [-126, 127]. */
function exp2OfWhole(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** 1.5·2^23: a small number that is added to it is rounded to a whole one. */
const ROUNDING: f32 = 12582912;
const ROUNDING_BITS: i32 = 0x4b400000;

/** e^(x + tail) for a tail that is small against 1. */
function expOfSum(x: v128, tail: v128): v128 {
  // Beyond these bounds the result is 0 or ∞ anyway.
  const bounded = bound(x, -150, 130);
  const rounded = madd(bounded, splat(LOG2_E), splat(ROUNDING));
  const n = f32x4.sub(rounded, splat(ROUNDING));
  let r = f32x4.sub(bounded, f32x4.mul(n, splat(LN2_HIGH)));
  r = f32x4.add(f32x4.sub(r, f32x4.mul(n, splat(LN2_LOW))), tail);
  let p = splat(0.00138146001001);
  p = madd(p, r, splat(0.00836871691926));
  p = madd(p, r, splat(0.0416683879776));
  p = madd(p, r, splat(0.166665206315));
  p = madd(p, r, splat(0.499999934484));
  p = f32x4.add(madd(f32x4.mul(p, r), r, r), splat(1));
  // Two factors, so that neither leaves the range of the exponent.
  const whole = i32x4.sub(rounded, i32x4.splat(ROUNDING_BITS));
  const half = i32x4.shr_s(whole, 1);
  return f32x4.mul(
    f32x4.mul(p, exp2OfWhole(half)),
    exp2OfWhole(i32x4.sub(whole, half)),
  );
}

/** e^x. */
export function exp4(x: v128): v128 {
  return expOfSum(x, splat(0));
}

/** The natural logarithm. */
export function log4(x: v128): v128 {
  const subnormal = f32x4.lt(x, splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, splat(8388608)), x, subnormal);
  // scaled = m·2^n with m in [√½, √2)
  const shifted = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  const whole = i32x4.shr_s(shifted, 23);
  const m = i32x4.add(
    v128.and(shifted, i32x4.splat(0x7fffff)),
    i32x4.splat(0x3f3504f3),
  );
  const n = f32x4.sub(
    f32x4.convert_i32x4_s(whole),
    v128.and(subnormal, splat(23)),
  );
  const f = f32x4.sub(m, splat(1));
  let p = splat(0.0691552741474);
  p = madd(p, f, splat(-0.117899264452));
  p = madd(p, f, splat(0.118729668947));
  p = madd(p, f, splat(-0.123843261403));
  p = madd(p, f, splat(0.142186562219));
  p = madd(p, f, splat(-0.166692521664));
  p = madd(p, f, splat(0.200022267844));
  p = madd(p, f, splat(-0.249999865738));
  p = madd(p, f, splat(0.333333104364));
  const square = f32x4.mul(f, f);
  // log(1 + f) = f - f²/2 + f³·p(f)
  let tail = f32x4.mul(f32x4.mul(p, f), square);
  tail = madd(n, splat(LN2_LOW), tail);
  tail = f32x4.sub(tail, f32x4.mul(square, splat(0.5)));
  let y = madd(n, splat(LN2_HIGH), f32x4.add(f, tail));
  y = v128.bitselect(x, y, f32x4.eq(x, splat(Infinity)));
  y = v128.bitselect(splat(-Infinity), y, f32x4.eq(x, splat(0)));
  const valid = f32x4.ge(x, splat(0)); // false for NaN
  return v128.bitselect(y, splat(NaN), valid);
}

/** x with the sign of another number. */
function copySign(x: v128, sign: v128): v128 {
  return v128.bitselect(sign, x, i32x4.splat(0x80000000));
}

/** The hyperbolic tangent. */
export function tanh4(x: v128): v128 {
  const z = f32x4.mul(x, x);
  let p = splat(-0.00571704163972);
  p = madd(p, z, splat(0.0206505843203));
  p = madd(p, z, splat(-0.053743497223));
  p = madd(p, z, splat(0.133314912777));
  p = madd(p, z, splat(-0.333332839249));
  const near = madd(f32x4.mul(p, z), x, x);
  const magnitude = f32x4.abs(x);
  const e = exp4(f32x4.add(magnitude, magnitude));
  const far = f32x4.sub(
    splat(1),
    f32x4.div(splat(2), f32x4.add(e, splat(1))),
  );
  const isNear = f32x4.lt(magnitude, splat(0.625));
  return copySign(v128.bitselect(near, far, isNear), x);
}

/** 1 / (1 + e^-x). */
export function sigmoid4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const numerator = v128.bitselect(e, splat(1), f32x4.lt(x, splat(0)));
  return f32x4.div(numerator, f32x4.add(splat(1), e));
}

/** e^(-z²), without the rounding error of z², which exp would magnify. */
function expOfMinusSquare(z: v128): v128 {
  const high = v128.and(z, i32x4.splat(0xfffff000));
  const low = f32x4.sub(z, high);
  return expOfSum(
    f32x4.neg(f32x4.mul(high, high)),
    f32x4.neg(f32x4.mul(low, f32x4.add(z, high))),
  );
}

/** erfc(z) / e^(-z²) for z in [0, 10.6], as t·p(t) with t = 1 / (1 + 0.4 z). */
function scaledErfc(z: v128): v128 {
  const t = f32x4.div(splat(1), madd(z, splat(0.4), splat(1)));
  let p = splat(-0.0284505588017);
  p = madd(p, t, splat(0.19181572957));
  p = madd(p, t, splat(-0.484277183));
  p = madd(p, t, splat(0.528113265636));
  p = madd(p, t, splat(-0.268354942558));
  p = madd(p, t, splat(0.263508368396));
  p = madd(p, t, splat(0.132623297588));
  p = madd(p, t, splat(0.214291961783));
  p = madd(p, t, splat(0.225026987941));
  p = madd(p, t, splat(0.225703082728));
  return f32x4.mul(p, t);
}

/** Where erfc is 0 in float32. */
const ERFC_END: f32 = 10.6;

/** The error function. */
export function erf4(x: v128): v128 {
  const z = f32x4.mul(x, x);
  let p = splat(8.51310213588e-5);
  p = madd(p, z, splat(-0.0008175638974));
  p = madd(p, z, splat(0.00520385914897));
  p = madd(p, z, splat(-0.0268605084689));
  p = madd(p, z, splat(0.112837150332));
  p = madd(p, z, splat(-0.376126349799));
  p = madd(p, z, splat(0.12837916676));
  const near = madd(p, x, x);
  const magnitude = f32x4.abs(x);
  const bounded = f32x4.pmin(magnitude, splat(ERFC_END));
  const tail = f32x4.mul(scaledErfc(bounded), expOfMinusSquare(bounded));
  return v128.bitselect(
    near,
    copySign(f32x4.sub(splat(1), tail), x),
    f32x4.lt(magnitude, splat(0.9)),
  );
}

const SQRT_HALF: f32 = 0.7071067811865476;

/** Φ(x) = ½ erfc(-x / √2) from e^(-x²/2) and |x| / √2. */
function normalCdf(x: v128, gauss: v128, z: v128): v128 {
  const tail = f32x4.mul(f32x4.mul(scaledErfc(z), gauss), splat(0.5));
  return v128.bitselect(
    tail,
    f32x4.sub(splat(1), tail),
    f32x4.lt(x, splat(0)),
  );
}

/** e^(-x²/2), of x itself: x² / 2 = high²/2 + low·(x + high)/2. */
function gauss4(x: v128): v128 {
  const high = v128.and(x, i32x4.splat(0xfffff000));
  const low = f32x4.sub(x, high);
  return expOfSum(
    f32x4.mul(f32x4.mul(high, high), splat(-0.5)),
    f32x4.mul(f32x4.mul(low, f32x4.add(x, high)), splat(-0.5)),
  );
}

/** x within the range outside of which Φ is 0 or 1. */
function boundedArgument(x: v128): v128 {
  return bound(x, -14.9, 14.9);
}

/** x·Φ(x). */
export function gelu4(x: v128): v128 {
  const bounded = boundedArgument(x);
  const z = f32x4.mul(f32x4.abs(bounded), splat(SQRT_HALF));
  const phi = normalCdf(bounded, gauss4(bounded), z);
  return f32x4.mul(x, phi);
}

const INVERSE_SQRT_TAU: f32 = 0.3989422804014327;

/** dy·(Φ(x) + x·φ(x)). */
export function geluGradient4(x: v128, dy: v128): v128 {
  const bounded = boundedArgument(x);
  const gauss = gauss4(bounded);
  const z = f32x4.mul(f32x4.abs(bounded), splat(SQRT_HALF));
  const density = f32x4.mul(gauss, splat(INVERSE_SQRT_TAU));
  const slope = madd(x, density, normalCdf(bounded, gauss, z));
  return f32x4.mul(dy, slope);
}

const GELU_CUBIC: f32 = 0.044715;
/** 2·√(2/π) */
const GELU_SCALE: f32 = 1.5957691216057308;

/** 2·√(2/π)·(x + 0.044715 x³) */
function geluTanhArgument(x: v128): v128 {
  const cubic = madd(f32x4.mul(x, x), splat(GELU_CUBIC), splat(1));
  return f32x4.mul(f32x4.mul(x, cubic), splat(GELU_SCALE));
}

/** x/2·(1 + tanh u) = x·sigmoid(2u), which does not cancel for negative x. */
export function geluTanh4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(geluTanhArgument(x)));
}

/** The derivative of geluTanh4, times dy. */
export function geluTanhGradient4(x: v128, dy: v128): v128 {
  const bounded = boundedArgument(x);
  const u = geluTanhArgument(bounded);
  const inner = f32x4.mul(
    madd(f32x4.mul(bounded, bounded), splat(3 * GELU_CUBIC), splat(1)),
    splat(GELU_SCALE),
  );
  // The sigmoid y of u, and y·(1 - y) without cancellation.
  const e = exp4(f32x4.neg(f32x4.abs(u)));
  const upper = f32x4.div(splat(1), f32x4.add(splat(1), e));
  const lower = f32x4.mul(e, upper);
  const y = v128.bitselect(lower, upper, f32x4.lt(u, splat(0)));
  const slope = f32x4.mul(f32x4.mul(upper, lower), inner);
  return f32x4.mul(dy, madd(x, slope, y));
}

/** max(x, 0), and NaN for NaN. */
export function relu4(x: v128): v128 {
  return f32x4.pmax(f32x4.add(x, splat(0)), splat(0)); // + 0 makes -0 a 0
}

const TWO_BY_PI: f64 = 0.6366197723675814;
/** π/2 in two parts; the product of the first with a whole number below 2^20 is exact. */
const HALF_PI_HIGH: f64 = 1.5707963267341256;
const HALF_PI_LOW: f64 = 6.077100506506192e-11;
/** Larger arguments need more of π. */
const NEAR_ZERO: f32 = 1048576;

/** sin(x + offset·π/2) for |x| up to 2^20. */
function shiftedSin(x: v128, offset: i32): v128 {
  const low = f64x2.promote_low_f32x4(x);
  const high = f64x2.promote_low_f32x4(
    v128.shuffle<i64>(x, x, 1, 1),
  );
  const nLow = f64x2.nearest(f64x2.mul(low, f64x2.splat(TWO_BY_PI)));
  const nHigh = f64x2.nearest(f64x2.mul(high, f64x2.splat(TWO_BY_PI)));
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
  let s = splat(2.7183043127e-6);
  s = madd(s, z, splat(-0.000198393340922));
  s = madd(s, z, splat(0.00833332938361));
  s = madd(s, z, splat(-0.166666666416));
  s = madd(f32x4.mul(s, z), r, r);
  let c = splat(2.44383794791e-5);
  c = madd(c, z, splat(-0.00138873669101));
  c = madd(c, z, splat(0.0416666468546));
  c = madd(c, z, splat(-0.5));
  c = madd(c, z, splat(1));
  const isOdd = i32x4.eq(
    v128.and(quadrant, i32x4.splat(1)),
    i32x4.splat(1),
  );
  const sign = i32x4.shl(v128.and(quadrant, i32x4.splat(2)), 30);
  return v128.xor(v128.bitselect(c, s, isOdd), sign);
}

function remainder(x: v128, n: v128): v128 {
  const first = f64x2.sub(x, f64x2.mul(n, f64x2.splat(HALF_PI_HIGH)));
  return f64x2.sub(first, f64x2.mul(n, f64x2.splat(HALF_PI_LOW)));
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
