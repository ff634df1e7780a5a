/** Reductions of one axis. */

import type { AxisLayout, ReduceOp } from "../backend.ts";
import { INTEGER_RANGES } from "../_integer_range.ts";
import { elementsOf, type ReferenceView } from "./buffer.ts";

/** The elements of one reduced line, in double precision. */
type Line = Float64Array;

/** log Σ exp, shifted by the maximum so that nothing overflows. */
export function logSumExp(line: Line): number {
  const largest = max(line);
  if (Math.abs(largest) === Infinity) return largest;
  let total = 0;
  for (const x of line) total += Math.exp(x - largest);
  return largest + Math.log(total);
}

function sum(line: Line): number {
  let total = 0;
  for (const x of line) total += x;
  return total;
}

/** Wraps like 32-bit addition; the sums could need more bits than a double has. */
function integerSum(line: Line): number {
  let total = 0;
  for (const x of line) total = (total + x) | 0;
  return total;
}

export function max(line: Line): number {
  let largest = -Infinity;
  for (const x of line) largest = Math.max(largest, x);
  return largest;
}

function min(line: Line): number {
  let smallest = Infinity;
  for (const x of line) smallest = Math.min(smallest, x);
  return smallest;
}

function l2Norm(line: Line): number {
  let squares = 0;
  for (const x of line) squares += x * x;
  return Math.sqrt(squares);
}

const REDUCE: Readonly<Record<ReduceOp, (line: Line) => number>> = {
  sum,
  mean: (line) => sum(line) / line.length,
  max,
  min,
  logSumExp,
  l2Norm,
};

/** What integers do differently: sums wrap, and there is no infinity for empty lines. */
function integerReduce(
  op: ReduceOp,
  [least, greatest]: readonly [number, number],
): (line: Line) => number {
  if (op === "sum") return integerSum;
  return (line) => Math.min(Math.max(REDUCE[op](line), least), greatest);
}

export function reduce(
  op: ReduceOp,
  x: ReferenceView,
  out: ReferenceView,
  layout: AxisLayout,
): void {
  const range = INTEGER_RANGES[x.dtype];
  const f = range === undefined ? REDUCE[op] : integerReduce(op, range);
  reduceLines(f, x, out, layout);
}

export function argmax(
  x: ReferenceView,
  out: ReferenceView,
  layout: AxisLayout,
): void {
  reduceLines(
    (line) => {
      let best = 0;
      for (let i = 1; i < line.length; i++) {
        if (Number.isNaN(line[best])) break;
        if (line[i] > line[best] || Number.isNaN(line[i])) best = i;
      }
      return best;
    },
    x,
    out,
    layout,
  );
}

function reduceLines(
  f: (line: Line) => number,
  x: ReferenceView,
  out: ReferenceView,
  { outer, length, inner }: AxisLayout,
): void {
  const source = elementsOf(x);
  const target = elementsOf(out);
  const line = new Float64Array(length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      for (let k = 0; k < length; k++) {
        line[k] = source[(o * length + k) * inner + i];
      }
      target[o * inner + i] = f(line);
    }
  }
}
