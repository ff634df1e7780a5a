// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Functions of one operand. The arguments of all kernels are
 * (x, out, count).
 */

import { address, int, slice } from "./_kernel.ts";
import {
  cos4,
  erf4,
  exp4,
  gelu4,
  geluTanh4,
  log4,
  relu4,
  sigmoid4,
  sin4,
  splat,
  tanh4,
} from "./_math.ts";

class Neg {}
class Abs {}
class Sign {}
class Exp {}
class Log {}
class Sqrt {}
class Rsqrt {}
class Square {}
class Reciprocal {}
class Sin {}
class Cos {}
class Tanh {}
class Erf {}
class Sigmoid {}
class Relu {}
class Gelu {}
class GeluTanh {}
class Floor {}
class Ceil {}
class Round {}
class IsNaN {}
class Not {}
class NegInt {}
class AbsInt {}
class SignInt32 {}
class SignUint32 {}
class SquareInt {}
class ReluInt32 {}
class Identity {}

/** -1, 0 or 1; zeros keep their sign and NaN stays. */
function sign4(x: v128): v128 {
  const one = v128.bitselect(x, splat(1), i32x4.splat(0x80000000));
  return v128.bitselect(one, x, f32x4.gt(f32x4.abs(x), splat(0)));
}

function signInt4(x: v128): v128 {
  return v128.or(
    i32x4.shr_s(x, 31),
    v128.and(i32x4.gt_s(x, i32x4.splat(0)), i32x4.splat(1)),
  );
}

// Each condition is decided when `Op` is filled in: one function remains.
function apply<Op>(x: v128): v128 {
  if (idof<Op>() == idof<Neg>()) return f32x4.neg(x);
  if (idof<Op>() == idof<Abs>()) return f32x4.abs(x);
  if (idof<Op>() == idof<Sign>()) return sign4(x);
  if (idof<Op>() == idof<Exp>()) return exp4(x);
  if (idof<Op>() == idof<Log>()) return log4(x);
  if (idof<Op>() == idof<Sqrt>()) return f32x4.sqrt(x);
  if (idof<Op>() == idof<Rsqrt>()) return f32x4.div(splat(1), f32x4.sqrt(x));
  if (idof<Op>() == idof<Square>()) return f32x4.mul(x, x);
  if (idof<Op>() == idof<Reciprocal>()) return f32x4.div(splat(1), x);
  if (idof<Op>() == idof<Sin>()) return sin4(x);
  if (idof<Op>() == idof<Cos>()) return cos4(x);
  if (idof<Op>() == idof<Tanh>()) return tanh4(x);
  if (idof<Op>() == idof<Erf>()) return erf4(x);
  if (idof<Op>() == idof<Sigmoid>()) return sigmoid4(x);
  if (idof<Op>() == idof<Relu>()) return relu4(x);
  if (idof<Op>() == idof<Gelu>()) return gelu4(x);
  if (idof<Op>() == idof<GeluTanh>()) return geluTanh4(x);
  if (idof<Op>() == idof<Floor>()) return f32x4.floor(x);
  if (idof<Op>() == idof<Ceil>()) return f32x4.ceil(x);
  if (idof<Op>() == idof<Round>()) return f32x4.nearest(x);
  if (idof<Op>() == idof<IsNaN>()) {
    return v128.and(f32x4.ne(x, x), i32x4.splat(1));
  }
  if (idof<Op>() == idof<Not>()) return v128.xor(x, i32x4.splat(1));
  if (idof<Op>() == idof<NegInt>()) return i32x4.neg(x);
  if (idof<Op>() == idof<AbsInt>()) return i32x4.abs(x);
  if (idof<Op>() == idof<SignInt32>()) return signInt4(x);
  if (idof<Op>() == idof<SignUint32>()) {
    return i32x4.min_u(x, i32x4.splat(1));
  }
  if (idof<Op>() == idof<SquareInt>()) return i32x4.mul(x, x);
  if (idof<Op>() == idof<ReluInt32>()) return i32x4.max_s(x, i32x4.splat(0));
  if (idof<Op>() == idof<Identity>()) return x;
  return unreachable();
}

function map<Op>(params: usize, part: i32, parts: i32): void {
  const x = address(params, 0);
  const out = address(params, 1);
  const count = int(params, 2);
  const end = <usize> slice(count, part + 1, parts, 16) << 2;
  let i = <usize> slice(count, part, parts, 16) << 2;
  for (; i + 16 <= end; i += 16) {
    v128.store(out + i, apply<Op>(v128.load(x + i)));
  }
  for (; i < end; i += 4) {
    const y = apply<Op>(v128.load32_splat(x + i));
    v128.store32_lane(out + i, y, 0);
  }
}

export function neg(params: usize, part: i32, parts: i32): void {
  map<Neg>(params, part, parts);
}

export function abs(params: usize, part: i32, parts: i32): void {
  map<Abs>(params, part, parts);
}

export function sign(params: usize, part: i32, parts: i32): void {
  map<Sign>(params, part, parts);
}

export function exp(params: usize, part: i32, parts: i32): void {
  map<Exp>(params, part, parts);
}

export function log(params: usize, part: i32, parts: i32): void {
  map<Log>(params, part, parts);
}

export function sqrt(params: usize, part: i32, parts: i32): void {
  map<Sqrt>(params, part, parts);
}

export function rsqrt(params: usize, part: i32, parts: i32): void {
  map<Rsqrt>(params, part, parts);
}

export function square(params: usize, part: i32, parts: i32): void {
  map<Square>(params, part, parts);
}

export function reciprocal(params: usize, part: i32, parts: i32): void {
  map<Reciprocal>(params, part, parts);
}

export function sin(params: usize, part: i32, parts: i32): void {
  map<Sin>(params, part, parts);
}

export function cos(params: usize, part: i32, parts: i32): void {
  map<Cos>(params, part, parts);
}

export function tanh(params: usize, part: i32, parts: i32): void {
  map<Tanh>(params, part, parts);
}

export function erf(params: usize, part: i32, parts: i32): void {
  map<Erf>(params, part, parts);
}

export function sigmoid(params: usize, part: i32, parts: i32): void {
  map<Sigmoid>(params, part, parts);
}

export function relu(params: usize, part: i32, parts: i32): void {
  map<Relu>(params, part, parts);
}

export function gelu(params: usize, part: i32, parts: i32): void {
  map<Gelu>(params, part, parts);
}

export function geluTanh(params: usize, part: i32, parts: i32): void {
  map<GeluTanh>(params, part, parts);
}

export function floor(params: usize, part: i32, parts: i32): void {
  map<Floor>(params, part, parts);
}

export function ceil(params: usize, part: i32, parts: i32): void {
  map<Ceil>(params, part, parts);
}

export function round(params: usize, part: i32, parts: i32): void {
  map<Round>(params, part, parts);
}

export function isNaN(params: usize, part: i32, parts: i32): void {
  map<IsNaN>(params, part, parts);
}

export function not(params: usize, part: i32, parts: i32): void {
  map<Not>(params, part, parts);
}

export function negInt(params: usize, part: i32, parts: i32): void {
  map<NegInt>(params, part, parts);
}

export function absInt(params: usize, part: i32, parts: i32): void {
  map<AbsInt>(params, part, parts);
}

export function signInt32(params: usize, part: i32, parts: i32): void {
  map<SignInt32>(params, part, parts);
}

export function signUint32(params: usize, part: i32, parts: i32): void {
  map<SignUint32>(params, part, parts);
}

export function squareInt(params: usize, part: i32, parts: i32): void {
  map<SquareInt>(params, part, parts);
}

export function reluInt32(params: usize, part: i32, parts: i32): void {
  map<ReluInt32>(params, part, parts);
}

export function identity(params: usize, part: i32, parts: i32): void {
  map<Identity>(params, part, parts);
}
