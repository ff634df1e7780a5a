/**
 * Functions of many numbers as code of 64-bit x86 processors with AVX-512. The
 * formulas are those of assembly/_math.ts.
 *
 * @module
 */

import {
  type Assembler,
  type Constant,
  R8,
  R9,
  RCX,
  RDI,
  RDX,
  RSI,
} from "./_x86.ts";

/** Words that these functions are called with. */
export const FUNCTION_ARGUMENTS = [
  ...["from", "to", "count", "shift", "rows", "stride"],
] as const;

/** Bytes from the first word to 16 sums that functions leave there. */
export const SUMS_OFFSET = 64;

/** Numbers of a vector. */
const LANES = 16;

/** Masks of the numbers that are left at the end, of those below zero, and of those that decayed. */
const LAST = 1;
const NEGATIVE = 2;
const DECAYED = 3;

/** The vector that `writeExp` works on; it changes the two behind it too. */
export const E = 1;

/** Vectors of all functions: the number, and room. */
const X = 0;
const N = 2;
const P = 3;
const SHIFT = 30;
const SUMS = 31;

/**
 * Writes a function: to = e^(from - shift), for numbers that are not above
 * `shift`. It leaves the sums of every sixteenth.
 *
 * @returns Where it starts.
 */
export function writeDecay(code: Assembler): number {
  const exp = expConstants(code);
  const least = leastDecay(code);
  const LEAST = 29;
  return writeFunction(code, {
    begin() {
      code.broadcast(LEAST, least);
    },
    body(mask) {
      code.vectors("subtract", E, X, SHIFT);
      writeExpOfNegative(code, exp, LEAST);
      code.vectors("and", X, E, E);
      code.vectors("add", SUMS, SUMS, X, mask);
    },
  });
}

/**
 * Writes a function: to = x·Φ(x), where x is `from` and Φ is the distribution
 * function of the normal distribution.
 *
 * @returns Where it starts.
 */
export function writeGelu(code: Assembler): number {
  const exp = expConstants(code);
  const [least, most, one, minusHalf, half, root, step] = code.constants(
    [-14.9, 14.9, 1, -0.5, 0.5, Math.SQRT1_2, 0.4],
  );
  const [upperDigits, magnitude] = code.constants(
    Uint32Array.of(0xfffff000, 0x7fffffff),
  );
  // erfc(z) / e^(-z²) / t, by powers of t = 1 / (1 + 0.4 z)
  const erfc = code.constants([
    ...[-0.0284505588017, 0.19181572957, -0.484277183, 0.528113265636],
    ...[-0.268354942558, 0.263508368396, 0.132623297588, 0.214291961783],
    ...[0.225026987941, 0.225703082728],
  ]);
  const [BOUNDED, HIGH, LOW, T] = [4, 5, 6, 7];
  const [LEAST, MOST, ONE, STEP, ZERO] = [25, 26, 27, 28, 29];
  return writeFunction(code, {
    begin() {
      code.broadcast(LEAST, least);
      code.broadcast(MOST, most);
      code.broadcast(ONE, one);
      code.broadcast(STEP, step);
      code.clear(ZERO);
    },
    body() {
      code.vectors("max", BOUNDED, LEAST, X);
      code.vectors("min", BOUNDED, MOST, BOUNDED);
      // e^(-x²/2), without the rounding error of x²: -high²/2 - low·(x + high)/2
      code.vectors("and", HIGH, BOUNDED, upperDigits);
      code.vectors("subtract", LOW, BOUNDED, HIGH);
      code.vectors("add", T, BOUNDED, HIGH);
      code.vectors("multiply", T, T, LOW);
      code.vectors("multiply", T, T, minusHalf);
      code.vectors("multiply", E, HIGH, HIGH);
      code.vectors("multiply", E, E, minusHalf);
      writeExp(code, exp, T);
      // Φ(-|x|) = ½ erfc(|x| / √2)
      code.vectors("and", T, BOUNDED, magnitude);
      code.vectors("multiply", T, T, root);
      code.vectors("multiplyThenAdd", T, STEP, one);
      code.vectors("divide", T, ONE, T);
      writePolynomial(code, erfc, T);
      code.vectors("multiply", P, P, T);
      code.vectors("multiply", P, P, E);
      code.vectors("multiply", P, P, half);
      code.less(NEGATIVE, BOUNDED, ZERO);
      code.vectors("subtract", T, ONE, P);
      code.vectors("and", T, P, P, NEGATIVE);
      code.vectors("multiply", X, X, T);
    },
  });
}

/** What a function does. */
interface Body {
  /** Before the first numbers. */
  begin(): void;
  /** Changes the vector X, of which the mask's numbers are there. */
  body(mask: number): void;
}

/** Writes a function `(words, memory)` of rows of `count` numbers, `stride` bytes apart; returns where it starts. */
function writeFunction(code: Assembler, { begin, body }: Body): number {
  const start = code.length;
  const [from, to, count, firstFrom, firstTo] = [R8, R9, RCX, 10, 11];
  const [rows, stride] = [RDX, RSI];
  code.moveWord(RDI, RDI);
  code.calculate("add", RDI, RSI);
  const word = (name: typeof FUNCTION_ARGUMENTS[number]) => ({
    base: RDI,
    offset: FUNCTION_ARGUMENTS.indexOf(name) * 4,
  });
  for (
    const [register, name] of [[firstFrom, "from"], [firstTo, "to"]] as const
  ) {
    code.moveWord(register, word(name));
    code.calculate("add", register, RSI);
  }
  code.moveWord(rows, word("rows"));
  code.moveWord(stride, word("stride"));
  code.broadcast(SHIFT, word("shift"));
  code.clear(SUMS);
  begin();
  const [row, next, last, rowDone, done] = Array.from(
    { length: 5 },
    () => code.label(),
  );
  code.place(row);
  code.calculateConstant("subtract", rows, 1);
  code.jump(done, "below");
  code.move(from, firstFrom);
  code.move(to, firstTo);
  code.moveWord(count, word("count"));
  code.place(next);
  code.calculateConstant("compare", count, LANES);
  code.jump(last, "below");
  code.load(X, { base: from });
  body(0);
  code.storeVector({ base: to }, X);
  code.calculateConstant("add", from, LANES * 4);
  code.calculateConstant("add", to, LANES * 4);
  code.calculateConstant("subtract", count, LANES);
  code.jump(next);
  code.place(last);
  code.calculateConstant("compare", count, 0);
  code.jump(rowDone, "equal");
  code.setMaskOfFirst(LAST, count);
  code.load(X, { base: from }, LAST);
  body(LAST);
  code.storeVector({ base: to }, X, LAST);
  code.place(rowDone);
  code.calculate("add", firstFrom, stride);
  code.calculate("add", firstTo, stride);
  code.jump(row);
  code.place(done);
  code.storeVector({ base: RDI, offset: SUMS_OFFSET }, SUMS);
  code.return();
  return start;
}

/** What {@linkcode writeExp} needs. */
export interface ExpConstants {
  readonly log2e: Constant;
  readonly high: Constant;
  readonly low: Constant;
  readonly fraction: readonly Constant[];
  readonly one: Constant;
}

/** Puts them between the code. */
export function expConstants(code: Assembler): ExpConstants {
  const [log2e, high, low, one] = code.constants(
    // ln 2 in two parts; the product of the first with a whole number below 2^15 is exact
    [Math.LOG2E, 0.693359375, -2.12194440054690583e-4, 1],
  );
  // (e^r - 1 - r) / r²
  const fraction = code.constants([
    ...[0.00138146001001, 0.00836871691926, 0.0416683879776],
    ...[0.166665206315, 0.499999934484],
  ]);
  return { log2e, high, low, fraction, one };
}

/** Puts the number between the code below which {@linkcode writeExpOfNegative} makes 0. */
export function leastDecay(code: Assembler): Constant {
  const [least] = code.constants([-87.68]); // ln 2^-126.5, where decay4 ends, too
  return least;
}

/**
 * Writes E = e^E for numbers that are not positive: 0 for those below a vector
 * of {@linkcode leastDecay}. They are too small to matter beside e^0, and
 * operations with numbers below 2^-126 take a hundred cycles.
 */
export function writeExpOfNegative(
  code: Assembler,
  exp: ExpConstants,
  least: number,
): void {
  code.less(DECAYED, E, least); // not where E is NaN, which stays
  code.vectors("xor", E, E, E, DECAYED);
  writeExp(code, exp);
  code.vectors("xor", E, E, E, DECAYED);
}

/** Writes E = e^(E + tail) for a tail that is small against 1. */
export function writeExp(
  code: Assembler,
  exp: ExpConstants,
  tail?: number,
): void {
  code.vectors("multiply", N, E, exp.log2e);
  code.round(N, N);
  code.vectors("subtractProduct", E, N, exp.high);
  code.vectors("subtractProduct", E, N, exp.low);
  if (tail !== undefined) code.vectors("add", E, E, tail);
  writePolynomial(code, exp.fraction, E);
  code.vectors("multiply", P, P, E);
  code.vectors("multiplyThenAdd", P, E, E);
  code.vectors("add", P, P, exp.one);
  code.vectors("scale", E, P, N);
}

/** P = the polynomial of a vector, its highest power's factor first. */
function writePolynomial(
  code: Assembler,
  [first, ...others]: readonly Constant[],
  vector: number,
): void {
  code.broadcast(P, first);
  for (const factor of others) {
    code.vectors("multiplyThenAdd", P, vector, factor);
  }
}
