/** Elementwise kernels over flat ranges with several results, four elements an invocation. */

import { sizeOf } from "../shape.ts";
import { forBoxes } from "./_boxes.ts";
import type { GpuView } from "./_buffer.ts";
import type { ElementType, Kernel, OperandSpec } from "./_kernel.ts";
import { rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;

/** An operand that has as many elements as there are in the range. */
export interface FlatOperand {
  /** Whether its elements are needed, and whether they change. */
  readonly use: "read" | "update" | "write";
  readonly type: ElementType;
}

/** What a flat kernel reads and writes, and how. */
interface FlatFunction {
  readonly name: string;
  readonly operands: Readonly<Record<string, FlatOperand>>;
  /** Operands that all elements share. */
  readonly shared?: Readonly<Record<string, OperandSpec>>;
  readonly uniforms?: Readonly<Record<string, ElementType>>;
  readonly declarations?: string;
  /**
   * Statements on variables that are named as the operands and hold four
   * elements of each; what they hold at the end is stored. `i` is the position
   * of the first of the four in the whole range.
   */
  readonly statements: string;
}

/** Builds a flat kernel. */
export function flatKernel(
  { name, operands, shared = {}, uniforms = {}, declarations, statements }:
    FlatFunction,
): Kernel {
  const specs: Record<string, OperandSpec> = { ...shared };
  const variables: string[] = [];
  const stores: string[] = [];
  const lastStores: string[] = [];
  for (const [operand, { use, type }] of Object.entries(operands)) {
    const access = use === "read" ? "read" : "read_write";
    specs[operand] = { access, type, vector: true };
    const first = use === "write" ? "" : ` = ${operand}_load4(at)`;
    variables.push(`  var ${operand}: vec4<${type}>${first};`);
    if (use === "read") continue;
    stores.push(`    ${operand}_store4(at, ${operand});`);
    lastStores.push(`      ${operand}_store(at + k, ${operand}[k]);`);
  }
  return {
    name,
    operands: specs,
    uniforms: { size: "u32", start: "u32", ...uniforms },
    workgroupSize: WORKGROUP_SIZE,
    declarations: declarations ?? "",
    body: `
  let at = index * 4u;
  if (at >= u.size) {
    return;
  }
  let i = u.start + at;
${variables.join("\n")}
  ${statements}
  if (at + 4u <= u.size) {
${stores.join("\n")}
  } else {
    for (var k = 0u; at + k < u.size; k++) {
${lastStores.join("\n")}
    }
  }`,
  };
}

/** Records a flat kernel, range by range where operands are larger than one binding. */
export function runFlat(
  runtime: Runtime,
  kernel: Kernel,
  views: Readonly<Record<string, GpuView>>,
  shared: Readonly<Record<string, GpuView>>,
  uniforms: Readonly<Record<string, number>>,
): void {
  forFlatRanges(runtime, views, (parts, start, size) => {
    runtime.run(
      kernel,
      { ...parts, ...shared },
      { ...uniforms, size, start },
      Math.ceil(size / (4 * WORKGROUP_SIZE)),
    );
  });
}

/**
 * Calls `run` for the whole range if each view fits one binding from where it
 * begins, as chunks of arenas do; else for ranges in which each does.
 *
 * @param runtime The device.
 * @param views Views of 4-byte elements and one size.
 * @param run Records the work on the views' elements `[start, start + size)`.
 */
export function forFlatRanges<Name extends string>(
  { binding }: Runtime,
  views: Readonly<Record<Name, GpuView>>,
  run: (
    parts: Readonly<Record<Name, GpuView>>,
    start: number,
    size: number,
  ) => void,
): void {
  const list: GpuView[] = Object.values(views);
  const size = sizeOf(list[0].shape);
  const { maxBindingBytes, alignment } = binding;
  const fits = list.every(({ byteOffset }) =>
    byteOffset % alignment + 4 * size <= maxBindingBytes
  );
  if (fits) {
    run(views, 0, size);
    return;
  }
  forBoxes([size], [[1]], binding, ({ shape, offsets }) => {
    const parts = Object.fromEntries(
      Object.entries<GpuView>(views).map((
        [name, view],
      ) => [name, rowsOf(view, 1, offsets[0], shape[0])]),
    );
    run(parts as Record<Name, GpuView>, offsets[0], shape[0]);
  });
}
