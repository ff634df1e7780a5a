// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Functions of two and three operands that broadcast. The arguments of all
 * kernels are
 *
 *     0         out
 *     1         rank
 *     2 + 2·k   address of operand k, 0 for a number
 *     3 + 2·k   the bits of the number
 *     8         shape [rank], then the strides of each operand [rank]
 *
 * with three operands always; a missing one is the number 0. The innermost
 * strides are 0 or 1.
 */

import { address, int, slice, threadScratch } from "./_kernel.ts";
import { geluGradient4, geluTanhGradient4, pow4, splat } from "./_math.ts";

class Add {}
class Sub {}
class Mul {}
class Div {}
class Pow {}
class Maximum {}
class Minimum {}
class Equal {}
class NotEqual {}
class Less {}
class LessEqual {}
class ReluGradient {}
class TanhGradient {}
class SigmoidGradient {}
class GeluGradient {}
class GeluTanhGradient {}
class And {}
class Or {}
class Xor {}
class AddInt {}
class SubInt {}
class MulInt {}
class MaximumInt32 {}
class MaximumUint32 {}
class MinimumInt32 {}
class MinimumUint32 {}
class EqualInt {}
class NotEqualInt {}
class LessInt32 {}
class LessUint32 {}
class LessEqualInt32 {}
class LessEqualUint32 {}
class Where {}
class Clip {}
class ClipInt32 {}
class ClipUint32 {}

/** 0 and 1 from a mask of bits. */
function toBool(mask: v128): v128 {
  return v128.and(mask, i32x4.splat(1));
}

function tanhGradient4(y: v128, dy: v128): v128 {
  // 1 - y² as a product, which does not cancel.
  const slope = f32x4.mul(
    f32x4.sub(splat(1), y),
    f32x4.add(splat(1), y),
  );
  return f32x4.mul(dy, slope);
}

// Each condition is decided when `Op` is filled in: one function remains.
function apply2<Op>(a: v128, b: v128): v128 {
  if (idof<Op>() == idof<Add>()) return f32x4.add(a, b);
  if (idof<Op>() == idof<Sub>()) return f32x4.sub(a, b);
  if (idof<Op>() == idof<Mul>()) return f32x4.mul(a, b);
  if (idof<Op>() == idof<Div>()) return f32x4.div(a, b);
  if (idof<Op>() == idof<Pow>()) return pow4(a, b);
  if (idof<Op>() == idof<Maximum>()) return f32x4.max(a, b);
  if (idof<Op>() == idof<Minimum>()) return f32x4.min(a, b);
  if (idof<Op>() == idof<Equal>()) return toBool(f32x4.eq(a, b));
  if (idof<Op>() == idof<NotEqual>()) return toBool(f32x4.ne(a, b));
  if (idof<Op>() == idof<Less>()) return toBool(f32x4.lt(a, b));
  if (idof<Op>() == idof<LessEqual>()) return toBool(f32x4.le(a, b));
  if (idof<Op>() == idof<ReluGradient>()) {
    return v128.and(b, f32x4.gt(a, splat(0)));
  }
  if (idof<Op>() == idof<TanhGradient>()) return tanhGradient4(a, b);
  if (idof<Op>() == idof<SigmoidGradient>()) {
    return f32x4.mul(f32x4.mul(b, a), f32x4.sub(splat(1), a));
  }
  if (idof<Op>() == idof<GeluGradient>()) return geluGradient4(a, b);
  if (idof<Op>() == idof<GeluTanhGradient>()) return geluTanhGradient4(a, b);
  if (idof<Op>() == idof<And>()) return v128.and(a, b);
  if (idof<Op>() == idof<Or>()) return v128.or(a, b);
  if (idof<Op>() == idof<Xor>()) return v128.xor(a, b);
  if (idof<Op>() == idof<AddInt>()) return i32x4.add(a, b);
  if (idof<Op>() == idof<SubInt>()) return i32x4.sub(a, b);
  if (idof<Op>() == idof<MulInt>()) return i32x4.mul(a, b);
  if (idof<Op>() == idof<MaximumInt32>()) return i32x4.max_s(a, b);
  if (idof<Op>() == idof<MaximumUint32>()) return i32x4.max_u(a, b);
  if (idof<Op>() == idof<MinimumInt32>()) return i32x4.min_s(a, b);
  if (idof<Op>() == idof<MinimumUint32>()) return i32x4.min_u(a, b);
  if (idof<Op>() == idof<EqualInt>()) return toBool(i32x4.eq(a, b));
  if (idof<Op>() == idof<NotEqualInt>()) return toBool(i32x4.ne(a, b));
  if (idof<Op>() == idof<LessInt32>()) return toBool(i32x4.lt_s(a, b));
  if (idof<Op>() == idof<LessUint32>()) return toBool(i32x4.lt_u(a, b));
  if (idof<Op>() == idof<LessEqualInt32>()) return toBool(i32x4.le_s(a, b));
  if (idof<Op>() == idof<LessEqualUint32>()) return toBool(i32x4.le_u(a, b));
  return unreachable();
}

function apply3<Op>(a: v128, b: v128, c: v128): v128 {
  if (idof<Op>() == idof<Where>()) {
    return v128.bitselect(b, c, i32x4.ne(a, i32x4.splat(0)));
  }
  if (idof<Op>() == idof<Clip>()) return f32x4.min(f32x4.max(a, b), c);
  if (idof<Op>() == idof<ClipInt32>()) return i32x4.min_s(i32x4.max_s(a, b), c);
  if (idof<Op>() == idof<ClipUint32>()) {
    return i32x4.min_u(i32x4.max_u(a, b), c);
  }
  return unreachable();
}

function isTernary<Op>(): bool {
  return idof<Op>() == idof<Where>() || idof<Op>() == idof<Clip>() ||
    idof<Op>() == idof<ClipInt32>() || idof<Op>() == idof<ClipUint32>();
}

/** One row of two operands; of a stretched operand there is one element. */
function row2<Op>(
  a: usize,
  aMoves: bool,
  b: usize,
  bMoves: bool,
  out: usize,
  count: i32,
): void {
  const end = <usize> count << 2;
  let i: usize = 0;
  if (aMoves && bMoves) {
    for (; i + 16 <= end; i += 16) {
      v128.store(out + i, apply2<Op>(v128.load(a + i), v128.load(b + i)));
    }
  } else if (aMoves) {
    const right = v128.load32_splat(b);
    for (; i + 16 <= end; i += 16) {
      v128.store(out + i, apply2<Op>(v128.load(a + i), right));
    }
  } else {
    const left = v128.load32_splat(a);
    for (; i + 16 <= end; i += 16) {
      v128.store(out + i, apply2<Op>(left, v128.load(b + i)));
    }
  }
  for (; i < end; i += 4) {
    const left = v128.load32_splat(aMoves ? a + i : a);
    const right = v128.load32_splat(bMoves ? b + i : b);
    v128.store32_lane(out + i, apply2<Op>(left, right), 0);
  }
}

/** One row of three operands. */
function row3<Op>(
  a: usize,
  aMoves: bool,
  b: usize,
  bMoves: bool,
  c: usize,
  cMoves: bool,
  out: usize,
  count: i32,
): void {
  const end = <usize> count << 2;
  let i: usize = 0;
  let x = v128.load32_splat(a);
  let y = v128.load32_splat(b);
  let z = v128.load32_splat(c);
  for (; i + 16 <= end; i += 16) {
    if (aMoves) x = v128.load(a + i);
    if (bMoves) y = v128.load(b + i);
    if (cMoves) z = v128.load(c + i);
    v128.store(out + i, apply3<Op>(x, y, z));
  }
  for (; i < end; i += 4) {
    if (aMoves) x = v128.load32_splat(a + i);
    if (bMoves) y = v128.load32_splat(b + i);
    if (cMoves) z = v128.load32_splat(c + i);
    v128.store32_lane(out + i, apply3<Op>(x, y, z), 0);
  }
}

/** The address of an operand; a number is put where it can be read like a stretched tensor. */
function operand(params: usize, index: i32): usize {
  const tensor = address(params, 2 + 2 * index);
  if (tensor) return tensor;
  const room = threadScratch() + (<usize> index << 2);
  store<i32>(room, int(params, 3 + 2 * index));
  return room;
}

/** How far an operand's first element of a plane (all axes but the last two) is from its start, in bytes. */
function planeOffset(
  params: usize,
  plane: i32,
  rank: i32,
  operand: i32,
): usize {
  let offset = 0;
  for (let axis = rank - 3; axis >= 0; axis--) {
    const size = int(params, 8 + axis);
    const next = plane / size;
    const stride = int(params, 8 + (operand + 1) * rank + axis);
    offset += (plane - next * size) * stride;
    plane = next;
  }
  return <usize> offset << 2;
}

/** A stride along one of the last axes, counted from the last; 0 where there is none. */
function stride(params: usize, rank: i32, operand: i32, fromLast: i32): i32 {
  const axis = rank - 1 - fromLast;
  return axis < 0 ? 0 : int(params, 8 + (operand + 1) * rank + axis);
}

function broadcast<Op>(params: usize, part: i32, parts: i32): void {
  const out = address(params, 0);
  const rank = int(params, 1);
  let count = 1;
  for (let axis = 0; axis < rank; axis++) count *= int(params, 8 + axis);
  const columns = int(params, 8 + rank - 1);
  const rows = rank > 1 ? int(params, 8 + rank - 2) : 1;
  const aStart = operand(params, 0);
  const bStart = operand(params, 1);
  const cStart = operand(params, 2);
  const aMoves = stride(params, rank, 0, 0) != 0;
  const bMoves = stride(params, rank, 1, 0) != 0;
  const cMoves = stride(params, rank, 2, 0) != 0;
  const aStep = <usize> stride(params, rank, 0, 1) << 2;
  const bStep = <usize> stride(params, rank, 1, 1) << 2;
  const cStep = <usize> stride(params, rank, 2, 1) << 2;
  const end = slice(count, part + 1, parts, 16);
  let index = slice(count, part, parts, 16);
  while (index < end) {
    let row = index / columns;
    let column = index - row * columns;
    const plane = row / rows;
    row -= plane * rows;
    let a = aStart + planeOffset(params, plane, rank, 0) + row * aStep;
    let b = bStart + planeOffset(params, plane, rank, 1) + row * bStep;
    let c = cStart;
    if (isTernary<Op>()) {
      c += planeOffset(params, plane, rank, 2) + row * cStep;
    }
    for (; row < rows && index < end; row++) {
      const length = min(columns - column, end - index);
      const target = out + (<usize> index << 2);
      const skipped = <usize> column << 2;
      const x = aMoves ? a + skipped : a;
      const y = bMoves ? b + skipped : b;
      if (isTernary<Op>()) {
        const z = cMoves ? c + skipped : c;
        row3<Op>(x, aMoves, y, bMoves, z, cMoves, target, length);
        c += cStep;
      } else {
        row2<Op>(x, aMoves, y, bMoves, target, length);
      }
      a += aStep;
      b += bStep;
      index += length;
      column = 0;
    }
  }
}

export function add(params: usize, part: i32, parts: i32): void {
  broadcast<Add>(params, part, parts);
}

export function sub(params: usize, part: i32, parts: i32): void {
  broadcast<Sub>(params, part, parts);
}

export function mul(params: usize, part: i32, parts: i32): void {
  broadcast<Mul>(params, part, parts);
}

export function div(params: usize, part: i32, parts: i32): void {
  broadcast<Div>(params, part, parts);
}

export function pow(params: usize, part: i32, parts: i32): void {
  broadcast<Pow>(params, part, parts);
}

export function maximum(params: usize, part: i32, parts: i32): void {
  broadcast<Maximum>(params, part, parts);
}

export function minimum(params: usize, part: i32, parts: i32): void {
  broadcast<Minimum>(params, part, parts);
}

export function equal(params: usize, part: i32, parts: i32): void {
  broadcast<Equal>(params, part, parts);
}

export function notEqual(params: usize, part: i32, parts: i32): void {
  broadcast<NotEqual>(params, part, parts);
}

export function less(params: usize, part: i32, parts: i32): void {
  broadcast<Less>(params, part, parts);
}

export function lessEqual(params: usize, part: i32, parts: i32): void {
  broadcast<LessEqual>(params, part, parts);
}

export function reluGradient(params: usize, part: i32, parts: i32): void {
  broadcast<ReluGradient>(params, part, parts);
}

export function tanhGradient(params: usize, part: i32, parts: i32): void {
  broadcast<TanhGradient>(params, part, parts);
}

export function sigmoidGradient(params: usize, part: i32, parts: i32): void {
  broadcast<SigmoidGradient>(params, part, parts);
}

export function geluGradient(params: usize, part: i32, parts: i32): void {
  broadcast<GeluGradient>(params, part, parts);
}

export function geluTanhGradient(params: usize, part: i32, parts: i32): void {
  broadcast<GeluTanhGradient>(params, part, parts);
}

export function and(params: usize, part: i32, parts: i32): void {
  broadcast<And>(params, part, parts);
}

export function or(params: usize, part: i32, parts: i32): void {
  broadcast<Or>(params, part, parts);
}

export function xor(params: usize, part: i32, parts: i32): void {
  broadcast<Xor>(params, part, parts);
}

export function addInt(params: usize, part: i32, parts: i32): void {
  broadcast<AddInt>(params, part, parts);
}

export function subInt(params: usize, part: i32, parts: i32): void {
  broadcast<SubInt>(params, part, parts);
}

export function mulInt(params: usize, part: i32, parts: i32): void {
  broadcast<MulInt>(params, part, parts);
}

export function maximumInt32(params: usize, part: i32, parts: i32): void {
  broadcast<MaximumInt32>(params, part, parts);
}

export function maximumUint32(params: usize, part: i32, parts: i32): void {
  broadcast<MaximumUint32>(params, part, parts);
}

export function minimumInt32(params: usize, part: i32, parts: i32): void {
  broadcast<MinimumInt32>(params, part, parts);
}

export function minimumUint32(params: usize, part: i32, parts: i32): void {
  broadcast<MinimumUint32>(params, part, parts);
}

export function equalInt(params: usize, part: i32, parts: i32): void {
  broadcast<EqualInt>(params, part, parts);
}

export function notEqualInt(params: usize, part: i32, parts: i32): void {
  broadcast<NotEqualInt>(params, part, parts);
}

export function lessInt32(params: usize, part: i32, parts: i32): void {
  broadcast<LessInt32>(params, part, parts);
}

export function lessUint32(params: usize, part: i32, parts: i32): void {
  broadcast<LessUint32>(params, part, parts);
}

export function lessEqualInt32(params: usize, part: i32, parts: i32): void {
  broadcast<LessEqualInt32>(params, part, parts);
}

export function lessEqualUint32(params: usize, part: i32, parts: i32): void {
  broadcast<LessEqualUint32>(params, part, parts);
}

export function where(params: usize, part: i32, parts: i32): void {
  broadcast<Where>(params, part, parts);
}

export function clip(params: usize, part: i32, parts: i32): void {
  broadcast<Clip>(params, part, parts);
}

export function clipInt32(params: usize, part: i32, parts: i32): void {
  broadcast<ClipInt32>(params, part, parts);
}

export function clipUint32(params: usize, part: i32, parts: i32): void {
  broadcast<ClipUint32>(params, part, parts);
}
