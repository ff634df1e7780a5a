/** Copies between strided ranges. */

import type { StridedLayout } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import { boxOf, forBoxes } from "./_boxes.ts";
import type { GpuView } from "./_buffer.ts";
import { elementBytes, movedTypeOf } from "./_element_type.ts";
import { type ElementType, type Kernel, kernelFamily } from "./_kernel.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;

/** A copy along axes, of four neighbouring elements at a time or of single ones. */
const copyKernel = kernelFamily((
  type: "u32" | "f16",
  rank: number,
  vector: boolean,
): Kernel => {
  const uniforms: Record<string, ElementType> = {
    size: "u32",
    source_first: "u32",
    target_first: "u32",
  };
  const lines: string[] = [];
  for (let axis = rank - 1; axis >= 0; axis--) {
    // Negative strides wrap around in unsigned arithmetic, as they should.
    uniforms[`source_stride${axis}`] = "u32";
    uniforms[`target_stride${axis}`] = "u32";
    if (axis > 0) uniforms[`shape${axis}`] = "u32";
    const position = axis === 0 ? "rest" : `(rest % u.shape${axis})`;
    lines.push(
      `  source_at += ${position} * u.source_stride${axis};`,
      `  target_at += ${position} * u.target_stride${axis};`,
    );
    if (axis > 0) lines.push(`  rest /= u.shape${axis};`);
  }
  return {
    name: `copy-${type}-${rank}-${vector ? 4 : 1}`,
    operands: {
      source: { access: "read", type, vector },
      target: { access: "read_write", type, vector },
    },
    uniforms,
    workgroupSize: WORKGROUP_SIZE,
    body: `
  let i = index${vector ? " * 4u" : ""};
  if (i >= u.size) {
    return;
  }
  var rest = i;
  var source_at = u.source_first;
  var target_at = u.target_first;
${lines.join("\n")}
  ${
      vector
        ? "target_store4(target_at, source_load4(source_at));"
        : "target_store(target_at, source_load(source_at));"
    }`,
  };
});

/**
 * Copies elements of 4 bytes, or of float16. A run of neighbours is copied
 * without a kernel, unless both sides lie in one buffer, which WebGPU has no
 * copies within, or it is none of whole words.
 */
export function stridedCopy(
  runtime: Runtime,
  source: GpuView,
  target: GpuView,
  layout: StridedLayout,
): void {
  const { shape, sourceStrides, targetStrides } = mergeAxes(layout);
  const strides = [sourceStrides, targetStrides];
  const type = movedTypeOf(source.dtype);
  const isRun = shape.length === 1 &&
    strides.every(([stride]) => stride === 1);
  const run = [layout.sourceOffset, layout.targetOffset, shape[0]]
    .map((elements) => elementBytes(type) * elements);
  if (
    isRun && source.buffer.block !== target.buffer.block &&
    run.every((bytes) => bytes % 4 === 0)
  ) {
    const [from, to, length] = run;
    runtime.copy(source, from, target, to, length);
    return;
  }
  forBoxes(shape, strides, runtime.binding, (box) => {
    const from = boxOf(
      source,
      layout.sourceOffset + box.offsets[0],
      box.shape,
      sourceStrides,
    );
    const to = boxOf(
      target,
      layout.targetOffset + box.offsets[1],
      box.shape,
      targetStrides,
    );
    const last = box.shape.length - 1;
    const vector = box.shape[last] % 4 === 0 &&
      strides.every((operand) =>
        operand.every((stride, axis) =>
          axis === last ? stride === 1 : stride % 4 === 0 && stride >= 0
        )
      );
    const size = sizeOf(box.shape);
    const uniforms: Record<string, number> = {
      size,
      source_first: from.first,
      target_first: to.first,
    };
    for (const [axis, length] of box.shape.entries()) {
      uniforms[`shape${axis}`] = length;
      uniforms[`source_stride${axis}`] = sourceStrides[axis];
      uniforms[`target_stride${axis}`] = targetStrides[axis];
    }
    runtime.run(
      copyKernel(type, box.shape.length, vector),
      { source: from.view, target: to.view },
      uniforms,
      Math.ceil(size / (WORKGROUP_SIZE * (vector ? 4 : 1))),
    );
  });
}

/** The same copy along fewer axes: those of size 1 left out, neighbours joined where both sides allow it. */
function mergeAxes(
  layout: StridedLayout,
): Pick<StridedLayout, "shape" | "sourceStrides" | "targetStrides"> {
  const shape: number[] = [];
  const sourceStrides: number[] = [];
  const targetStrides: number[] = [];
  for (const [axis, length] of layout.shape.entries()) {
    if (length === 1) continue;
    const source = layout.sourceStrides[axis];
    const target = layout.targetStrides[axis];
    const last = shape.length - 1;
    if (
      last >= 0 && sourceStrides[last] === source * length &&
      targetStrides[last] === target * length
    ) {
      shape[last] *= length;
      sourceStrides[last] = source;
      targetStrides[last] = target;
    } else {
      shape.push(length);
      sourceStrides.push(source);
      targetStrides.push(target);
    }
  }
  if (shape.length === 0) {
    return { shape: [1], sourceStrides: [1], targetStrides: [1] };
  }
  return { shape, sourceStrides, targetStrides };
}
