/**
 * The innermost loops of products as code of 64-bit x86 processors with
 * AVX-512, which engines do not make of WebAssembly: vectors of 16 numbers, and
 * twice as many registers.
 *
 * Both products have sums of up to 12 rows and 32 columns in registers. What
 * they are called with stands in memory as words of 32 bits; addresses are
 * those of WebAssembly's memory.
 *
 * @module
 */

import { repeat } from "./_avx512_loop.ts";
import {
  type Assembler,
  type Label,
  type Memory,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
} from "./_x86.ts";

/** The most rows of a tile of 32 columns. */
export const MOST_TILE_ROWS = 12;

/** Bytes of 16 columns. */
const PANEL_BYTES = 64;

/** Bytes of a line of the cache. */
const CACHE_LINE = 64;

/** Numbers of k that a loop's turn takes. */
const UNROLLED = 4;

/** Vectors that hold numbers of B, and then those that hold numbers of A. */
const B_VECTORS = [24, 25];
const A_VECTORS = [26, 27, 28, 29, 30, 31];

/** Masks of the columns that are there: of 16, and of the next 16. */
const MASKS = [1, 2];

/** Registers that functions give back as they were. */
const SAVED = [RBX, RBP, 12, 13, 14, 15];

/** What both products are called with behind what is their own, and keep for a tile. */
const SHARED = [
  ...["rows", "tileRows", "b", "panelBytes", "columns", "lastMask"],
  ...["start", "startStep"],
] as const;

/** Words that the product of A in rows is called with. */
export const ROWS_ARGUMENTS = [
  ...["pointers", "segmentStride", "segments", "lengths", "lengthStride"],
  ...["targets", "targetOffset"],
  ...["nextB", "nextStride", "nextRows"],
  ...SHARED,
] as const;

/** Words that the product of A in columns is called with. */
export const COLUMNS_ARGUMENTS = [
  ...["pointers", "length", "offset", "target", "rowStride"],
  ...["nextA", "nextB"],
  ...SHARED,
] as const;

/** Where on the stack what is. */
type Frame = (name: string) => Memory;

/** What the tiles of a product do. */
interface Product {
  /** The words that it is called with. */
  readonly names: readonly string[];
  /** Those that are addresses. */
  readonly addresses: readonly string[];
  /** What else it keeps. */
  readonly own: readonly string[];
  /** The most rows of a tile of 16 columns. */
  readonly mostNarrowRows: number;
  /** Before the first tile of some columns. */
  begin(code: Assembler, frame: Frame): void;
  /** Adds a tile's products to its sums. */
  multiply(code: Assembler, frame: Frame, rows: number, panels: number): void;
  /** Before the first target of a tile. */
  locate(code: Assembler, frame: Frame): void;
  /** Has the address of a row of the target in RCX; nothing else but RAX changes. */
  target(code: Assembler, frame: Frame, row: number): void;
  /** Behind a tile. */
  advance(code: Assembler, frame: Frame, rows: number): void;
}

/**
 * target[r] = start + Σ_s Σ_k row_{r,s}[k] · b[k], where row_{r,s} is at
 * `pointers[s][r]` and `lengths[s]` numbers long, the target's rows are at
 * `targets[r] + targetOffset`, and B lies in panels `[k][16]`. Before each tile,
 * 32 columns of `nextRows` rows of another matrix are asked for, from `nextB` on,
 * `nextStride` bytes apart.
 */
const ROWS: Product = {
  names: ROWS_ARGUMENTS,
  addresses: ["pointers", "lengths", "targets", "targetOffset", "nextB"],
  own: [
    ...["tilePointers", "tileTargets"],
    ...["segmentPointers", "segmentsLeft", "lengthAddress"],
    ...["segmentLength", "unrolledLength"],
  ],
  mostNarrowRows: MOST_TILE_ROWS, // there are no more registers for pointers
  begin(code, frame) {
    copy(code, frame("pointers"), frame("tilePointers"));
    copy(code, frame("targets"), frame("tileTargets"));
  },
  multiply(code, frame, rows, panels) {
    const pointers = [RAX, RCX, RDX, RBX, RBP, RSI, RDI, 8, 9, 10, 11, 12]
      .slice(0, rows);
    const [b, k, panelBytes] = [13, 14, 15];
    prefetchRows(code, frame);
    code.move(b, frame("b"));
    code.move(panelBytes, frame("panelBytes"));
    copy(code, frame("tilePointers"), frame("segmentPointers"));
    copy(code, frame("segments"), frame("segmentsLeft"));
    copy(code, frame("lengths"), frame("lengthAddress"));
    const segment = code.label();
    const done = code.label();
    code.place(segment);
    code.calculateConstant("subtract", frame("segmentsLeft"), 1);
    code.jump(done, "below");
    code.move(k, frame("lengthAddress"));
    code.moveWord(k, { base: k });
    code.store(frame("segmentLength"), k);
    code.shiftRight(k, Math.log2(UNROLLED));
    for (let i = 1; i < UNROLLED; i *= 2) code.calculate("add", k, k);
    code.store(frame("unrolledLength"), k);
    const list = pointers[rows - 1];
    code.move(list, frame("segmentPointers"));
    pointers.forEach((pointer, row) =>
      code.moveWord(pointer, { base: list, offset: row * 4 })
    );
    for (const pointer of pointers) {
      code.calculate("add", pointer, frame("memory"));
    }
    code.set(k, 0);
    for (
      const [turns, end] of [
        [UNROLLED, frame("unrolledLength")],
        [1, frame("segmentLength")],
      ] as const
    ) {
      repeat(code, k, end, () => {
        for (let turn = 0; turn < turns; turn++) {
          addRow(code, b, panelBytes, turn, panels, pointers.length, (row) => ({
            ...{ base: pointers[row], index: k, scale: 4, offset: turn * 4 },
          }));
        }
        code.calculateConstant("add", b, turns * PANEL_BYTES);
        code.calculateConstant("add", k, turns);
      });
    }
    increase(code, frame("segmentPointers"), frame("segmentStride"), k);
    increase(code, frame("lengthAddress"), frame("lengthStride"), k);
    code.jump(segment);
    code.place(done);
  },
  locate(code, frame) {
    code.move(RAX, frame("tileTargets"));
  },
  target(code, frame, row) {
    code.moveWord(RCX, { base: RAX, offset: row * 4 });
    code.calculate("add", RCX, frame("targetOffset"));
    code.calculate("add", RCX, frame("columnOffset"));
  },
  advance(code, frame, rows) {
    code.calculateConstant("add", frame("tilePointers"), rows * 4);
    code.calculateConstant("add", frame("tileTargets"), rows * 4);
  },
};

/** Asks for rows of what is next, and remembers how far that went. */
function prefetchRows(code: Assembler, frame: Frame): void {
  const [row, rowsLeft] = [RAX, RCX];
  const [next, done] = [code.label(), code.label()];
  code.move(row, frame("nextB"));
  code.move(rowsLeft, frame("nextRows"));
  code.place(next);
  code.calculateConstant("subtract", rowsLeft, 1);
  code.jump(done, "below");
  code.prefetch({ base: row });
  code.prefetch({ base: row, offset: CACHE_LINE });
  code.calculate("add", row, frame("nextStride"));
  code.jump(next);
  code.place(done);
  code.store(frame("nextB"), row);
}

/**
 * target[r] = start + Σ_k column_k[r] · b[k], where column_k is at
 * `pointers[k] + offset`, and B lies in panels `[k][16]`. What lies at `nextA`
 * and `nextB` is brought near meanwhile, as far as there is time.
 */
const COLUMNS: Product = {
  names: COLUMNS_ARGUMENTS,
  addresses: ["pointers", "offset", "target", "nextA", "nextB"],
  own: ["tileOffset", "tileTarget", "unrolledLength"],
  mostNarrowRows: 2 * MOST_TILE_ROWS,
  begin(code, frame) {
    copy(code, frame("offset"), frame("tileOffset"));
    code.move(RAX, frame("target"));
    code.calculate("add", RAX, frame("columnOffset"));
    code.store(frame("tileTarget"), RAX);
  },
  multiply(code, frame, rows, panels) {
    const [column, pointers, offset, b, k, panelBytes] = [
      ...[RAX, RCX, RDX, 13, 14, 15],
    ];
    const next = [RBX, RBP];
    code.move(next[0], frame("nextA"));
    code.move(next[1], frame("nextB"));
    code.move(b, frame("b"));
    code.move(panelBytes, frame("panelBytes"));
    code.move(pointers, frame("pointers"));
    code.move(offset, frame("tileOffset"));
    code.move(k, frame("length"));
    code.shiftRight(k, Math.log2(UNROLLED));
    for (let i = 1; i < UNROLLED; i *= 2) code.calculate("add", k, k);
    code.store(frame("unrolledLength"), k);
    code.set(k, 0);
    for (
      const [turns, end] of [
        [UNROLLED, frame("unrolledLength")],
        [1, frame("length")],
      ] as const
    ) {
      repeat(code, k, end, () => {
        for (let turn = 0; turn < turns; turn++) {
          code.moveWord(column, {
            ...{ base: pointers, index: k, scale: 4, offset: turn * 4 },
          });
          addRow(code, b, panelBytes, turn, panels, rows, (row) => ({
            ...{ base: column, index: offset, offset: row * 4 },
          }));
        }
        if (turns === UNROLLED) {
          for (const address of next) {
            code.prefetch({ base: address });
            code.prefetch({ base: address, offset: CACHE_LINE });
            code.calculateConstant("add", address, 2 * CACHE_LINE);
          }
        }
        code.calculateConstant("add", b, turns * PANEL_BYTES);
        code.calculateConstant("add", k, turns);
      });
    }
    code.store(frame("nextA"), next[0]);
    code.store(frame("nextB"), next[1]);
  },
  locate(code, frame) {
    code.move(RCX, frame("tileTarget"));
    code.calculate("subtract", RCX, frame("rowStride"));
  },
  target(code, frame) {
    code.calculate("add", RCX, frame("rowStride"));
  },
  advance(code, frame, rows) {
    code.calculate("add", RCX, frame("rowStride"));
    code.store(frame("tileTarget"), RCX);
    code.calculateConstant("add", frame("tileOffset"), rows * 4);
  },
};

/** Writes the product of A in rows; returns where it starts. */
export function writeRowsProduct(code: Assembler): number {
  return writeProduct(code, ROWS);
}

/** Writes the product of A in columns; returns where it starts. */
export function writeColumnsProduct(code: Assembler): number {
  return writeProduct(code, COLUMNS);
}

/** A function that multiplies all rows with 32 columns after the other. */
function writeProduct(code: Assembler, product: Product): number {
  const entry = code.length;
  const { names, own } = product;
  const slots = [
    ...names,
    ...own,
    ...["memory", "rowsLeft", "columnOffset"],
  ];
  const frame: Frame = (name) => ({
    base: RSP,
    offset: slots.indexOf(name) * 8,
  });
  for (const register of SAVED) code.push(register);
  code.calculateConstant("subtract", RSP, slots.length * 8);
  // Called with the address of words as 32 bits, and with where memory starts.
  code.store(frame("memory"), RSI);
  code.moveWord(RDI, RDI);
  code.calculate("add", RDI, RSI);
  names.forEach((name, index) => {
    code.moveWord(RAX, { base: RDI, offset: index * 4 });
    if ([...product.addresses, "b"].includes(name)) {
      code.calculate("add", RAX, RSI);
    }
    code.store(frame(name), RAX);
  });
  code.set(RAX, 0);
  code.store(frame("columnOffset"), RAX);
  const isStarted = code.label();
  code.calculateConstant("compare", frame("start"), 0);
  code.jump(isStarted, "notEqual");
  code.store(frame("startStep"), RAX); // so that `start` stays 0
  code.place(isStarted);

  const nextColumns = code.label();
  const end = code.label();
  code.place(nextColumns);
  setMasks(code, frame);
  product.begin(code, frame);
  copy(code, frame("rows"), frame("rowsLeft"));
  const tilesOf = [2, 1].map((panels) => ({ panels, label: code.label() }));
  const [wide, narrow] = tilesOf;
  const columnsDone = code.label();
  code.calculateConstant("compare", frame("columns"), 17);
  code.jump(narrow.label, "below");
  for (const { panels, label } of [wide, narrow]) {
    code.place(label);
    writeTiles(code, product, frame, panels, label, columnsDone);
  }
  code.place(columnsDone);
  code.calculateConstant("compare", frame("columns"), 33);
  code.jump(end, "below");
  code.calculateConstant("subtract", frame("columns"), 32);
  code.calculateConstant("add", frame("columnOffset"), 2 * PANEL_BYTES);
  for (const name of ["panelBytes", "startStep"]) {
    const to = name === "panelBytes" ? "b" : "start";
    code.move(RAX, frame(name));
    code.calculate("add", RAX, RAX);
    code.calculate("add", RAX, frame(to));
    code.store(frame(to), RAX);
  }
  code.jump(nextColumns);
  code.place(end);
  code.calculateConstant("add", RSP, slots.length * 8);
  for (const register of SAVED.toReversed()) code.pop(register);
  code.return();
  return entry;
}

/** All tiles of 16 or 32 columns. */
function writeTiles(
  code: Assembler,
  product: Product,
  frame: Frame,
  panels: number,
  next: Label,
  done: Label,
): void {
  const most = panels === 1 ? product.mostNarrowRows : MOST_TILE_ROWS;
  const tiles = Array.from({ length: most }, () => code.label());
  code.move(RAX, frame("rowsLeft"));
  const isLess = code.label();
  code.calculate("compare", RAX, frame("tileRows"));
  code.jump(isLess, "below");
  code.move(RAX, frame("tileRows"));
  code.place(isLess);
  tiles.forEach((tile, index) => {
    code.calculateConstant("compare", RAX, index + 1);
    code.jump(tile, "equal");
  });
  code.jump(done);
  tiles.forEach((tile, index) => {
    const rows = index + 1;
    code.place(tile);
    for (let sum = 0; sum < rows * panels; sum++) code.clear(sum);
    product.multiply(code, frame, rows, panels);
    storeSums(code, product, frame, rows, panels);
    product.advance(code, frame, rows);
    code.calculateConstant("subtract", frame("rowsLeft"), rows);
    code.jump(next, "notEqual");
    code.jump(done);
  });
}

/** Sums += a column of A times a row of B. */
function addRow(
  code: Assembler,
  b: number,
  panelBytes: number,
  turn: number,
  panels: number,
  rows: number,
  a: (row: number) => Memory,
): void {
  const offset = turn * PANEL_BYTES;
  code.load(B_VECTORS[0], { base: b, offset });
  if (panels > 1) {
    code.load(B_VECTORS[1], { base: b, index: panelBytes, offset });
  }
  for (let row = 0; row < rows; row++) {
    const vector = A_VECTORS[row % A_VECTORS.length];
    code.broadcast(vector, a(row));
    for (let panel = 0; panel < panels; panel++) {
      const sum = row * panels + panel;
      code.vectors("multiplyAdd", sum, vector, B_VECTORS[panel]);
    }
  }
}

/** Brings sums to the targets, added to what `start` points to, or to the targets if it is 0. */
function storeSums(
  code: Assembler,
  product: Product,
  frame: Frame,
  rows: number,
  panels: number,
): void {
  const adds = code.label();
  const done = code.label();
  const all = Array.from({ length: panels }, (_, panel) => panel);
  product.locate(code, frame);
  code.calculateConstant("compare", frame("start"), 0);
  code.jump(adds, "equal");
  code.move(RDX, frame("start"));
  code.calculate("add", RDX, frame("memory"));
  for (const panel of all) {
    code.load(B_VECTORS[panel], { base: RDX }, MASKS[panel]);
    code.calculate("add", RDX, frame("startStep"));
  }
  for (const [label, isAdded] of [[undefined, false], [adds, true]] as const) {
    if (label !== undefined) code.place(label);
    for (let row = 0; row < rows; row++) {
      product.target(code, frame, row);
      for (const panel of all) {
        const to = { base: RCX, offset: panel * PANEL_BYTES };
        const sum = row * panels + panel;
        if (isAdded) code.load(B_VECTORS[panel], to, MASKS[panel]);
        code.vectors("add", sum, sum, B_VECTORS[panel]);
        code.storeVector(to, sum, MASKS[panel]);
      }
    }
    if (!isAdded) code.jump(done);
  }
  code.place(done);
}

/** Which of the next 32 columns are there. */
function setMasks(code: Assembler, frame: Frame): void {
  const isLast = code.label();
  code.move(RAX, frame("lastMask"));
  code.calculateConstant("compare", frame("columns"), 32);
  code.jump(isLast, "below");
  code.set(RAX, -1);
  code.place(isLast);
  code.setMask(MASKS[0], RAX);
  code.shiftRight(RAX, 16);
  code.setMask(MASKS[1], RAX);
}

/** Copies 8 bytes by way of RAX. */
function copy(code: Assembler, from: Memory, to: Memory): void {
  code.move(RAX, from);
  code.store(to, RAX);
}

/** Adds 8 bytes to others by way of a register. */
function increase(
  code: Assembler,
  target: Memory,
  by: Memory,
  register: number,
): void {
  code.move(register, target);
  code.calculate("add", register, by);
  code.store(target, register);
}
