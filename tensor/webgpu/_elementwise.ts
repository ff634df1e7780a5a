/** Elementwise kernels: functions of one, two and three operands with broadcasting. */

import type {
  BinaryOp,
  BroadcastLayout,
  Operand,
  UnaryOp,
} from "../backend.ts";
import { INTEGER_RANGES } from "../_integer_range.ts";
import type { DType } from "../dtype.ts";
import { sizeOf, stridesOf } from "../shape.ts";
import { boxOf, forBoxes } from "./_boxes.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { elementTypeOf } from "./_element_type.ts";
import {
  type ElementType,
  type Kernel,
  kernelFamily,
  type OperandSpec,
} from "./_kernel.ts";
import type { Runtime } from "./_runtime.ts";
import { wgslFunctions } from "./_wgsl_math.ts";

/** How much a workgroup of an elementwise kernel does: invocations, and vectors of four elements that each computes. */
const NARROW = { workgroupSize: 64, vectors: 1 };

/**
 * The same for many elements on a software adapter. What these do for each
 * workgroup and invocation (llvmpipe allocates memory) takes as long as some
 * loads. They also run both ways of a branch, so that code for a last vector
 * takes time for each one: here, all are whole. It takes longer to compile.
 */
const WIDE = { workgroupSize: 256, vectors: 2 };
const WIDE_FROM = 2 ** 16;

/** WGSL expressions of `a`. */
const FLOAT_UNARY: Readonly<Partial<Record<UnaryOp, string>>> = {
  neg: "-a",
  abs: "abs(a)",
  sign: "select(sign(a), a, is_nan(a))",
  exp: "exp_f32(a)",
  log: "log_f32(a)",
  sqrt: "sqrt(a)",
  rsqrt: "1.0 / sqrt(a)",
  square: "a * a",
  reciprocal: "1.0 / a",
  sin: "sin_f32(a)",
  cos: "cos_f32(a)",
  tanh: "tanh_f32(a)",
  erf: "erf_f32(a)",
  sigmoid: "sigmoid(a)",
  relu: "maximum(a, 0.0)",
  gelu: "gelu(a)",
  geluTanh: "gelu_tanh(a)",
  floor: "floor(a)",
  ceil: "ceil(a)",
  round: "round(a)",
  isNaN: "select(0u, 1u, is_nan(a))",
};

/** The same for integers, and for `bool`, which is stored as 0 and 1. */
const INTEGER_UNARY: Readonly<Partial<Record<UnaryOp, string>>> = {
  neg: "-a",
  abs: "abs(a)",
  sign: "select(select(0, 1, a > 0), -1, a < 0)",
  square: "a * a",
  relu: "max(a, 0)",
};
const UNSIGNED_UNARY: Readonly<Partial<Record<UnaryOp, string>>> = {
  abs: "a",
  sign: "min(a, 1u)",
  square: "a * a",
  relu: "a",
  not: "1u - a",
};

function comparison(operator: string): string {
  return `select(0u, 1u, a ${operator} b)`;
}

/** NaN compares false, whatever the compiler makes of it. */
function floatComparison(operator: string): string {
  return `select(0u, 1u, a ${operator} b && !is_nan(a) && !is_nan(b))`;
}

/** WGSL expressions of `a` and `b`. */
const FLOAT_BINARY: Readonly<Partial<Record<BinaryOp, string>>> = {
  add: "a + b",
  sub: "a - b",
  mul: "a * b",
  div: "a / b",
  pow: "pow_f32(a, b)",
  maximum: "maximum(a, b)",
  minimum: "minimum(a, b)",
  equal: floatComparison("=="),
  notEqual: "select(0u, 1u, a != b || is_nan(a) || is_nan(b))",
  less: floatComparison("<"),
  lessEqual: floatComparison("<="),
  greater: floatComparison(">"),
  greaterEqual: floatComparison(">="),
  reluGradient: "select(0.0, b, a > 0.0 && !is_nan(a))",
  tanhGradient: "b * (1.0 - a * a)",
  sigmoidGradient: "b * (a * (1.0 - a))",
  geluGradient: "gelu_gradient(a, b)",
  geluTanhGradient: "gelu_tanh_gradient(a, b)",
};

/** The same for integers and `bool`. */
const INTEGER_BINARY: Readonly<Partial<Record<BinaryOp, string>>> = {
  add: "a + b",
  sub: "a - b",
  mul: "a * b",
  maximum: "max(a, b)",
  minimum: "min(a, b)",
  equal: comparison("=="),
  notEqual: comparison("!="),
  less: comparison("<"),
  lessEqual: comparison("<="),
  greater: comparison(">"),
  greaterEqual: comparison(">="),
  and: "a & b",
  or: "a | b",
  xor: "a ^ b",
};

/**
 * How an operand follows the elements: `n` a number, given as a uniform; `0`
 * and `1` by their stride along the last axis; `s` by whatever strides there
 * are.
 */
type Mode = "n" | "0" | "1" | "s";

/** Names of operands, in order. */
const NAMES = ["a", "b", "c"] as const;

/** What an elementwise kernel computes. */
interface ElementFunction {
  readonly name: string;
  /** The expression of `a`, `b`, `c`. */
  readonly expression: string;
  /** The types of the operands. */
  readonly types: readonly ElementType[];
  /** The type of the result. */
  readonly outType: ElementType;
  /** Numbers that the expression names. */
  readonly parameters?: Readonly<Record<string, ElementType>>;
}

/**
 * A kernel that computes a function of elements: vectors of four where every
 * operand's last stride is 0 or 1 and rows are multiples of 4 or there is one
 * row; else one an invocation.
 *
 * @param wide Whether there are whole vectors only, and many.
 */
function elementwiseKernel(
  { name, expression, types, outType, parameters }: ElementFunction,
  modes: readonly Mode[],
  rank: number,
  wide: boolean,
): Kernel {
  const { workgroupSize, vectors } = wide ? WIDE : NARROW;
  const vector = !modes.includes("s");
  const operands: Record<string, OperandSpec> = {};
  const uniforms: Record<string, ElementType> = { size: "u32", ...parameters };
  for (let axis = 1; axis < rank; axis++) uniforms[`shape${axis}`] = "u32";
  for (const [i, mode] of modes.entries()) {
    const operand = NAMES[i];
    if (mode === "n") {
      uniforms[`${operand}_number`] = types[i];
      continue;
    }
    operands[operand] = {
      access: "read",
      type: types[i],
      vector: mode === "1",
    };
    if (rank === 1 && vector) continue;
    for (let axis = 0; axis < rank; axis++) {
      uniforms[`${operand}_stride${axis}`] = "u32";
    }
  }
  operands.out = { access: "read_write", type: outType, vector };
  const values = modes.map((mode, i) => {
    const operand = NAMES[i];
    if (mode === "n") return `vec4<${types[i]}>(u.${operand}_number)`;
    const at = rank === 1 && vector
      ? (mode === "1" ? "i" : "0u")
      : `${operand}_at`;
    return mode === "1"
      ? `${operand}_load4(${at})`
      : `vec4<${types[i]}>(${operand}_load(${at}))`;
  });
  const scalars = modes.map((mode, i) =>
    mode === "n" ? `u.${NAMES[i]}_number` : `${NAMES[i]}_load(${NAMES[i]}_at)`
  );
  const tensors = NAMES.filter((operand) => operand in operands);
  const names = NAMES.slice(0, modes.length);
  const list = names.map((n, i) => `${n}: ${types[i]}`).join(", ");
  const applied = [..."xyzw"].map((c) =>
    `apply(${names.map((n) => `${n}4.${c}`).join(", ")})`
  ).join(", ");
  return {
    name: [name, modes.join(""), rank, ...(wide ? ["wide"] : [])].join("-"),
    operands,
    uniforms,
    workgroupSize,
    declarations: `${wgslFunctions(expression)}
fn apply(${list}) -> ${outType} {
  return ${expression};
}`,
    body: vector
      ? Array.from({ length: vectors }, (_, k) => `
  {
    let i = (index * ${vectors}u + ${k}u) * 4u;
    if (i < u.size) {
${rank === 1 ? "" : offsetSource(tensors, rank)}
${names.map((n, i) => `      let ${n}4 = ${values[i]};`).join("\n")}
      let result = vec4<${outType}>(${applied});
      ${wide ? "out_store4(i, result);" : LAST_STORES}
    }
  }`).join("")
      : `
  let i = index;
  if (i >= u.size) {
    return;
  }
${offsetSource(tensors, rank)}
  out_store(i, apply(${scalars.join(", ")}));`,
  };
}

/** Statements that store the last vector as far as it is there. */
const LAST_STORES = `if (i + 4u <= u.size) {
        out_store4(i, result);
      } else {
        for (var j = 0u; i + j < u.size; j++) {
          out_store(i + j, result[j]);
        }
      }`;

/** Statements that turn element `i` of the result into offsets `a_at`, … of the operands. */
function offsetSource(tensors: readonly string[], rank: number): string {
  const lines = [
    "  var rest = i;",
    ...tensors.map((operand) => `  var ${operand}_at = 0u;`),
  ];
  for (let axis = rank - 1; axis >= 0; axis--) {
    const position = axis === 0 ? "rest" : `(rest % u.shape${axis})`;
    for (const operand of tensors) {
      lines.push(
        `  ${operand}_at += ${position} * u.${operand}_stride${axis};`,
      );
    }
    if (axis > 0) lines.push(`  rest /= u.shape${axis};`);
  }
  return lines.join("\n");
}

const unaryKernel = kernelFamily(
  (op: UnaryOp, type: ElementType, wide: boolean): Kernel =>
    elementwiseKernel(
      {
        name: `${op}-${type}`,
        expression: pick(
          { f32: FLOAT_UNARY, i32: INTEGER_UNARY, u32: UNSIGNED_UNARY }[type],
          op,
          type,
        ),
        types: [type],
        outType: op === "isNaN" ? "u32" : type,
      },
      ["1"],
      1,
      wide,
    ),
);

const COMPARISONS: ReadonlySet<BinaryOp> = new Set([
  "equal",
  "notEqual",
  "less",
  "lessEqual",
  "greater",
  "greaterEqual",
]);

const binaryKernel = kernelFamily(
  (
    op: BinaryOp,
    type: ElementType,
    modes: string,
    rank: number,
    wide: boolean,
  ): Kernel =>
    elementwiseKernel(
      {
        name: `${op}-${type}`,
        expression: pick(
          type === "f32" ? FLOAT_BINARY : INTEGER_BINARY,
          op,
          type,
        ),
        types: [type, type],
        outType: COMPARISONS.has(op) ? "u32" : type,
      },
      [...modes] as Mode[],
      rank,
      wide,
    ),
);

const whereKernel = kernelFamily(
  (
    type: ElementType,
    modes: string,
    rank: number,
    wide: boolean,
  ): Kernel =>
    elementwiseKernel(
      {
        name: `where-${type}`,
        expression: "select(c, b, a != 0u)",
        types: ["u32", type, type],
        outType: type,
      },
      [...modes] as Mode[],
      rank,
      wide,
    ),
);

const clipKernel = kernelFamily((type: ElementType, wide: boolean): Kernel =>
  elementwiseKernel(
    {
      name: `clip-${type}`,
      expression: type === "f32"
        ? "select(min(max(a, u.low), u.high), a, is_nan(a))"
        : "min(max(a, u.low), u.high)",
      types: [type],
      outType: type,
      parameters: { low: type, high: type },
    },
    ["1"],
    1,
    wide,
  )
);

function pick<Op extends string>(
  table: Readonly<Partial<Record<Op, string>>>,
  op: Op,
  type: ElementType,
): string {
  const expression = table[op];
  if (expression === undefined) {
    throw new TypeError(`Cannot run "${op}" on elements of type ${type}`);
  }
  return expression;
}

/** `out = op(x)`. */
export function unary(
  runtime: Runtime,
  op: UnaryOp,
  x: GpuView,
  out: GpuView,
): void {
  runElementwise(
    runtime,
    (_modes, _rank, wide) => unaryKernel(op, elementTypeOf(x.dtype), wide),
    [x],
    out,
    contiguous(out),
  );
}

/** `out = op(a, b)` with broadcasting. */
export function binary(
  runtime: Runtime,
  op: BinaryOp,
  a: Operand<GpuBuffer>,
  b: Operand<GpuBuffer>,
  out: GpuView,
  layout: BroadcastLayout,
): void {
  const dtype = dtypeOf(a) ?? dtypeOf(b) ?? out.dtype;
  runElementwise(
    runtime,
    (modes, rank, wide) =>
      binaryKernel(op, elementTypeOf(dtype), modes, rank, wide),
    [a, b],
    out,
    layout,
  );
}

/** `out = condition ? a : b` with broadcasting. */
export function where(
  runtime: Runtime,
  condition: GpuView,
  a: Operand<GpuBuffer>,
  b: Operand<GpuBuffer>,
  out: GpuView,
  layout: BroadcastLayout,
): void {
  runElementwise(
    runtime,
    (modes, rank, wide) =>
      whereKernel(elementTypeOf(out.dtype), modes, rank, wide),
    [condition, a, b],
    out,
    layout,
  );
}

/** `out = min(max(x, low), high)`; NaN stays. */
export function clip(
  runtime: Runtime,
  x: GpuView,
  out: GpuView,
  low: number,
  high: number,
): void {
  runElementwise(
    runtime,
    (_modes, _rank, wide) => clipKernel(elementTypeOf(x.dtype), wide),
    [x],
    out,
    contiguous(out),
    { low: boundOf(x.dtype, low), high: boundOf(x.dtype, high) },
  );
}

/** A bound of {@linkcode clip} as the elements can have it. */
function boundOf(dtype: DType, bound: number): number {
  const range = INTEGER_RANGES[dtype];
  if (range === undefined) return bound;
  return Math.trunc(Math.min(Math.max(bound, range[0]), range[1]));
}

function dtypeOf(operand: Operand<GpuBuffer>): DType | undefined {
  return typeof operand === "number" ? undefined : operand.dtype;
}

function contiguous(out: GpuView): BroadcastLayout {
  return { shape: [sizeOf(out.shape)], strides: [[1]] };
}

/** Records an elementwise kernel, box by box where operands are larger than one binding. */
function runElementwise(
  runtime: Runtime,
  kernelOf: (modes: string, rank: number, wide: boolean) => Kernel,
  operands: readonly Operand<GpuBuffer>[],
  out: GpuView,
  layout: BroadcastLayout,
  parameters: Readonly<Record<string, number>> = {},
): void {
  const strides = [stridesOf(layout.shape), ...layout.strides];
  forBoxes(layout.shape, strides, runtime.binding, ({ shape, offsets }) => {
    const rank = shape.length;
    const size = sizeOf(shape);
    const modes = modesOf(operands, { shape, strides: layout.strides });
    const views: Record<string, GpuView> = {
      out: boxOf(out, offsets[0], shape, strides[0]).view,
    };
    const uniforms: Record<string, number> = { size, ...parameters };
    for (const [axis, length] of shape.entries()) {
      uniforms[`shape${axis}`] = length;
    }
    for (const [i, operand] of operands.entries()) {
      const name = NAMES[i];
      if (typeof operand === "number") {
        uniforms[`${name}_number`] = operand;
        continue;
      }
      views[name] = boxOf(operand, offsets[i + 1], shape, strides[i + 1]).view;
      for (const [axis, stride] of strides[i + 1].entries()) {
        uniforms[`${name}_stride${axis}`] = stride;
      }
    }
    const vector = !modes.includes("s");
    const wide = vector && runtime.traits.software && size % 4 === 0 &&
      size >= WIDE_FROM;
    const { workgroupSize, vectors } = wide ? WIDE : NARROW;
    const perGroup = workgroupSize * (vector ? 4 * vectors : 1);
    runtime.run(
      kernelOf(modes, rank, wide),
      views,
      uniforms,
      Math.ceil(size / perGroup),
    );
  });
}

/** Operands can be read four elements at a time if no four elements lie in two rows, and rows keep the alignment. */
function modesOf(
  operands: readonly Operand<GpuBuffer>[],
  { shape, strides }: BroadcastLayout,
): string {
  const last = shape.length - 1;
  const wholeVectors = last === 0 || shape[last] % 4 === 0;
  const vector = wholeVectors &&
    operands.every((operand, i) =>
      typeof operand === "number" || strides[i][last] === 0 ||
      (strides[i][last] === 1 &&
        strides[i].every((stride, axis) => axis === last || stride % 4 === 0))
    );
  return operands.map((operand, i) =>
    typeof operand === "number" ? "n" : vector ? `${strides[i][last]}` : "s"
  ).join("");
}
