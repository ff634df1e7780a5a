/** The WGSL text of a kernel: its body between generated declarations. */

import { elementBytes } from "./_element_type.ts";
import { FLOAT16_BITS } from "./_float16.ts";
import type {
  ElementType,
  Kernel,
  OperandSpec,
  StorageType,
} from "./_kernel.ts";
import type { Slot, SlotPlan } from "./_slots.ts";
import { SUBGROUP_CALL } from "./_subgroups.ts";

/** The uniform fields of a kernel, in order: what the runtime adds, then its own. */
export function uniformFields(
  kernel: Kernel,
): readonly (readonly [name: string, type: ElementType])[] {
  return [
    ["groups", "u32"],
    ...Object.keys(kernel.operands).map((name) =>
      [`${name}_base`, "u32"] as const
    ),
    ...Object.entries(kernel.uniforms),
  ];
}

/**
 * The text of a shader module.
 *
 * @param kernel The kernel.
 * @param plan How its operands are bound.
 * @param maxBindingBytes Where parts of a slot end.
 * @param roundsHalf Whether the adapter's own conversion to float16 is that of IEEE 754.
 * @returns WGSL.
 */
export function kernelSource(
  kernel: Kernel,
  plan: SlotPlan,
  maxBindingBytes: number,
  roundsHalf = true,
): string {
  const fields = uniformFields(kernel)
    .map(([name, type]) => `  ${name}: ${type},`);
  let binding = 1;
  const slots = plan.slots.map((slot, index) => {
    const text = slotSource(slot, index, binding, maxBindingBytes);
    binding += slot.parts;
    return text;
  });
  const operands = Object.entries(kernel.operands).map(([name, spec], i) => {
    const index = plan.slotOf[i];
    return operandSource(name, spec, plan.slots[index], index);
  });
  // Software adapters read a uniform anew wherever it stands in a loop, but not
  // a copy. Barriers and exchanges in subgroups must not depend on one: in
  // browsers, what comes from private memory is not known to be the same for
  // all lanes.
  const text = `${kernel.declarations}${kernel.body}`;
  const copied = !/Barrier\(/.test(text) && !text.includes(SUBGROUP_CALL);
  const half = plan.slots.some(({ type }) => type === "f16");
  return `// ${kernel.name}
${half ? "enable f16;\n" : ""}struct Uniforms {
${fields.join("\n")}
}
@group(0) @binding(0) var<uniform> ${copied ? "uniforms" : "u"}: Uniforms;
${copied ? "var<private> u: Uniforms;\n" : ""}${slots.join("")}${
    operands.join("")
  }${PRELUDE}${half ? toHalfSource(roundsHalf) : ""}${kernel.declarations ?? ""}
@compute @workgroup_size(${kernel.workgroupSize})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
${
    copied
      ? "  u = uniforms;\n"
      : ""
  }  let group = workgroup.x + workgroup.y * workgroups.x;
  if (group >= u.groups) {
    return;
  }
  let index = group * ${kernel.workgroupSize}u + lane;
${kernel.body}
}
`;
}

/** `x != x` and constant infinities do not survive compilers: bits do. */
const PRELUDE = `
fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
fn nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}
fn inf() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}
`;

/** Conversions of what is stored as float16. */
function toHalfSource(roundsHalf: boolean): string {
  return `${roundsHalf ? "" : FLOAT16_BITS}
fn to_half(x: f32) -> f16 {
  return ${
    roundsHalf
      ? "f16(x)"
      : "f16(unpack2x16float(float16_bits(bitcast<u32>(x))).x)"
  };
}
fn to_half4(x: vec4<f32>) -> vec4<f16> {
  return ${
    roundsHalf
      ? "vec4<f16>(x)"
      : "vec4<f16>(to_half(x.x), to_half(x.y), to_half(x.z), to_half(x.w))"
  };
}
`;
}

/** The bindings of a slot, and functions that access its elements by their index in the whole slot. */
function slotSource(
  slot: Slot,
  index: number,
  firstBinding: number,
  maxBindingBytes: number,
): string {
  const { type, width, access, parts, atomic } = slot;
  const value = width === 4 ? `vec4<${type}>` : type;
  const element = atomic ? `atomic<${type}>` : value;
  const name = (part: number) => `slot${index}_${part}`;
  const lines: string[] = [];
  for (let part = 0; part < parts; part++) {
    lines.push(
      `@group(0) @binding(${firstBinding + part}) var<storage, ${access}> ${
        name(part)
      }: array<${element}>;`,
    );
  }
  /** Runs a statement on the part that holds number `i`, with `i` counted in that part. */
  const inPart = (statement: (part: string, i: string) => string) => {
    const branches: string[] = [];
    for (let part = 0; part < parts; part++) {
      const elements = maxBindingBytes / elementBytes(type);
      const start = part * elements;
      const body = statement(name(part), part === 0 ? "i" : `(i - ${start}u)`);
      branches.push(
        part === parts - 1
          ? `  ${body}`
          : `  if (i < ${start + elements}u) { ${body}${
            body.startsWith("return") ? "" : " return;"
          } }`,
      );
    }
    return branches.join("\n");
  };
  const scalar = (part: string, i: string) =>
    width === 4 ? `${part}[${i} >> 2u][${i} & 3u]` : `${part}[${i}]`;
  const vector = (part: string, i: string) => `${part}[${i} >> 2u]`;
  lines.push(
    `fn slot${index}_get(i: u32) -> ${type} {`,
    inPart((part, i) =>
      atomic
        ? `return atomicLoad(&${scalar(part, i)});`
        : `return ${scalar(part, i)};`
    ),
    "}",
  );
  if (width === 4) {
    lines.push(
      `fn slot${index}_get4(i: u32) -> ${value} {`,
      inPart((part, i) => `return ${vector(part, i)};`),
      "}",
    );
  }
  if (access === "read_write") {
    lines.push(
      `fn slot${index}_set(i: u32, value: ${type}) {`,
      inPart((part, i) =>
        atomic
          ? `atomicStore(&${scalar(part, i)}, value);`
          : `${scalar(part, i)} = value;`
      ),
      "}",
    );
    if (width === 4) {
      lines.push(
        `fn slot${index}_set4(i: u32, value: ${value}) {`,
        inPart((part, i) => `${vector(part, i)} = value;`),
        "}",
      );
    }
  }
  if (atomic) {
    lines.push(
      `fn slot${index}_add(i: u32, value: ${type}) {`,
      inPart((part, i) => `atomicAdd(&${scalar(part, i)}, value);`),
      "}",
    );
  }
  return lines.join("\n") + "\n";
}

/** The functions of one operand: those of its slot from the operand's first element on, in its own type. */
function operandSource(
  name: string,
  { access, type, vector, atomic }: OperandSpec,
  slot: Slot,
  index: number,
): string {
  const at = (i: number) => `u.${name}_base + i${i === 0 ? "" : ` + ${i}u`}`;
  const own = (
    value: string,
    to: StorageType,
    width: "" | "4" = "",
  ): string => {
    if (slot.type === type) return value;
    const toType = width === "4" ? `vec4<${to}>` : to;
    if (slot.type !== "f16") return `bitcast<${toType}>(${value})`;
    return to === "f16" ? `to_half${width}(${value})` : `${toType}(${value})`;
  };
  const four = `vec4<${type}>`;
  const slotFour = `vec4<${slot.type}>`;
  const components = [..."xyzw"];
  let text = `fn ${name}_load(i: u32) -> ${type} {
  return ${own(`slot${index}_get(${at(0)})`, type)};
}
`;
  if (vector) {
    const value = slot.width === 4
      ? `slot${index}_get4(${at(0)})`
      : `${slotFour}(${
        components.map((_, i) => `slot${index}_get(${at(i)})`).join(", ")
      })`;
    text += `fn ${name}_load4(i: u32) -> ${four} {
  return ${own(value, type, "4")};
}
`;
  }
  if (access === "read_write") {
    const stored = (width: "" | "4") =>
      slot.type === "f16" && type === "f32"
        ? `${width === "4" ? four : type}(to_half${width}(value))`
        : "value";
    text += `fn ${name}_store(i: u32, value: ${type}) {
  slot${index}_set(${at(0)}, ${own("value", slot.type)});
}
fn ${name}_rounded(value: ${type}) -> ${type} {
  return ${stored("")};
}
`;
    if (vector) {
      const statements = slot.width === 4
        ? [`slot${index}_set4(${at(0)}, ${own("value", slot.type, "4")});`]
        : components.map((c, i) =>
          `slot${index}_set(${at(i)}, ${own(`value.${c}`, slot.type)});`
        );
      text += `fn ${name}_store4(i: u32, value: ${four}) {
  ${statements.join("\n  ")}
}
fn ${name}_rounded4(value: ${four}) -> ${four} {
  return ${stored("4")};
}
`;
    }
  }
  if (atomic) {
    text += `fn ${name}_add(i: u32, value: ${type}) {
  slot${index}_add(${at(0)}, value);
}
`;
  }
  return text;
}
