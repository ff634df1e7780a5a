/**
 * Exact thresholds of magnitude by radix select: passes over the weights count
 * how often each digit occurs behind the digits found so far. Nothing is read
 * back: each workgroup of a pass finds the digits anew from the counts of the
 * passes before, which costs less than a dispatch for each of them.
 */

import type { MagnitudePart } from "../flat_kernels.ts";
import { sizeOf } from "../shape.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { fill } from "./_fill.ts";
import { forFlatRanges } from "./_flat_kernel.ts";
import type { Kernel } from "./_kernel.ts";
import { MAGNITUDE } from "./_magnitude.ts";
import { rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 256;
/** Digits have up to 11 bits: their counts take 8 KiB of the 16 KiB of workgroup memory that WebGPU grants. */
const DIGITS = 2 ** 11;

/**
 * Keys are |w| in x and, for the exact rule, the complement of the position in
 * y, so that the first of equals is the largest. Their digits, one a pass:
 * 11, 10 and 10 bits of x, then 10, 11 and 11 bits of y.
 */
const STRICT_PASSES = 3;
const EXACT_PASSES = 6;

/** Thresholds that keep all weights (-1) and none (NaN), as bits. */
const KEEP_ALL = 0xbf800000;
const KEEP_NONE = 0x7fffffff;

/** Finds the first digits of the key of rank `u.rank`, where rank 1 is the largest key. */
const SELECT = `
var<workgroup> lane_counts: array<u32, ${WORKGROUP_SIZE}>;
var<workgroup> found: vec2<u32>;

fn shift_of(pass_index: u32) -> u32 {
  return select(
    22u - 11u * (pass_index - ${STRICT_PASSES}u),
    20u - 10u * pass_index,
    pass_index < ${STRICT_PASSES}u,
  );
}

// Returns a digit, and the rank among the keys that have it.
fn select_digit(pass_index: u32, rank: u32, lane: u32) -> vec2<u32> {
  const PER_LANE = ${DIGITS / WORKGROUP_SIZE}u;
  let begin = pass_index * ${DIGITS}u;
  var digit = (lane + 1u) * PER_LANE;
  var count = 0u;
  for (var k = 1u; k <= PER_LANE; k++) {
    count += counts_load(begin + digit - k);
  }
  workgroupBarrier();
  lane_counts[lane] = count;
  workgroupBarrier();
  var above = 0u;
  for (var other = lane + 1u; other < ${WORKGROUP_SIZE}u; other++) {
    above += lane_counts[other];
  }
  if (above < rank && rank <= above + count) {
    count = 0u;
    while (above + count < rank) {
      above += count;
      digit--;
      count = counts_load(begin + digit);
    }
    found = vec2<u32>(digit, rank - above);
  }
  workgroupBarrier();
  return found;
}

// What the counts of some passes say of a key, and which bits that are.
struct Prefix {
  key: vec2<u32>,
  known: vec2<u32>,
}

fn select_prefix(passes: u32, lane: u32) -> Prefix {
  var prefix: Prefix;
  var choice = vec2<u32>(0u, u.rank);
  for (var pass_index = 0u; pass_index < passes; pass_index++) {
    choice = select_digit(pass_index, choice.y, lane);
    let shift = shift_of(pass_index);
    if (pass_index < ${STRICT_PASSES}u) {
      prefix.key.x |= choice.x << shift;
      prefix.known.x = 0xffffffffu << shift;
    } else {
      prefix.key.y |= choice.x << shift;
      prefix.known.y = 0xffffffffu << shift;
    }
  }
  return prefix;
}
`;

/** Counts a digit of the keys of a range, of those that begin with the digits found before. */
const countKernel: Kernel = {
  name: "threshold-count",
  operands: {
    x: { access: "read", type: "u32", vector: true },
    counts: { access: "read_write", type: "u32", atomic: true },
  },
  uniforms: {
    size: "u32",
    // The position of the first weight.
    first: "u32",
    rank: "u32",
    passes_before: "u32",
  },
  workgroupSize: WORKGROUP_SIZE,
  declarations: `${MAGNITUDE}${SELECT}
var<workgroup> group_counts: array<atomic<u32>, ${DIGITS}>;
`,
  body: `
  let prefix = select_prefix(u.passes_before, lane);
  let shift = shift_of(u.passes_before);
  let mask = select(0x7ffu, 0x3ffu, u.passes_before - 1u < 2u);
  for (var at = index * 4u; at < u.size; at += u.groups * ${
    4 * WORKGROUP_SIZE
  }u) {
    let four = x_load4(at);
    for (var k = 0u; k < min(4u, u.size - at); k++) {
      let key = vec2<u32>(u32(magnitude(four[k])), ~(u.first + at + k));
      if (all(((key ^ prefix.key) & prefix.known) == vec2<u32>())) {
        let word = select(key.y, key.x, u.passes_before < ${STRICT_PASSES}u);
        atomicAdd(&group_counts[(word >> shift) & mask], 1u);
      }
    }
  }
  workgroupBarrier();
  for (var digit = lane; digit < ${DIGITS}u; digit += ${WORKGROUP_SIZE}u) {
    let count = atomicLoad(&group_counts[digit]);
    if (count > 0u) {
      counts_add(u.passes_before * ${DIGITS}u + digit, count);
    }
  }`,
};

/** Writes a segment's threshold. */
const finishKernel: Kernel = {
  name: "threshold-finish",
  operands: {
    counts: { access: "read", type: "u32" },
    out: { access: "read_write", type: "u32" },
  },
  uniforms: { rank: "u32", passes: "u32" },
  workgroupSize: WORKGROUP_SIZE,
  declarations: SELECT,
  body: `
  let key = select_prefix(u.passes, lane).key;
  if (lane == 0u) {
    let keeps_ties = u.passes == ${EXACT_PASSES}u && key.x > 0u;
    out_store(0u, key.x);
    out_store(1u, select(0u, ~key.y + 1u, keeps_ties));
  }`,
};

/** Workgroups of a counting pass for each one that keeps the device busy: some take longer than others. */
const GROUPS_PER_BUSY = 4;

/** The thresholds of all segments. */
export function magnitudeThresholds(
  runtime: Runtime,
  parts: readonly MagnitudePart<GpuBuffer>[],
  counts: readonly number[],
  exact: boolean,
  out: GpuView,
): void {
  const passes = exact ? EXACT_PASSES : STRICT_PASSES;
  const ranked: { parts: typeof parts; rank: number; out: GpuView }[] = [];
  for (const [segment, count] of counts.entries()) {
    const own = parts.filter((part) => part.segment === segment);
    const size = own.reduce((sum, { x }) => sum + sizeOf(x.shape), 0);
    const row = rowsOf(out, 2, segment, 1);
    const keepsAll = count < 0 || (exact && count >= size);
    if (keepsAll || count === 0) {
      fill(runtime, rowsOf(row, 1, 0, 1), keepsAll ? KEEP_ALL : KEEP_NONE);
      fill(runtime, rowsOf(row, 1, 1, 1), 0);
    } else {
      ranked.push({ parts: own, rank: Math.min(count, size), out: row });
    }
  }
  if (ranked.length === 0) return;
  const perSegment = passes * DIGITS;
  runtime.temporary([ranked.length, perSegment], (all) => {
    fill(runtime, all, 0);
    for (const [i, { parts, rank, out }] of ranked.entries()) {
      const counts = rowsOf(all, perSegment, i, 1);
      for (let pass = 0; pass < passes; pass++) {
        for (const part of parts) {
          countDigits(runtime, pass, part, counts, rank);
        }
      }
      runtime.run(finishKernel, { counts, out }, { rank, passes }, 1);
    }
  });
}

/** Records one pass over one part. */
function countDigits(
  runtime: Runtime,
  pass: number,
  { x: weights, base }: MagnitudePart<GpuBuffer>,
  counts: GpuView,
  rank: number,
): void {
  forFlatRanges(runtime, { x: weights }, ({ x }, start, size) => {
    runtime.run(
      countKernel,
      { x, counts },
      { size, first: base + start, rank, passes_before: pass },
      Math.min(
        Math.ceil(size / (4 * WORKGROUP_SIZE)),
        GROUPS_PER_BUSY * runtime.traits.busyGroups,
      ),
    );
  });
}
