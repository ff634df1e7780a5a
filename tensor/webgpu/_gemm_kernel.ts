/**
 * Matrix products in WGSL: `out[row, col] = Σ A[row, k] · B[k, col]`, where A
 * and B are read through functions of a source, so that convolutions are
 * products too without anything being copied together first.
 *
 * A source declares
 *
 * - `fn a_row(problem: u32, row: u32) -> Row`: what is known of a row of A
 *   before the loop over segments,
 * - `fn a_run(row: Row, segment: u32) -> Run`: where that row lies in a
 *   segment of k: `A[row, k] = a[start + k]`, and 0 outside of
 *   `[first, first + length)`. With A along m, a run serves 4 (or 8)
 *   neighbouring rows: `A[row + i, k] = a[start + k * u.a_k + i]`,
 * - `fn b_start(problem: u32, segment: u32) -> u32`:
 *   `B[k, col] = b[b_start + k * u.b_k + col * u.b_n]`, with `u.b_n = 1`
 *   for B along n and `u.b_k = 1` for B along k,
 * - `fn row_exists(row: u32) -> bool` for rows below `u.m`,
 * - `fn out_start(problem: u32, row: u32) -> u32`: where the row of the result
 *   begins.
 */

import type { Activation } from "../backend.ts";
import { activationSource } from "./_activation.ts";
import { type GemmChoice, TILE_DEPTH } from "./_gemm_choice.ts";
import type { ElementType, Kernel, OperandSpec } from "./_kernel.ts";

/** Where the numbers of a product come from and go to. */
export interface GemmSource {
  readonly name: string;
  readonly uniforms: Readonly<Record<string, ElementType>>;
  readonly declarations: string;
}

/** Flags of a product, on which its WGSL depends beside the choice. */
export interface GemmFlags {
  /** The direction in which neighbouring elements of A lie in memory. */
  readonly aAlong: "k" | "m";
  /** Whether 4 elements of A in this direction begin at a multiple of 4. */
  readonly aVector: boolean;
  /** Whether runs of A may be shorter than a segment. */
  readonly aMasked: boolean;
  /** The direction in which neighbouring elements of B lie in memory. */
  readonly bAlong: "n" | "k";
  /** Whether 4 elements of B in this direction begin at a multiple of 4. */
  readonly bVector: boolean;
  /** Whether rows of the result begin at multiples of 4 and have multiples of 4 columns. */
  readonly outVector: boolean;
  /** Whether segments have multiples of 4 elements. */
  readonly even: boolean;
  /** Whether A and B are float16 tensors. Tiles then hold float16 too, in half the workgroup memory; products and sums are float32. */
  readonly half: boolean;
  readonly bias: boolean;
  readonly activation: Activation | undefined;
  readonly preActivation: boolean;
}

const COMPONENTS = "xyzw";

const range = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i);

/** The kernel for a product. */
export function gemmKernel(
  source: GemmSource,
  flags: GemmFlags,
  choice: GemmChoice,
): Kernel {
  const operands: Record<string, OperandSpec> = {
    a: { access: "read", type: factorType(flags), vector: flags.aVector },
    b: { access: "read", type: factorType(flags), vector: flags.bVector },
    out: { access: "read_write", type: "f32", vector: flags.outVector },
  };
  if (flags.bias) operands.bias = { access: "read", type: "f32" };
  if (flags.preActivation) {
    operands.before = {
      access: "read_write",
      type: "f32",
      vector: flags.outVector,
    };
  }
  const tiled = choice.variant === "tiles";
  return {
    name: `${source.name}-${choice.variant}`,
    operands,
    uniforms: {
      m: "u32",
      n: "u32",
      segments: "u32",
      length: "u32",
      segments_per_split: "u32",
      length_per_split: "u32",
      segment_splits: "u32",
      splits: "u32",
      split_size: "u32",
      tiles_m: "u32",
      tiles_n: "u32",
      a_k: "u32",
      b_k: "u32",
      b_n: "u32",
      ...(flags.bias ? { bias_problem: "u32" as const } : {}),
      ...source.uniforms,
    },
    workgroupSize: choice.lanesM * choice.lanesN,
    declarations: COMMON + source.declarations + loadersOfA(flags, tiled) +
      loadersOfB(flags) + activationSource(flags.activation) +
      storeSource(flags) + (tiled ? tileMemory(choice, factorType(flags)) : ""),
    body: decodeSource(choice) +
      `  let bias_at = ${flags.bias ? "problem * u.bias_problem" : "0u"};\n` +
      (tiled ? tilesSource(flags, choice) : registersSource(flags, choice)) +
      storeRowsSource(choice),
  };
}

/** The type in which factors are loaded, and kept in tiles. */
function factorType({ half }: GemmFlags): "f32" | "f16" {
  return half ? "f16" : "f32";
}

const COMMON = `
struct Row {
  base: u32,
  y: i32,
  x: i32,
  first: u32,
  length: u32,
}
struct Run {
  start: u32,
  first: u32,
  length: u32,
}
`;

/** `a_at`, `a_k4` or `a_m4`: one element, 4 along k, 4 along m. */
function loadersOfA(flags: GemmFlags, tiled: boolean): string {
  const masked = flags.aMasked || tiled;
  const type = factorType(flags);
  if (flags.aAlong === "k") {
    const inRun = "k - run.first < run.length";
    const mask = (value: string, zero: string) =>
      masked ? `select(${zero}, ${value}, ${inRun})` : value;
    const vector = flags.aVector
      ? mask("a_load4(run.start + k)", `vec4<${type}>()`)
      : `vec4<${type}>(a_at(run, k), a_at(run, k + 1u), a_at(run, k + 2u), a_at(run, k + 3u))`;
    return `
fn a_at(run: Run, k: u32) -> ${type} {
  return ${mask("a_load(run.start + k)", `${type}()`)};
}
fn a_k4(run: Run, k: u32) -> vec4<${type}> {
  return ${vector};
}
`;
  }
  const four = flags.aVector
    ? "a_load4(i)"
    : `vec4<${type}>(a_load(i), a_load(i + 1u), a_load(i + 2u), a_load(i + 3u))`;
  return `
fn a_m4(run: Run, k: u32, offset: u32) -> vec4<${type}> {
  let i = run.start + k * u.a_k + offset;
  return ${
    tiled
      ? `select(vec4<${type}>(), ${four}, k - run.first < run.length)`
      : four
  };
}
`;
}

/** `b_at`, `b_n4` or `b_k4`. */
function loadersOfB(flags: GemmFlags): string {
  const { bAlong, bVector } = flags;
  const type = factorType(flags);
  const at = (offset: string) =>
    bAlong === "n"
      ? `start + k * u.b_k + col${offset}`
      : `start + k${offset} + col * u.b_n`;
  const four = bVector
    ? `b_load4(${at("")})`
    : `vec4<${type}>(${
      range(4).map((i) => `b_load(${at(i ? ` + ${i}u` : "")})`).join(", ")
    })`;
  return `
fn b_at(start: u32, k: u32, col: u32) -> ${type} {
  return b_load(start + k * u.b_k + col * u.b_n);
}
fn b_${bAlong}4(start: u32, k: u32, col: u32) -> vec4<${type}> {
  return ${four};
}
`;
}

/** `store4(index, col, bias_at, sum)`: what follows the sum of 4 columns. */
function storeSource({ bias, preActivation, outVector }: GemmFlags): string {
  const before = (at: string) => preActivation ? `before_store${at} ` : "";
  const scalar = `for (var i = 0u; i < min(4u, u.n - col); i++) {
    ${
    bias ? "let x = sum[i] + bias_load(bias_at + col + i);" : "let x = sum[i];"
  }
    ${before("(index + col + i, x);")}
    out_store(index + col + i, activate(x));
  }`;
  const vector = `let at = bias_at + col;
  let x = sum${
    bias
      ? " + vec4<f32>(bias_load(at), bias_load(at + 1u), bias_load(at + 2u), bias_load(at + 3u))"
      : ""
  };
  ${before("4(index + col, x);")}
  out_store4(index + col, activate4(x));`;
  return `
fn store4(index: u32, col: u32, bias_at: u32, value: vec4<f32>) {
  if (col >= u.n) {
    return;
  }
  var sum = value;
  ${outVector ? vector : scalar}
}
`;
}

/** Which part of the result this workgroup computes. */
function decodeSource(
  { rows, columns, lanesM, lanesN }: GemmChoice,
): string {
  return `
  let tile_n = group % u.tiles_n;
  let tile_m = (group / u.tiles_n) % u.tiles_m;
  let part = group / (u.tiles_n * u.tiles_m);
  let split = part % u.splits;
  let problem = part / u.splits;
  let segment_begin = (split % u.segment_splits) * u.segments_per_split;
  let segment_end = min(segment_begin + u.segments_per_split, u.segments);
  let k_begin = (split / u.segment_splits) * u.length_per_split;
  let k_end = min(k_begin + u.length_per_split, u.length);
  let row0 = tile_m * ${lanesM * rows}u;
  let col0 = tile_n * ${lanesN * columns}u;
  let row = row0 + lane / ${lanesN}u * ${rows}u;
  let col = col0 + lane % ${lanesN}u * ${columns}u;
`;
}

function accumulators({ rows, columns }: GemmChoice): string {
  return range(rows).map((r) =>
    range(columns / 4).map((c) => `  var sum${r}_${c} = vec4<f32>();\n`)
      .join("")
  ).join("");
}

function multiplyAdd(row: number, column: number, a: string, b: string) {
  const sum = `sum${row}_${column}`;
  return `${sum} = fma(vec4<f32>(${a}), ${b}, ${sum});`;
}

/**
 * The loop of a kernel whose invocations load for themselves, or those of a
 * subgroup, which have the same rows, each a part of A for all of them.
 */
function registersSource(flags: GemmFlags, choice: GemmChoice): string {
  const { variant, rows, columns, lanesN } = choice;
  const alongK = flags.aAlong === "k";
  const shares = variant === "subgroups";
  /** What lane `i % lanesN` has loaded. */
  const shared = (i: number) =>
    `subgroupBroadcast(own${Math.floor(i / lanesN)}, ${i % lanesN}u)`;
  const parts = range(rows / lanesN);
  const part = (i: number) => `(${i * lanesN}u + lane % ${lanesN}u)`;
  /** One step over \`depth\` values of k. */
  const step = (depth: 1 | 4): string => {
    const lines: string[] = [];
    const a = (r: number, j: number): string =>
      alongK
        ? depth === 4 ? `a${r}.${COMPONENTS[j]}` : `a${r}`
        : `a${j}_${r >> 2}.${COMPONENTS[r & 3]}`;
    if (alongK) {
      const [load, type] = depth === 4
        ? ["a_k4", "vec4<f32>"]
        : ["a_at", "f32"];
      if (shares) {
        for (const i of parts) {
          lines.push(`let own${i} = ${type}(${load}(run${i}, k));`);
        }
      }
      for (const r of range(rows)) {
        lines.push(
          `let a${r} = ${shares ? shared(r) : `${load}(run${r}, k)`};`,
        );
      }
    } else if (shares && depth === 4) {
      const quads = rows / 4;
      for (const i of parts) {
        lines.push(
          `let own${i} = vec4<f32>(a_m4(run, k + ${part(i)} / ${quads}u, ${
            part(i)
          } % ${quads}u * 4u));`,
        );
      }
      for (const i of range(rows)) {
        lines.push(
          `let a${Math.floor(i / quads)}_${i % quads} = ${shared(i)};`,
        );
      }
    } else {
      for (const j of range(depth)) {
        for (const r of range(rows / 4)) {
          lines.push(`let a${j}_${r} = a_m4(run, k + ${j}u, ${4 * r}u);`);
        }
      }
    }
    if (flags.bAlong === "n") {
      for (const j of range(depth)) {
        for (const c of range(columns / 4)) {
          lines.push(
            `let b${j}_${c} = b_n4(start, k + ${j}u, col + ${4 * c}u);`,
          );
        }
      }
    } else {
      for (const i of range(columns)) {
        lines.push(
          `let t${i} = ${
            depth === 4 ? "b_k4" : "b_at"
          }(start, k, col + ${i}u);`,
        );
      }
      for (const j of range(depth)) {
        for (const c of range(columns / 4)) {
          const parts = range(4).map((i) =>
            depth === 4 ? `t${4 * c + i}.${COMPONENTS[j]}` : `t${4 * c + i}`
          );
          lines.push(`let b${j}_${c} = vec4<f32>(${parts.join(", ")});`);
        }
      }
    }
    for (const j of range(depth)) {
      for (const r of range(rows)) {
        for (const c of range(columns / 4)) {
          lines.push(multiplyAdd(r, c, a(r, j), `b${j}_${c}`));
        }
      }
    }
    return indented(6, lines);
  };
  const states = !alongK ? [0] : shares ? parts : range(rows);
  const name = (state: number) => alongK ? String(state) : "";
  const stateRow = (state: number) =>
    alongK && shares ? part(state) : `${state}u`;
  // Lanes without columns load for the others.
  return `  if (row >= u.m${shares ? "" : " || col >= u.n"}) {
    return;
  }
${accumulators(choice)}${
    states.map((s) =>
      `  let state${name(s)} = a_row(problem, row + ${stateRow(s)});\n`
    ).join("")
  }  for (var segment = segment_begin; segment < segment_end; segment++) {
    let start = b_start(problem, segment);
${
    states.map((s) =>
      `    let run${name(s)} = a_run(state${name(s)}, segment);\n`
    ).join("")
  }    var k = ${alongK ? "k_begin" : "max(k_begin, run.first)"};
    let end = ${alongK ? "k_end" : "min(k_end, run.first + run.length)"};
    for (; k + 4u <= end; k += 4u) {
${step(4)}    }
${
    alongK && flags.even ? "" : `    for (; k < end; k++) {
${step(1)}    }
`
  }  }
`;
}

/** Tiles of A and B in workgroup memory, vectors along m and n. */
function tileMemory(
  { rows, columns, lanesM, lanesN }: GemmChoice,
  type: "f32" | "f16",
): string {
  return `
var<workgroup> tile_a: array<vec4<${type}>, ${TILE_DEPTH * rows * lanesM / 4}>;
var<workgroup> tile_b: array<vec4<${type}>, ${
    TILE_DEPTH * columns * lanesN / 4
  }>;
`;
}

/** The loop of a kernel whose invocations load blocks of 4 by 4 for each other. */
function tilesSource(flags: GemmFlags, choice: GemmChoice): string {
  const { rows, columns, lanesM, lanesN } = choice;
  const lanes = lanesM * lanesN;
  const type = factorType(flags);
  const strideA = rows * lanesM / 4;
  const strideB = columns * lanesN / 4;
  const blocksA = strideA * TILE_DEPTH / 4;
  const blocksB = strideB * TILE_DEPTH / 4;
  const alongK = flags.aAlong === "k";
  const states = alongK ? range(4) : [0];
  // Where there are lanes enough, some load A and the others B.
  const firstB = lanes >= blocksA + blocksB ? blocksA : 0;
  const loadA = alongK
    ? range(4).map((r) => `let v${r} = a_k4(run${r}, k0 + a_k);`).concat(
      range(4).map((i) =>
        `tile_a[a_to + ${i * strideA}u] = ${transposed("v", i, type)};`
      ),
    )
    : range(4).map((i) =>
      `tile_a[a_to + ${i * strideA}u] = a_m4(run0, k0 + a_k + ${i}u, 0u);`
    );
  const inB = (value: string, i: number) =>
    `tile_b[b_to + ${
      i * strideB
    }u] = select(vec4<${type}>(), ${value}, k0 + b_k + ${i}u < u.length);`;
  const loadB = flags.bAlong === "n"
    ? range(4).map((i) => inB(`b_n4(start, k0 + b_k + ${i}u, b_col)`, i))
    : range(4).map((i) => `let v${i} = b_k4(start, k0 + b_k, b_col + ${i}u);`)
      .concat(range(4).map((i) => inB(transposed("v", i, type), i)));
  const inner = range(4).flatMap((j) => [
    ...range(rows / 4).map((r) =>
      `let a${j}_${r} = vec4<f32>(tile_a[(k + ${j}u) * ${strideA}u + my_a + ${r}u]);`
    ),
    ...range(columns / 4).map((c) =>
      `let b${j}_${c} = vec4<f32>(tile_b[(k + ${j}u) * ${strideB}u + my_b + ${c}u]);`
    ),
    ...range(rows).flatMap((r) =>
      range(columns / 4).map((c) =>
        multiplyAdd(
          r,
          c,
          `a${j}_${r >> 2}.${COMPONENTS[r & 3]}`,
          `b${j}_${c}`,
        )
      )
    ),
  ]);
  return `${accumulators(choice)}
  let my_a = lane / ${lanesN}u * ${rows / 4}u;
  let my_b = lane % ${lanesN}u * ${columns / 4}u;
${blockSource("a", "lane", alongK, strideA)}${
    blockSource(
      "b",
      firstB === 0 ? "lane" : `(lane - ${firstB}u)`,
      flags.bAlong === "k",
      strideB,
    )
  }  let b_col = col0 + b_quad * 4u;
${
    states.map((s) =>
      `  let state${s} = a_row(problem, row0 + a_quad * 4u + ${s}u);\n`
    ).join("")
  }  for (var segment = segment_begin; segment < segment_end; segment++) {
    let start = b_start(problem, segment);
${
    states.map((s) => `    let run${s} = a_run(state${s}, segment);\n`).join("")
  }    for (var k0 = k_begin; k0 < k_end; k0 += ${TILE_DEPTH}u) {
${guarded(blocksA < lanes, `lane < ${blocksA}u`, loadA)}${
    guarded(
      blocksB < lanes,
      `lane >= ${firstB}u && lane < ${firstB + blocksB}u`,
      loadB,
    )
  }      workgroupBarrier();
      for (var k = 0u; k < ${TILE_DEPTH}u; k += 4u) {
${indented(8, inner)}      }
      workgroupBarrier();
    }
  }
`;
}

/** Column `i` of the 4 by 4 block with rows `name0` to `name3`. */
function transposed(name: string, i: number, type: "f32" | "f16"): string {
  const parts = range(4).map((r) => `${name}${r}.${COMPONENTS[i]}`);
  return `vec4<${type}>(${parts.join(", ")})`;
}

/** Which block a lane loads: neighbours load neighbouring memory, along k or across. */
function blockSource(
  name: string,
  block: string,
  alongK: boolean,
  stride: number,
): string {
  const quads = TILE_DEPTH / 4;
  const [quad, k] = alongK
    ? [`${block} / ${quads}u`, `${block} % ${quads}u`]
    : [`${block} % ${stride}u`, `${block} / ${stride}u`];
  return `  let ${name}_quad = ${quad};
  let ${name}_k = ${k} * 4u;
  let ${name}_to = ${name}_k * ${stride}u + ${name}_quad;
`;
}

function guarded(
  needed: boolean,
  condition: string,
  lines: readonly string[],
): string {
  return `      ${needed ? `if (${condition}) ` : ""}{
${indented(8, lines)}      }
`;
}

function indented(spaces: number, lines: readonly string[]): string {
  return lines.map((line) => `${" ".repeat(spaces)}${line}\n`).join("");
}

/** A loop, because what follows a sum may be long and need not be compiled for every row. */
function storeRowsSource({ rows, columns }: GemmChoice): string {
  const quads = columns / 4;
  const sums = range(rows).flatMap((r) =>
    range(quads).map((c) => `sum${r}_${c}`)
  );
  return `  var sums = array<vec4<f32>, ${sums.length}>(${sums.join(", ")});
  for (var r = 0u; r < ${rows}u; r++) {
    if (row + r < u.m && row_exists(row + r)) {
      let index = split * u.split_size + out_start(problem, row + r);
      for (var c = 0u; c < ${quads}u; c++) {
        store4(index, col + 4u * c, bias_at, sums[r * ${quads}u + c]);
      }
    }
  }
`;
}
