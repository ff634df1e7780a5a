/**
 * The inner loops of batch normalization as code of 64-bit x86 processors with
 * AVX-512: of some rows of a matrix, whose columns are channels.
 *
 * @module
 */

import {
  type Assembler,
  type Memory,
  R8,
  R9,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
} from "./_x86.ts";

/** Words that these functions are called with, before addresses. */
export const BATCH_NORM_ARGUMENTS = [
  ...["rows", "columns", "rowBytes", "variant"],
] as const;

/** Bytes from sums to those behind them. */
const SECOND_SUMS = 4096;

/** Numbers of a vector. */
const LANES = 16;

/** Rows that are worked on together: what belongs to columns is loaded less often. */
const GROUP = 4;

/** The mask of the columns that are left at the end, and one for each vector. */
const LAST = 1;
const POSITIVE = 2;

const POINTERS = [R8, R9, 10, 11, 12, 13];
const ROW = RDX;
const THREE_ROWS = RSI;
const ROWS_LEFT = RAX;
const BYTES_LEFT = RCX;
const WHOLE_BYTES = 14;
const REST = 15;
const STEP = RBX;

/** Registers that functions give back as they were. */
const SAVED = [RBX, 12, 13, 14, 15];

/** Vectors: of rows, of columns, and 0. */
const X = 0;
const G = 4;
const Y = 8;
const SUM = 20;
const PRODUCT = 21;
const MEAN = 26;
const C0 = 27;
const C1 = 28;
const C2 = 29;
const ZERO = 31;

/** A function of rows. */
interface RowsFunction {
  /** How many of its addresses are of rows; those behind them are of columns. */
  readonly rowPointers: number;
  /** All addresses. */
  readonly pointers: number;
  /** How many variants it has. */
  readonly variants: number;
  /** Works on 16 columns of some rows; a mask tells which are there. */
  body(code: Assembler, variant: number, rows: number, mask: number): void;
}

/** Row `row` from a pointer on. */
function at(pointer: number, row: number): Memory {
  if (row === 0) return { base: pointer };
  return row === 3
    ? { base: pointer, index: THREE_ROWS }
    : { base: pointer, index: ROW, scale: row === 2 ? 2 : 1 };
}

/** (x, shift, sums): sums += x - shift, sums behind them += its square. */
const STATISTICS: RowsFunction = {
  ...{ rowPointers: 1, pointers: 3, variants: 1 },
  body(code, _variant, rows, mask) {
    const [x, shift, sums] = POINTERS;
    code.load(MEAN, { base: shift }, mask);
    code.clear(SUM);
    code.clear(PRODUCT);
    for (let row = 0; row < rows; row++) {
      code.load(X + row, at(x, row), mask);
      code.vectors("subtract", X + row, X + row, MEAN);
      code.vectors("add", SUM, SUM, X + row);
      code.vectors("multiplyAdd", PRODUCT, X + row, X + row);
    }
    addToSums(code, sums, mask);
  },
};

/** (x, out, residual, constants): out = (x - c0)·c1 + c2, variants 1 and 3 plus residual, variants 2 and 3 then ReLU. */
const NORMALIZE: RowsFunction = {
  ...{ rowPointers: 3, pointers: 4, variants: 4 },
  body(code, variant, rows, mask) {
    const [x, out, residual, constants] = POINTERS;
    loadConstants(code, constants, mask);
    for (let row = 0; row < rows; row++) {
      code.load(X + row, at(x, row), mask);
      code.vectors("subtract", X + row, X + row, C0);
      code.vectors("multiplyThenAdd", X + row, C1, C2);
      if (variant & 1) {
        code.load(Y + row, at(residual, row), mask);
        code.vectors("add", X + row, X + row, Y + row);
      }
      if (variant & 2) {
        code.vectors("add", X + row, X + row, ZERO); // -0 becomes 0
        code.vectors("max", X + row, ZERO, X + row);
      }
      code.storeVector(at(out, row), X + row, mask);
    }
  },
};

/**
 * (x, dy, y, dResidual, mean, sums): sums += g, sums behind them += g·(x - mean),
 * where g is dy, with variants 1 and 3 only where y > 0; variants 2 and 3 write
 * it to dResidual.
 */
const GRADIENT_SUMS: RowsFunction = {
  ...{ rowPointers: 4, pointers: 6, variants: 4 },
  body(code, variant, rows, mask) {
    const [x, dy, y, dResidual, mean, sums] = POINTERS;
    code.load(MEAN, { base: mean }, mask);
    code.clear(SUM);
    code.clear(PRODUCT);
    for (let row = 0; row < rows; row++) {
      loadGradient(code, variant, dy, y, row, mask);
      if (variant & 2) code.storeVector(at(dResidual, row), G + row, mask);
      code.load(X + row, at(x, row), mask);
      code.vectors("subtract", X + row, X + row, MEAN);
      code.vectors("add", SUM, SUM, G + row);
      code.vectors("multiplyAdd", PRODUCT, G + row, X + row);
    }
    addToSums(code, sums, mask);
  },
};

/** (x, dy, y, dx, mean, constants): dx = c0·g + c1·(x - mean) + c2, where g is dy, with variant 1 only where y > 0. */
const GRADIENT: RowsFunction = {
  ...{ rowPointers: 4, pointers: 6, variants: 2 },
  body(code, variant, rows, mask) {
    const [x, dy, y, dx, mean, constants] = POINTERS;
    code.load(MEAN, { base: mean }, mask);
    loadConstants(code, constants, mask);
    for (let row = 0; row < rows; row++) {
      loadGradient(code, variant, dy, y, row, mask);
      code.load(X + row, at(x, row), mask);
      code.vectors("subtract", X + row, X + row, MEAN);
      code.vectors("multiplyThenAdd", X + row, C1, C2);
      code.vectors("multiplyAdd", X + row, G + row, C0);
      code.storeVector(at(dx, row), X + row, mask);
    }
  },
};

/** The functions; each returns where it starts. */
export function writeStatistics(code: Assembler): number {
  return writeFunction(code, STATISTICS);
}

/** Writes {@linkcode NORMALIZE}. */
export function writeNormalize(code: Assembler): number {
  return writeFunction(code, NORMALIZE);
}

/** Writes {@linkcode GRADIENT_SUMS}. */
export function writeGradientSums(code: Assembler): number {
  return writeFunction(code, GRADIENT_SUMS);
}

/** Writes {@linkcode GRADIENT}. */
export function writeGradient(code: Assembler): number {
  return writeFunction(code, GRADIENT);
}

/** Three constants of each column, one array behind the other. */
function loadConstants(code: Assembler, pointer: number, mask: number): void {
  for (const [index, vector] of [C0, C1, C2].entries()) {
    code.load(vector, at(pointer, index), mask);
  }
}

/** dy, where the output is positive if the variant says so. */
function loadGradient(
  code: Assembler,
  variant: number,
  dy: number,
  y: number,
  row: number,
  mask: number,
): void {
  if ((variant & 1) === 0) {
    code.load(G + row, at(dy, row), mask);
    return;
  }
  code.load(Y + row, at(y, row), mask);
  code.less(POSITIVE, ZERO, Y + row);
  code.load(G + row, at(dy, row), POSITIVE);
}

function addToSums(code: Assembler, sums: number, mask: number): void {
  for (
    const [offset, vector] of [[0, SUM], [SECOND_SUMS, PRODUCT]] as const
  ) {
    code.load(Y, { base: sums, offset }, mask);
    code.vectors("add", Y, Y, vector);
    code.storeVector({ base: sums, offset }, Y, mask);
  }
}

/** Writes a function `(words, memory)`; returns where it starts. */
function writeFunction(code: Assembler, rows: RowsFunction): number {
  const start = code.length;
  for (const register of SAVED) code.push(register);
  code.moveWord(RDI, RDI);
  code.calculate("add", RDI, RSI);
  const words = BATCH_NORM_ARGUMENTS.length;
  for (let index = 0; index < rows.pointers; index++) {
    const offset = (words + index) * 4;
    code.moveWord(POINTERS[index], { base: RDI, offset });
    code.calculate("add", POINTERS[index], RSI);
  }
  code.moveWord(ROW, { base: RDI, offset: 8 });
  code.move(THREE_ROWS, ROW);
  code.calculate("add", THREE_ROWS, ROW);
  code.calculate("add", THREE_ROWS, ROW);
  // Columns as bytes of whole vectors, and how many are left.
  code.moveWord(WHOLE_BYTES, { base: RDI, offset: 4 });
  code.moveWord(RCX, { base: RDI, offset: 4 });
  code.shiftRight(WHOLE_BYTES, Math.log2(LANES));
  for (let times = 1; times < LANES; times *= 2) {
    code.calculate("add", WHOLE_BYTES, WHOLE_BYTES);
  }
  code.calculate("subtract", RCX, WHOLE_BYTES);
  code.setMaskOfFirst(LAST, RCX);
  code.move(REST, RCX);
  for (let times = 1; times < 4; times *= 2) {
    code.calculate("add", WHOLE_BYTES, WHOLE_BYTES);
  }
  code.clear(ZERO);
  const end = code.label();
  const variants = Array.from({ length: rows.variants }, () => code.label());
  code.moveWord(RBX, { base: RDI, offset: 12 });
  code.moveWord(ROWS_LEFT, { base: RDI });
  variants.forEach((label, variant) => {
    code.calculateConstant("compare", RBX, variant);
    code.jump(label, "equal");
  });
  variants.forEach((label, variant) => {
    code.place(label);
    for (const count of [GROUP, 1]) {
      writeGroups(code, rows, variant, count);
    }
    code.jump(end);
  });
  code.place(end);
  for (const register of SAVED.toReversed()) code.pop(register);
  code.return();
  return start;
}

/** All groups of so many rows. */
function writeGroups(
  code: Assembler,
  { rowPointers, pointers, body }: RowsFunction,
  variant: number,
  rows: number,
): void {
  const used = POINTERS.slice(0, pointers);
  const [next, vector, rest, advance, done] = Array.from(
    { length: 5 },
    () => code.label(),
  );
  code.move(STEP, ROW);
  if (rows === GROUP) code.calculate("add", STEP, THREE_ROWS);
  code.calculate("subtract", STEP, WHOLE_BYTES);
  code.place(next);
  code.calculateConstant("compare", ROWS_LEFT, rows);
  code.jump(done, "below");
  code.move(BYTES_LEFT, WHOLE_BYTES);
  code.place(vector);
  code.calculateConstant("compare", BYTES_LEFT, 0);
  code.jump(rest, "equal");
  body(code, variant, rows, 0);
  for (const pointer of used) {
    code.calculateConstant("add", pointer, LANES * 4);
  }
  code.calculateConstant("subtract", BYTES_LEFT, LANES * 4);
  code.jump(vector);
  code.place(rest);
  code.calculateConstant("compare", REST, 0);
  code.jump(advance, "equal");
  body(code, variant, rows, LAST);
  code.place(advance);
  used.forEach((pointer, index) => {
    if (index < rowPointers) code.calculate("add", pointer, STEP);
    else code.calculate("subtract", pointer, WHOLE_BYTES);
  });
  code.calculateConstant("subtract", ROWS_LEFT, rows);
  code.jump(next);
  code.place(done);
}
