/**
 * Kernels that work on the rows of a matrix, several times over each row: one
 * invocation a row, or one workgroup a row.
 */

import type { Traits } from "./_runtime.ts";
import { SUBGROUP_CALL } from "./_subgroups.ts";
import { wgslFunctions } from "./_wgsl_math.ts";

/**
 * How many invocations share a row, and for the ones that do how large the
 * subgroups are by which they share it: 1 where there are none.
 */
export type RowLanes = `1` | `64/${number}`;

/** Invocations of a workgroup in either variant. */
export const ROW_WORKGROUP_SIZE = 64;

/** How many steps of a loop are taken at once where one invocation has a whole row. */
const CHUNK = 4;

/**
 * Which variant to run. Sharing a row takes barriers, which are slow where a
 * GPU is emulated; not sharing it reads memory in strides, which is slow on a
 * GPU unless rows are short.
 *
 * @param columns Elements of a row.
 * @param traits The device.
 * @returns The variant.
 */
export function chooseRowLanes(
  columns: number,
  { software, subgroups }: Traits,
): RowLanes {
  return software || columns < 64 ? "1" : `64/${subgroups?.size ?? 1}`;
}

/** How many invocations share a row. */
function lanesOf(lanes: RowLanes): number {
  return Number(lanes.split("/")[0]);
}

/** How many workgroups work on some rows. */
export function rowGroups(rows: number, lanes: RowLanes): number {
  return lanes === "1" ? Math.ceil(rows / ROW_WORKGROUP_SIZE) : rows;
}

/** Whether rows are read four elements at a time. */
export function readsVectors(columns: number): boolean {
  return columns % 4 === 0;
}

/** The pieces that row kernels are written with. */
export interface RowSource {
  /** The type of what is read at once: `f32` or `vec4<f32>`. */
  readonly type: string;
  /** What ends the names of the functions on that type: nothing or `4`. */
  readonly suffix: "" | "4";
  /** Statements that begin `main`: they declare `row`, and `first` as the invocation's first column. */
  readonly begin: string;
  /** The head of a loop over the invocation's columns `j`, for elements (or four at a time). */
  readonly loop: string;
  /**
   * A loop over the invocation's columns that takes several at once where that
   * is faster.
   *
   * @param body Statements on these columns, each an expression, for elements (or four at a time).
   * @returns Statements.
   */
  chunks(body: (columns: readonly string[]) => string): string;
}

/** The pieces for one variant; the kernel has uniforms `rows` and `columns`. */
export function rowSource(lanes: RowLanes, vector: boolean): RowSource {
  const width = vector ? 4 : 1;
  const type = vector ? "vec4<f32>" : "f32";
  const stride = lanesOf(lanes) * width;
  const loop = (first: string) =>
    `for (var j = ${first}; j < u.columns; j += ${stride}u)`;
  const chunk = Array.from({ length: CHUNK }, (_, i) => `j + ${i * stride}u`);
  const chunkStride = CHUNK * stride;
  return {
    type,
    suffix: vector ? "4" : "",
    begin: lanes === "1"
      ? `
  let row = index;
  if (row >= u.rows) {
    return;
  }
  let first = 0u;`
      : `
  let row = group;
  let first = lane * ${width}u;`,
    loop: loop("first"),
    chunks: (body) =>
      lanes !== "1"
        ? `${loop("first")} {
    ${body(["j"])}
  }`
        : `var chunk = 0u;
  for (; chunk + ${chunkStride}u <= u.columns; chunk += ${chunkStride}u) {
    let j = chunk;
    ${body(chunk)}
  }
  ${loop("chunk")} {
    ${body(["j"])}
  }`,
  };
}

/**
 * Functions `row_sum(value, lane)` of what the invocations of a row have,
 * elements (or four) each, and `row_max(value, lane)` of one element each; and
 * the functions that some text calls.
 *
 * @param lanes The variant.
 * @param vector Whether four elements are summed.
 * @param text What calls them.
 * @returns WGSL declarations.
 */
export function rowFunctions(
  lanes: RowLanes,
  vector: boolean,
  text: string,
): string {
  const parts: string[] = [];
  for (const name of ["sum", "max"] as const) {
    if (!text.includes(`row_${name}(`)) continue;
    const combine = name === "sum"
      ? (a: string, b: string) => `${a} + ${b}`
      : (a: string, b: string) => `maximum(${a}, ${b})`;
    const vectors = vector && name === "sum";
    const own = vectors
      ? "((value.x + value.y) + (value.z + value.w))"
      : "value";
    const type = vectors ? "vec4<f32>" : "f32";
    parts.push(
      `fn row_${name}(value: ${type}, lane: u32) -> f32 {`,
      lanes === "1"
        ? `  return ${own};`
        : sharedSource(Number(lanes.split("/")[1]), own, combine),
      "}",
    );
  }
  if (parts.some((part) => part.includes("row_scratch"))) {
    parts.unshift(
      `var<workgroup> row_scratch: array<f32, ${ROW_WORKGROUP_SIZE}>;`,
    );
  }
  const functions = parts.join("\n");
  return `${functions}\n${wgslFunctions(functions + text)}`;
}

/**
 * Statements that return what all invocations of a workgroup have together:
 * first of each subgroup, by exchanging numbers in pairs, so that the order of
 * additions is the same everywhere; then of the subgroups.
 */
function sharedSource(
  size: number,
  own: string,
  combine: (a: string, b: string) => string,
): string {
  const exchanges: string[] = [];
  for (let step = size / 2; step >= 1; step /= 2) {
    const other = `${SUBGROUP_CALL}part, ${step}u)`;
    exchanges.push(`  part = ${combine("part", other)};\n`);
  }
  const parts = `  var part = ${own};
${exchanges.join("")}`;
  const subgroups = ROW_WORKGROUP_SIZE / size;
  if (subgroups === 1) return `${parts}  return part;`;
  return `${parts}  if (lane % ${size}u == 0u) {
    row_scratch[lane / ${size}u] = part;
  }
  workgroupBarrier();
  for (var step = ${subgroups / 2}u; step > 0u; step >>= 1u) {
    if (lane < step) {
      row_scratch[lane] = ${
    combine("row_scratch[lane]", "row_scratch[lane + step]")
  };
    }
    workgroupBarrier();
  }
  let result = row_scratch[0];
  workgroupBarrier();
  return result;`;
}
