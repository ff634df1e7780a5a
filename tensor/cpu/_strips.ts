/**
 * The innermost loops of products, written as WebAssembly in which the packed
 * operand lies at addresses that are constants.
 *
 * V8 checks the bounds of every access whose address it does not know, and two
 * accesses with a check between them it cannot join. With constants there is
 * no check: the code is faster as it is, and V8's revectorizer
 * (`--experimental-wasm-revectorize`) turns pairs of 128-bit operations into
 * 256-bit ones, which doubles the speed. Constants mean straight code for
 * a whole slab, and code of its own for each thread, so it is written when the
 * device opens.
 *
 * A strip is a column of tiles, 4 rows by 16 columns each, that are
 * multiplied with the same slab, 64 or more rows of B of 16 columns. assembly/_strips.ts
 * declares what is exported here.
 *
 * @module
 */

/** Rows of B in a slab, but for strips of rows that say otherwise. */
const SLAB_ROWS = 64;

/**
 * The strips whose A lies in rows: how many runs of numbers a row has, and how
 * long each is. Those of three and nine runs take as many weight positions at
 * once, which is what 3×3 convolutions of 32 and 16 channels have.
 */
export const ROWS_STRIPS: readonly {
  readonly runs: number;
  readonly length: number;
}[] = [
  { runs: 1, length: 64 },
  { runs: 1, length: 32 },
  { runs: 1, length: 16 },
  { runs: 2, length: 32 },
  { runs: 4, length: 16 },
  { runs: 3, length: 32 },
  { runs: 9, length: 16 },
  // Where images are convolved first: 3 channels, windows of 7×7 and 3×3.
  { runs: 7, length: 21 },
  { runs: 3, length: 9 },
];

const MOST_SLAB_ROWS = Math.max(
  ...ROWS_STRIPS.map(({ runs, length }) => runs * length),
);

/** Rows of a tile. */
const ROWS = 4;

/** Vectors of four columns in a row of a tile. */
const VECTORS = 4;

/** What a thread's constants point to, in bytes from its first. */
const LAYOUT = {
  /** The slab, `[64][16]` or longer. */
  slab: 0,
  /** The tile's sums on their way to the result. */
  sums: MOST_SLAB_ROWS * 64,
  /** Where the rows that a column of A is made of lie, `[64]`. */
  pointers: MOST_SLAB_ROWS * 64 + 256,
  /** A row of zeros, which nobody writes to. */
  zeros: MOST_SLAB_ROWS * 64 + 512,
  /** What machine code is called with; see assembly/_native.ts. */
  words: MOST_SLAB_ROWS * 64 + 576,
};

/** How many bytes each thread's constants point to. */
export const STRIP_BYTES: number = LAYOUT.words + 128;

/** Pages that must be there when the code is instantiated; the constants point into them. */
export const STRIP_PAGES = 256;

/** What the code is written for. */
export interface StripOptions {
  /** Where this thread's `STRIP_BYTES` are, in the first `STRIP_PAGES` of the memory. */
  readonly address: number;
  /** Whether `f32x4.relaxed_madd` is there. */
  readonly relaxedSimd: boolean;
  /** Whether the memory is shared. */
  readonly shared: boolean;
}

/**
 * Writes the module of one thread. It imports `env.memory` and exports
 *
 * - `rows1x64`, `rows2x32` and so on: A in rows of so many runs of such a length;
 *   (pointers, bytes from the pointers of one tile to the next,
 *   targets, bytes added to the targets, base or 0 to add to the targets,
 *   tiles). `pointers` holds four addresses for each run, `targets` four for
 *   each tile.
 * - `columns`: A in columns; (bytes added to the thread's pointers, target,
 *   bytes from one row of the target to the next, whether to add to it,
 *   tiles).
 *
 * @param options The thread's addresses, and what the engine has.
 * @returns The module's bytes.
 */
export function writeStrips(options: StripOptions): Uint8Array<ArrayBuffer> {
  const functions = [
    ...ROWS_STRIPS.map(({ runs, length }) => ({
      name: `rows${runs}x${length}`,
      parameters: 6,
      body: rowsBody(options, runs, length),
    })),
    { name: "columns", parameters: 5, body: columnsBody(options) },
  ];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, functions.map((f) => functionType(f.parameters))),
    ...section(2, [[
      ...text("env"),
      ...text("memory"),
      2,
      options.shared ? 3 : 1,
      ...unsigned(STRIP_PAGES),
      ...unsigned(65_536),
    ]]),
    ...section(3, functions.map((_, index) => unsigned(index))),
    ...section(
      7,
      functions.map((
        { name },
        index,
      ) => [...text(name), 0, ...unsigned(index)]),
    ),
    ...section(
      10,
      functions.map(({ body }) => [...unsigned(body.length), ...body]),
    ),
  ]);
}

/** Locals of all strips, behind the parameters. */
function localsAfter(parameters: number) {
  const ints = parameters;
  const vectors = ints + ROWS + 2;
  return {
    /** Addresses of the tile's rows of A. */
    row: (r: number) => ints + r,
    target: ints + ROWS,
    base: ints + ROWS + 1,
    sum: (r: number, v: number) => vectors + r * VECTORS + v,
    b: (v: number) => vectors + ROWS * VECTORS + v,
    a: vectors + ROWS * VECTORS + VECTORS,
    declarations: [
      ...[2, ROWS + 2, I32],
      ...[ROWS * VECTORS + VECTORS + 1, V128],
    ],
  };
}

function rowsBody(
  options: StripOptions,
  runs: number,
  length: number,
): number[] {
  const [pointers, tileStride, targets, targetOffset, start, tiles] = range(6);
  const locals = localsAfter(6);
  const code: number[] = [...locals.declarations, ...LOOP];
  for (let k = 0; k < runs * length; k++) {
    const run = Math.floor(k / length);
    const inRun = k % length;
    if (inRun === 0) {
      for (const r of range(ROWS)) {
        code.push(
          ...get(pointers),
          ...intLoad((run * ROWS + r) * 4),
          ...set(locals.row(r)),
        );
      }
    }
    multiply(code, options, locals, k, (r) => [
      ...get(locals.row(r)),
      ...loadSplat(inRun * 4),
    ]);
  }
  storeSums(code, options, locals, (r) => [
    ...get(targets),
    ...intLoad(r * 4),
    ...get(targetOffset),
    ADD,
    ...set(locals.target),
    // base = start, or the target itself
    ...[...get(start), ...get(locals.target), ...get(start), SELECT],
    ...set(locals.base),
  ]);
  code.push(
    ...[...get(pointers), ...get(tileStride), ADD, ...set(pointers)],
    ...[...get(targets), ...constant(ROWS * 4), ADD, ...set(targets)],
    ...nextTile(tiles),
  );
  return code;
}

function columnsBody(options: StripOptions): number[] {
  const [offset, target, rowStride, accumulate, tiles] = range(5);
  const locals = localsAfter(5);
  const code: number[] = [...locals.declarations, ...LOOP];
  for (let k = 0; k < SLAB_ROWS; k++) {
    code.push(
      ...constant(0),
      ...intLoad(options.address + LAYOUT.pointers + k * 4),
      ...[...get(offset), ADD, ...set(locals.row(0))],
    );
    multiply(code, options, locals, k, (r) => [
      ...get(locals.row(0)),
      ...loadSplat(r * 4),
    ]);
  }
  storeSums(code, options, locals, (r) => [
    ...r === 0 ? get(target) : [...get(locals.target), ...get(rowStride), ADD],
    ...set(locals.target),
    ...get(locals.target),
    ...constant(options.address + LAYOUT.zeros),
    ...[...get(accumulate), SELECT, ...set(locals.base)],
  ]);
  code.push(
    ...[...get(offset), ...constant(ROWS * 4), ADD, ...set(offset)],
    ...[...get(locals.target), ...get(rowStride), ADD, ...set(target)],
    ...nextTile(tiles),
  );
  return code;
}

type Locals = ReturnType<typeof localsAfter>;

/** Adds the product of one column of A and one row of the slab to the sums. */
function multiply(
  code: number[],
  { address, relaxedSimd }: StripOptions,
  locals: Locals,
  k: number,
  loadA: (row: number) => number[],
): void {
  for (const v of range(VECTORS)) {
    code.push(
      ...constant(0),
      ...load(address + LAYOUT.slab + (k * VECTORS + v) * 16),
      ...set(locals.b(v)),
    );
  }
  for (const r of range(ROWS)) {
    code.push(...loadA(r), ...set(locals.a));
    for (const v of range(VECTORS)) {
      const sum = locals.sum(r, v);
      code.push(...get(locals.a), ...get(locals.b(v)));
      if (k === 0) code.push(...MULTIPLY);
      else if (relaxedSimd) code.push(...get(sum), ...MULTIPLY_ADD);
      else code.push(...MULTIPLY, ...get(sum), ...ADD_VECTORS);
      code.push(...set(sum));
    }
  }
}

/** Brings the sums to the targets; `locate` sets the locals `target` and `base` of a row. */
function storeSums(
  code: number[],
  { address }: StripOptions,
  locals: Locals,
  locate: (row: number) => number[],
): void {
  const at = (r: number, v: number) =>
    address + LAYOUT.sums + (r * VECTORS + v) * 16;
  // By way of constant addresses: pairs of such stores are where the revectorizer starts.
  for (const r of range(ROWS)) {
    for (const v of range(VECTORS)) {
      code.push(...constant(0), ...get(locals.sum(r, v)), ...store(at(r, v)));
    }
  }
  for (const r of range(ROWS)) {
    code.push(...locate(r));
    for (const v of range(VECTORS)) {
      code.push(
        ...get(locals.target),
        ...[...constant(0), ...load(at(r, v))],
        ...[...get(locals.base), ...load(v * 16)],
        ...ADD_VECTORS,
        ...store(v * 16),
      );
    }
  }
}

const I32 = 0x7f;
const V128 = 0x7b;
const ADD = 0x6a;
const SELECT = 0x1b;
const LOOP = [0x03, 0x40];
const END = 0x0b;
const ADD_VECTORS = [0xfd, 0xe4, 0x01];
const MULTIPLY = [0xfd, 0xe6, 0x01];
const MULTIPLY_ADD = [0xfd, 0x85, 0x02];

/** Counts a tile, repeats the loop if there are more, and ends the function. */
function nextTile(tiles: number): number[] {
  const subtract = 0x6b;
  const tee = [0x22, ...unsigned(tiles)];
  const branchIf = [0x0d, 0];
  return [
    ...[...get(tiles), ...constant(1), subtract, ...tee, ...branchIf],
    ...[END, END],
  ];
}

function get(local: number): number[] {
  return [0x20, ...unsigned(local)];
}

function set(local: number): number[] {
  return [0x21, ...unsigned(local)];
}

function constant(value: number): number[] {
  return [0x41, ...signed(value)];
}

function intLoad(offset: number): number[] {
  return [0x28, 2, ...unsigned(offset)];
}

function load(offset: number): number[] {
  return [0xfd, 0x00, 4, ...unsigned(offset)];
}

function loadSplat(offset: number): number[] {
  return [0xfd, 0x09, 2, ...unsigned(offset)];
}

function store(offset: number): number[] {
  return [0xfd, 0x0b, 4, ...unsigned(offset)];
}

/** A type of so many int32 and no result. */
function functionType(parameters: number): number[] {
  return [0x60, parameters, ...Array(parameters).fill(I32), 0];
}

function section(id: number, items: readonly number[][]): number[] {
  const content = [...unsigned(items.length), ...items.flat()];
  return [id, ...unsigned(content.length), ...content];
}

function text(value: string): number[] {
  return [value.length, ...Array.from(value, (c) => c.charCodeAt(0))];
}

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value >>>= 7) bytes.push(value & 127 | 128);
  return [...bytes, value];
}

/** LEB128 of a number that is not negative, with its sign. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 64; value >>>= 7) bytes.push(value & 127 | 128);
  return [...bytes, value];
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
