/**
 * Exponentials of attention's scores as code of 64-bit x86 processors with
 * AVX-512.
 *
 * @module
 */

import { repeat } from "./_avx512_loop.ts";
import {
  E,
  expConstants,
  leastDecay,
  writeExpOfNegative,
} from "./_avx512_functions.ts";
import {
  type Assembler,
  R8,
  R9,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
} from "./_x86.ts";

/** Words that the function is called with. */
export const SCORES_ARGUMENTS = [
  ...["scores", "scoreStride", "rows", "keys", "scale"],
  ...["mask", "maskStride", "shifts", "maxima", "sums"],
] as const;

/** Numbers of a vector. */
const LANES = 16;

/** Masks: of the scores that are left at the end of a row, and of the first number. */
const LAST = 1;
const FIRST = 2;

const [X, ROOM] = [0, 4];
const [SHIFT, SUM, SCALE, FIRST_SHIFT, LEAST] = [24, 25, 26, 27, 28];

/**
 * The lowest finite number. Less -∞, scores of -∞ would be NaN, and could not be
 * told from scores that are.
 */
const LOWEST = -3.4028234663852886e38;

const SAVED = [RBX, 12];

/**
 * Writes a function of rows of scores: s = scores·scale, plus the row of the
 * mask if there is one; scores = e^(s - shift), where the shift is the row's
 * largest s (a finite number if all are -∞), or the row's number in `shifts` if
 * that is not 0. Leaves the shifts in `maxima`, and the rows' sums in `sums`.
 *
 * @returns Where it starts.
 */
export function writeScores(code: Assembler): number {
  const exp = expConstants(code);
  const least = leastDecay(code);
  const [lowest] = code.constants([LOWEST]);
  const start = code.length;
  const word = (name: typeof SCORES_ARGUMENTS[number]) => ({
    base: RDI,
    offset: SCORES_ARGUMENTS.indexOf(name) * 4,
  });
  const [scores, mask, maxima, sums, shifts] = [R8, R9, 10, 11, RBX];
  const [rows, at, whole, rest] = [RDX, RAX, RCX, 12];
  for (const register of SAVED) code.push(register);
  code.moveWord(RDI, RDI);
  code.calculate("add", RDI, RSI);
  code.moveWord(rest, word("keys"));
  code.calculateConstant("and", rest, LANES - 1);
  code.setMaskOfFirst(LAST, rest);
  code.set(RAX, 1);
  code.setMask(FIRST, RAX);
  code.moveWord(whole, word("keys"));
  code.calculate("subtract", whole, rest);
  code.moveWord(rows, word("rows"));
  for (
    const [register, name] of [
      ...[[scores, "scores"], [maxima, "maxima"], [sums, "sums"]] as const,
    ]
  ) {
    code.moveWord(register, word(name));
    code.calculate("add", register, RSI);
  }
  // Those that may be absent stay 0.
  for (
    const [register, name] of [[mask, "mask"], [shifts, "shifts"]] as const
  ) {
    const absent = code.label();
    code.moveWord(register, word(name));
    code.calculateConstant("compare", register, 0);
    code.jump(absent, "equal");
    code.calculate("add", register, RSI);
    code.place(absent);
  }
  code.broadcast(SCALE, word("scale"));
  code.broadcast(LEAST, least);
  code.broadcast(FIRST_SHIFT, lowest);

  /** Repeats something for the scores of a row, of which the last ones may be few. */
  const eachVector = (body: (lanes: number) => void) => {
    const done = code.label();
    code.set(at, 0);
    repeat(code, at, whole, () => {
      body(0);
      code.calculateConstant("add", at, LANES);
    });
    code.calculateConstant("compare", rest, 0);
    code.jump(done, "equal");
    body(LAST);
    code.place(done);
  };
  const inRow = (pointer: number) =>
    ({ base: pointer, index: at, scale: 4 }) as const;
  const scaleRow = (isMasked: boolean) =>
    eachVector((lanes) => {
      code.load(X, inRow(scores), lanes);
      code.vectors("multiply", X, X, SCALE);
      if (isMasked) {
        code.load(ROOM, inRow(mask), lanes);
        code.vectors("add", X, X, ROOM);
      }
      code.storeVector(inRow(scores), X, lanes);
      code.vectors("max", SHIFT, SHIFT, X, lanes);
    });

  const [nextRow, plain, scaled, shifted, done] = Array.from(
    { length: 5 },
    () => code.label(),
  );
  code.place(nextRow);
  code.calculateConstant("compare", rows, 0);
  code.jump(done, "equal");
  code.vectors("and", SHIFT, FIRST_SHIFT, FIRST_SHIFT);
  code.calculateConstant("compare", mask, 0);
  code.jump(plain, "equal");
  scaleRow(true);
  code.moveWord(at, word("maskStride"));
  code.calculate("add", mask, at);
  code.jump(scaled);
  code.place(plain);
  scaleRow(false);
  code.place(scaled);
  reduce(code, "max", SHIFT);
  code.calculateConstant("compare", shifts, 0);
  code.jump(shifted, "equal");
  code.broadcast(SHIFT, { base: shifts });
  code.calculateConstant("add", shifts, 4);
  code.place(shifted);
  code.clear(SUM);
  eachVector((lanes) => {
    code.load(E, inRow(scores), lanes);
    code.vectors("subtract", E, E, SHIFT);
    writeExpOfNegative(code, exp, LEAST);
    code.storeVector(inRow(scores), E, lanes);
    code.vectors("add", SUM, SUM, E, lanes);
  });
  reduce(code, "add", SUM);
  code.storeVector({ base: maxima }, SHIFT, FIRST);
  code.storeVector({ base: sums }, SUM, FIRST);
  code.calculateConstant("add", maxima, 4);
  code.calculateConstant("add", sums, 4);
  code.moveWord(at, word("scoreStride"));
  code.calculate("add", scores, at);
  code.calculateConstant("subtract", rows, 1);
  code.jump(nextRow);
  code.place(done);
  for (const register of SAVED.toReversed()) code.pop(register);
  code.return();
  return start;
}

/** All numbers of a vector become their sum, or the largest of them. */
function reduce(
  code: Assembler,
  operation: "add" | "max",
  vector: number,
): void {
  const [swapPairs, swapNeighbours] = [0x4e, 0xb1];
  for (const order of [swapPairs, swapNeighbours]) {
    code.shuffleQuarters(ROOM, vector, order);
    code.vectors(operation, vector, vector, ROOM);
  }
  for (const order of [swapPairs, swapNeighbours]) {
    code.shuffleNumbers(ROOM, vector, order);
    code.vectors(operation, vector, vector, ROOM);
  }
}
