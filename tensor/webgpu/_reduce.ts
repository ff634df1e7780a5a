/**
 * Reductions along one axis. Every invocation goes through some elements of a
 * line, every `pieces`-th one, so that neighbours read neighbours; what the
 * pieces of a line have gathered is merged by later dispatches, always in the
 * same order. No workgroup memory: barriers are slow where a GPU is emulated.
 */

import type { AxisLayout, ReduceOp } from "../backend.ts";
import { INTEGER_RANGES } from "../_integer_range.ts";
import { sizeOf } from "../shape.ts";
import type { GpuView } from "./_buffer.ts";
import { elementTypeOf } from "./_element_type.ts";
import { fill } from "./_fill.ts";
import { type ElementType, type Kernel, kernelFamily } from "./_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";
import { wgslFunctions } from "./_wgsl_math.ts";

const WORKGROUP_SIZE = 64;

type Reduction = ReduceOp | "argmax";

/** What a piece of a line gathers, and how. */
interface Accumulator {
  /** The variables: type and first value. */
  readonly state: Readonly<
    Record<string, readonly [type: ElementType, first: string]>
  >;
  /** Takes in `value`, which is element `j` of its line. */
  readonly accumulate: string;
  /** Takes in the variables of another piece, called `other_…`. */
  readonly merge: string;
  /** What comes out for a line of `u.length` elements. */
  readonly result: string;
  /** Functions that these call. */
  readonly functions?: string;
}

const SUM: Accumulator = {
  state: { total: ["f32", "0.0"] },
  accumulate: "total += value;",
  merge: "total += other_total;",
  result: "total",
};

function extremum(name: "maximum" | "minimum"): Accumulator {
  return {
    state: { best: ["f32", name === "maximum" ? "-inf()" : "inf()"] },
    accumulate: `best = ${name}(best, value);`,
    merge: `best = ${name}(best, other_best);`,
    result: "best",
  };
}

const FLOAT: Readonly<Record<ReduceOp, Accumulator>> = {
  sum: SUM,
  mean: { ...SUM, result: "total / f32(u.length)" },
  max: extremum("maximum"),
  min: extremum("minimum"),
  // Σ exp(x - largest), rescaled when a larger element comes. Where the two
  // are equal the difference may be ∞ - ∞.
  logSumExp: {
    state: { largest: ["f32", "-inf()"], total: ["f32", "0.0"] },
    accumulate: `
      let scale = select(exp_f32(-abs(value - largest)), 1.0, value == largest);
      total = select(total + scale, total * scale + 1.0, value > largest);
      largest = max(largest, value);`,
    merge: `
      let scale = select(exp_f32(-abs(other_largest - largest)), 1.0, other_largest == largest);
      total = select(total + other_total * scale, total * scale + other_total, other_largest > largest);
      largest = max(largest, other_largest);`,
    result: "largest + log_f32(total)",
  },
  // Squares of very small and very large numbers are summed apart and scaled:
  // J. Blue, "A Portable Fortran Program to Find the Euclidean Norm of a
  // Vector", 1978. The bounds are 2^±50, the scales 2^100 and 2^-80; bits
  // count ∞ and NaN as large.
  l2Norm: {
    state: {
      small: ["f32", "0.0"],
      medium: ["f32", "0.0"],
      large: ["f32", "0.0"],
    },
    accumulate: `
      let size = abs(value);
      let up = size * 1.2676506e30;
      let down = size * 8.2718061e-25;
      let is_small = bitcast<u32>(size) < 0x26800000u;
      let is_large = bitcast<u32>(size) > 0x58800000u;
      small += select(0.0, up * up, is_small);
      large += select(0.0, down * down, is_large);
      medium += select(size * size, 0.0, is_small || is_large);`,
    merge: `
      small += other_small;
      medium += other_medium;
      large += other_large;`,
    result: "scaled_root(small, medium, large)",
    functions: `
fn scaled_root(small: f32, medium: f32, large: f32) -> f32 {
  if (large > 0.0 || is_nan(large)) {
    return sqrt(large + (medium * 8.2718061e-25) * 8.2718061e-25) * 1.2089258e24;
  }
  if (medium > 0.0) {
    return sqrt(medium + (small * 7.8886091e-31) * 7.8886091e-31);
  }
  return sqrt(small) * 7.8886091e-31;
}`,
  },
};

function integerAccumulator(op: Reduction, type: ElementType): Accumulator {
  const least = type === "i32" ? "i32(-0x7fffffff - 1)" : "0u";
  const most = type === "i32" ? "0x7fffffffi" : "0xffffffffu";
  switch (op) {
    case "sum":
      return { ...SUM, state: { total: [type, `${type}(0)`] } };
    case "max":
    case "min":
      return {
        state: { best: [type, op === "max" ? least : most] },
        accumulate: `best = ${op}(best, value);`,
        merge: `best = ${op}(best, other_best);`,
        result: "best",
      };
    default:
      throw new TypeError(`Cannot reduce ${type} elements by "${op}"`);
  }
}

/** The first of the largest elements, where NaN counts as largest. */
function argmaxAccumulator(type: ElementType): Accumulator {
  const larger = type === "f32"
    ? `
  if (is_nan(value) || is_nan(best)) {
    return is_nan(value) && (!is_nan(best) || j < at);
  }`
    : "";
  return {
    state: { best: [type, `${type}(0)`], at: ["u32", "0xffffffffu"] },
    accumulate: "if (wins(value, j, best, at)) { best = value; at = j; }",
    merge: `
      if (other_at != 0xffffffffu && wins(other_best, other_at, best, at)) {
        best = other_best;
        at = other_at;
      }`,
    result: "i32(at)",
    functions: `
fn wins(value: ${type}, j: u32, best: ${type}, at: u32) -> bool {
  if (at == 0xffffffffu) { return true; }${larger}
  return value > best || (value == best && j < at);
}`,
  };
}

function accumulatorOf(op: Reduction, type: ElementType): Accumulator {
  if (op === "argmax") return argmaxAccumulator(type);
  return type === "f32" ? FLOAT[op] : integerAccumulator(op, type);
}

/**
 * One dispatch of a reduction. It reads elements or what pieces gathered, and
 * writes results or what pieces gathered: planes of `[lines outer, pieces,
 * lines inner]`, one for each variable.
 */
const reduceKernel = kernelFamily((
  op: Reduction,
  type: ElementType,
  from: "elements" | "pieces",
  to: "pieces" | "results",
): Kernel => {
  const accumulator = accumulatorOf(op, type);
  const { state, accumulate, merge, result, functions = "" } = accumulator;
  const variables = Object.entries(state);
  const inType = from === "elements" ? type : "u32";
  const outType = to === "pieces" ? "u32" : op === "argmax" ? "i32" : type;
  const load = from === "elements"
    ? `
      let value = x_load(at_x);
      ${accumulate}`
    : variables.map(([name, [variableType]], plane) => `
      let other_${name} = bitcast<${variableType}>(x_load(at_x + ${plane}u * u.x_plane));`)
      .join("") + merge;
  const store = to === "results"
    ? `out_store(o * u.inner + i, ${result});`
    : variables.map(([name], plane) =>
      `out_store(((u.first_outer + o) * u.all_pieces + u.first_piece + piece) * u.inner + i + ${plane}u * u.out_plane, bitcast<u32>(${name}));`
    ).join("\n  ");
  return {
    name: `${op}-${type}-${from}-${to}`,
    operands: {
      x: { access: "read", type: inType },
      out: { access: "read_write", type: outType },
    },
    uniforms: {
      // The lines, and where they are in all that the whole reduction has.
      size: "u32",
      inner: "u32",
      first_outer: "u32",
      // Elements (or pieces) of x on each line, and the index of the first.
      count: "u32",
      first: "u32",
      // Pieces that this dispatch makes of a line, and that there are in all.
      pieces: "u32",
      first_piece: "u32",
      all_pieces: "u32",
      // From one variable to the next.
      x_plane: "u32",
      out_plane: "u32",
      // Elements of a line in all.
      length: "u32",
    },
    workgroupSize: WORKGROUP_SIZE,
    declarations: functions + wgslFunctions(accumulate + merge + result),
    body: `
  if (index >= u.size) {
    return;
  }
  let i = index % u.inner;
  let piece = index / u.inner % u.pieces;
  let o = index / u.inner / u.pieces;
${
      variables.map(([name, [variableType, first]]) =>
        `  var ${name}: ${variableType} = ${first};`
      ).join("\n")
    }
  let begin = o * u.count * u.inner + i;
  for (var k = piece; k < u.count; k += u.pieces) {
    let j = u.first + k;
    let at_x = begin + k * u.inner;
    {${load}
    }
  }
  ${store}`,
  };
});

/** Invocations that keep a device busy. */
const HARDWARE_INVOCATIONS = 2 ** 15;
const SOFTWARE_INVOCATIONS = 2 ** 9;
/** A piece has at least so many elements, unless its line has fewer, … */
const MIN_PIECE = 32;
/** … and at most so many, which bounds rounding errors too. */
const MAX_PIECE = 1024;
/** Neighbours that read together where the lines themselves are no neighbours. */
const COALESCED = 32;

/**
 * Into how many pieces to cut the lines of a reduction.
 *
 * @param lines How many lines there are.
 * @param length Elements of a line.
 * @param inner How many lines lie side by side.
 * @param software Whether a GPU is emulated.
 * @returns At least 1.
 */
export function choosePieces(
  lines: number,
  length: number,
  inner: number,
  software: boolean,
): number {
  const most = Math.ceil(length / MIN_PIECE);
  const invocations = software ? SOFTWARE_INVOCATIONS : HARDWARE_INVOCATIONS;
  const wanted = Math.max(
    Math.ceil(length / MAX_PIECE),
    Math.ceil(invocations / lines),
    !software && inner < COALESCED ? COALESCED : 1,
  );
  return Math.max(1, Math.min(most, wanted));
}

/** Reduces the middle axis. */
export function reduce(
  runtime: Runtime,
  op: ReduceOp,
  x: GpuView,
  out: GpuView,
  layout: AxisLayout,
): void {
  if (layout.length === 0) {
    const [least, greatest] = INTEGER_RANGES[out.dtype] ??
      [-Infinity, Infinity];
    fill(runtime, out, Math.min(Math.max(EMPTY[op], least), greatest));
  } else {
    reduceLines(runtime, op, x, out, layout);
  }
}

/** Reductions of nothing. */
const EMPTY: Readonly<Record<ReduceOp, number>> = {
  sum: 0,
  mean: NaN,
  max: -Infinity,
  min: Infinity,
  logSumExp: -Infinity,
  l2Norm: 0,
};

/** The index of the largest element of the middle axis. */
export function argmax(
  runtime: Runtime,
  x: GpuView,
  out: GpuView,
  layout: AxisLayout,
): void {
  reduceLines(runtime, "argmax", x, out, layout);
}

/** A part of the elements that fits one binding: some lines, or some elements of one. */
interface Part {
  readonly firstOuter: number;
  readonly outer: number;
  readonly first: number;
  readonly count: number;
}

function reduceLines(
  runtime: Runtime,
  op: Reduction,
  x: GpuView,
  out: GpuView,
  layout: AxisLayout,
): void {
  const { outer, length, inner } = layout;
  const type = elementTypeOf(x.dtype);
  const { software } = runtime.traits;
  const parts = partsOf(runtime, layout);
  const segments = parts.filter((part) => part.firstOuter === 0).length;
  const { count } = parts[0];
  const lines = outer * inner;
  const pieces = choosePieces(lines * segments, count, inner, software);
  const allPieces = pieces * segments;
  const plane = lines * allPieces;
  const runParts = (target: GpuView, direct: boolean) => {
    for (const part of parts) {
      const size = part.outer * pieces * inner;
      runtime.run(
        reduceKernel(op, type, "elements", direct ? "results" : "pieces"),
        {
          x: part.count === length
            ? rowsOf(x, length * inner, part.firstOuter, part.outer)
            : rowsOf(
              x,
              inner,
              part.firstOuter * length + part.first,
              part.count,
            ),
          out: direct
            ? rowsOf(target, inner, part.firstOuter, part.outer)
            : target,
        },
        {
          size,
          inner,
          first_outer: part.firstOuter,
          count: part.count,
          first: part.first,
          pieces,
          first_piece: part.first / count * pieces,
          all_pieces: allPieces,
          x_plane: 0,
          out_plane: plane,
          length,
        },
        Math.ceil(size / WORKGROUP_SIZE),
      );
    }
  };
  if (allPieces === 1) {
    runParts(out, true);
    return;
  }
  const variables = Object.keys(accumulatorOf(op, type).state).length;
  runtime.temporary([variables, plane], (partial) => {
    runParts(partial, false);
    mergePieces(runtime, op, type, partial, out, {
      outer,
      length: allPieces,
      inner,
    }, length);
  });
}

/** Merges the pieces of each line, in several steps if they are many. */
function mergePieces(
  runtime: Runtime,
  op: Reduction,
  type: ElementType,
  partial: GpuView,
  out: GpuView,
  { outer, length: count, inner }: AxisLayout,
  length: number,
): void {
  const lines = outer * inner;
  const pieces = count <= 4 * MIN_PIECE
    ? 1
    : choosePieces(lines, count, inner, runtime.traits.software);
  const size = lines * pieces;
  const run = (to: "pieces" | "results", target: GpuView) =>
    runtime.run(
      reduceKernel(op, type, "pieces", to),
      { x: partial, out: target },
      {
        size,
        inner,
        first_outer: 0,
        count,
        first: 0,
        pieces,
        first_piece: 0,
        all_pieces: pieces,
        x_plane: lines * count,
        out_plane: size,
        length,
      },
      Math.ceil(size / WORKGROUP_SIZE),
    );
  if (pieces === 1) {
    run("results", out);
    return;
  }
  const variables = sizeOf(partial.shape) / (lines * count);
  runtime.temporary([variables, size], (fewer) => {
    run("pieces", fewer);
    const rest = { outer, length: pieces, inner };
    mergePieces(runtime, op, type, fewer, out, rest, length);
  });
}

/** Cuts a reduction into parts that fit one binding, along the outer axis first. */
function partsOf(
  { binding }: Runtime,
  { outer, length, inner }: AxisLayout,
): Part[] {
  const parts: Part[] = [];
  if (length * inner * 4 <= binding.maxBindingBytes - binding.alignment) {
    forRowRanges(outer, length * inner * 4, binding, (firstOuter, count) => {
      parts.push({ firstOuter, outer: count, first: 0, count: length });
    });
    return parts;
  }
  for (let o = 0; o < outer; o++) {
    forRowRanges(length, inner * 4, binding, (first, count) => {
      parts.push({ firstOuter: o, outer: 1, first, count });
    });
  }
  return parts;
}
