/**
 * Products whose left operand lies in rows; see assembly/gemm.ts.
 *
 * @module
 */

import type { Activation } from "../backend.ts";
import { alignUp } from "./_allocator.ts";
import type { Runtime } from "./_runtime.ts";

/** Columns of a panel of the packed right operand. */
export const PANEL_COLUMNS = 16;

/** The longest run of numbers that is one segment. */
export const MAX_SEGMENT = 1024;

/** A part takes at most so many rows. */
const BLOCK_ROWS = 64;

/** The same where products are machine code: 8 of its tiles. */
const NATIVE_BLOCK_ROWS = 96;

/** With so few rows, reading B where it lies takes less time than packing it. */
const UNPACKED_ROWS = 256;

/** The same where products are machine code, which brings B near while it multiplies. */
const NATIVE_UNPACKED_ROWS = 512;

/** But only if k is so short: else A, which each part reads, does not stay in the cache. */
const NATIVE_UNPACKED_DEPTH = 1024;

/** Panels of a part whose rows of B are read where they lie: whole cache lines that are neighbours. */
const PART_PANELS = 2;

/** A thread has room for so many columns of a row that nobody reads. */
const UNPACKED_COLUMNS = 32_768;

/** More parts do not balance the threads' work better. */
const MOST_PARTS = 256;

/** With fewer parts, threads would wait for each other. */
const MIN_PARTS = 16;

/** A run of numbers of each row of A, and the rows of B it is multiplied by. */
export interface Segment {
  /** The row of the input pixel, relative to the output pixel's. */
  readonly row: number;
  /** The column of the input pixel, relative to the output pixel's. */
  readonly column: number;
  /** The first number, in elements from the pixel's first. */
  readonly source: number;
  /** How many numbers; at most {@linkcode MAX_SEGMENT}. */
  readonly length: number;
  /** Where the first of B's rows is, in elements. */
  readonly weights: number;
}

/** Numbers in memory that are the same for all groups, or lie one group after the other. */
export interface Grouped {
  /** Where they start. */
  readonly address: number;
  /** Elements from group to group. */
  readonly groupStride: number;
}

/** A product. Sizes and strides are in elements; a matrix is an image of one row. */
export interface Gemm {
  /** Independent products. */
  readonly groups: number;
  /** The columns of B. */
  readonly columns: number;
  /** The left operand: pixels. */
  readonly a: Grouped & {
    readonly height: number;
    readonly width: number;
    /** From one pixel to the next. */
    readonly pixelStride: number;
    /** Input rows between output rows. */
    readonly rowStep: number;
    /** Input columns between output columns. */
    readonly columnStep: number;
  };
  /** The right operand; one of its strides is 1. */
  readonly b: Grouped & {
    readonly rowStride: number;
    readonly columnStride: number;
  };
  /** What k runs over. */
  readonly segments: readonly Segment[];
  /** Added to each row, unless the address is 0. */
  readonly bias: Grouped;
  /** The result: pixels of `columns` numbers. */
  readonly out: Grouped & {
    readonly images: number;
    readonly height: number;
    readonly width: number;
    readonly imageStride: number;
    readonly rowStride: number;
    readonly columnStride: number;
  };
  /** What follows the sum. */
  readonly activation: Activation | undefined;
  /** Where the sum before the activation is stored, laid out like the result; 0 if nowhere. */
  readonly preActivation: number;
}

/** The numbers of activations in assembly/_activate.ts. */
const ACTIVATIONS: Readonly<Record<Activation, number>> = {
  relu: 1,
  gelu: 2,
  geluTanh: 3,
  tanh: 4,
};

/** How kernels are told of an activation. */
export function activationNumber(activation: Activation | undefined): number {
  return activation === undefined ? 0 : ACTIVATIONS[activation];
}

/** The lengths of segments that fill slabs of assembly/_strips.ts. */
const UNITS = [64, 32, 16];

/** Runs that a strip takes several of as they are. */
const WHOLE_RUNS = [21, 9];

/** How long segments should be so that many of them have one length of `UNITS`. */
export function segmentLength(run: number, runs: number): number {
  if (runs === 1) return UNITS[0];
  if (WHOLE_RUNS.includes(run)) return run;
  return UNITS.find((unit) => run % unit === 0) ?? MAX_SEGMENT;
}

/** Cuts a run of numbers into segments. */
export function* segmentsOf(
  row: number,
  column: number,
  length: number,
  weights: number,
  weightsStride: number,
  longest: number,
): Generator<Segment> {
  for (let source = 0; source < length; source += longest) {
    yield {
      row,
      column,
      source,
      length: Math.min(longest, length - source),
      weights: weights + source * weightsStride,
    };
  }
}

/** Writes the table of segments, and lends it with some more memory. */
export function withSegments(
  runtime: Runtime,
  segments: readonly Segment[],
  byteLength: number,
  body: (table: number, address: number) => void,
): void {
  const tableBytes = alignUp(segments.length * 20);
  runtime.withScratch(tableBytes + byteLength, (table) => {
    runtime.heap.writeInts(
      table,
      segments.flatMap((segment) => [
        segment.row,
        segment.column,
        segment.source,
        segment.length,
        segment.weights,
      ]),
    );
    body(table, table + tableBytes);
  });
}

/** A length of strips that segments have, and how many do before the first that has not. */
function unitsOf(segments: readonly Segment[]): [unit: number, count: number] {
  const unit = segments[0]?.length ?? 0;
  if (![...UNITS, ...WHOLE_RUNS].includes(unit)) return [0, 0];
  const end = segments.findIndex(({ length }) => length !== unit);
  return [unit, end < 0 ? segments.length : end];
}

/** Runs a product. */
export function runGemm(runtime: Runtime, gemm: Gemm): void {
  const { groups, columns, a, b, segments, bias, out } = gemm;
  const k = segments.reduce((sum, { length }) => sum + length, 0);
  const panels = Math.ceil(columns / PANEL_COLUMNS);
  const packedSize = panels * k * PANEL_COLUMNS;
  const packedGroups = b.groupStride === 0 ? 1 : groups;
  const rows = out.images * out.height * out.width;
  const [unit, units] = unitsOf(segments);
  /** The arguments that both kernels have. */
  const shared = (table: number, right: number): number[] => [
    ...[a.address, right, bias.address, out.address, table],
    runtime.zeros(MAX_SEGMENT),
    gemm.preActivation,
    activationNumber(gemm.activation),
    ...[segments.length, k, columns],
    ...[out.images, out.height, out.width],
    ...[a.height, a.width, a.pixelStride, a.rowStep, a.columnStep],
    ...[out.imageStride, out.rowStride, out.columnStride],
    ...[groups, a.groupStride],
    b.groupStride === 0 ? 0 : packedSize,
    ...[out.groupStride, bias.groupStride],
  ];
  const isUnpacked = rows <=
      (k <= NATIVE_UNPACKED_DEPTH && runtime.native
        ? NATIVE_UNPACKED_ROWS
        : UNPACKED_ROWS) &&
    panels >= MIN_PARTS &&
    columns % PANEL_COLUMNS === 0 && columns <= UNPACKED_COLUMNS &&
    groups === 1 && b.columnStride === 1 &&
    unit === UNITS[0] && units === segments.length;
  if (isUnpacked) {
    withSegments(runtime, segments, 0, (table) => {
      runtime.run(
        "gemmUnpacked",
        [...shared(table, b.address), 0, b.rowStride],
        runtime.parts(rows * columns * k / 8, Math.ceil(panels / PART_PANELS)),
      );
    });
    return;
  }
  const blockRows = Math.min(
    runtime.native ? NATIVE_BLOCK_ROWS : BLOCK_ROWS,
    Math.ceil(rows / 4) * 4,
  );
  const rowBlocks = Math.ceil(rows / blockRows);
  const columnBlocks = Math.min(
    panels,
    Math.ceil(MIN_PARTS / (rowBlocks * groups)),
  );
  const packedBytes = packedSize * packedGroups * 4;
  withSegments(runtime, segments, packedBytes, (table, packed) => {
    runtime.run(
      "packPanels",
      [
        ...[b.address, packed, table, segments.length, k, columns],
        ...[b.rowStride, b.columnStride],
        ...[packedGroups, b.groupStride, packedSize],
      ],
      runtime.parts(
        packedSize * packedGroups,
        (b.columnStride === 1 ? segments.length : panels) * packedGroups,
      ),
    );
    runtime.run(
      "gemm",
      [...shared(table, packed), blockRows, columnBlocks, unit, units],
      runtime.parts(
        groups * rows * columns * k / 8,
        Math.min(groups * rowBlocks * columnBlocks, MOST_PARTS),
      ),
    );
  });
}
