/**
 * Which ranges of which buffers a dispatch binds: the shared place that knows
 * WebGPU's rules about alignment, size and aliasing of bindings.
 */

import { type DType, dtypeInfo } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { Block, GpuView } from "./_buffer.ts";
import { elementBytes } from "./_element_type.ts";
import type { Kernel, StorageType } from "./_kernel.ts";

/** What the platform says about bindings. */
export interface BindingLimits {
  /** The bytes of one binding, a multiple of `alignment` and of 16. */
  readonly maxBindingBytes: number;
  /** What offsets of bindings are multiples of. */
  readonly alignment: number;
}

/** A range of one buffer that one or several operands live in, bound in one or several parts. */
export interface Slot {
  readonly block: Block;
  readonly access: "read" | "read_write";
  readonly type: StorageType;
  /** How many numbers an element of the array in WGSL has. */
  readonly width: 1 | 4;
  /** Whether its elements are atomic, for all of its operands. */
  readonly atomic: boolean;
  /** Where the range begins, in bytes; aligned. */
  readonly offset: number;
  /** Where it ends, in bytes; a multiple of 16. */
  readonly end: number;
  /** How many bindings it takes. */
  readonly parts: number;
}

/** How the operands of a dispatch are bound. */
export interface SlotPlan {
  readonly slots: readonly Slot[];
  /** For each operand, in order: the slot it lives in. */
  readonly slotOf: readonly number[];
  /** For each operand, in order: its first element in the slot, in elements of the slot. */
  readonly bases: readonly number[];
  /** All that the WGSL text depends on beside the kernel. */
  readonly key: string;
}

type Draft = { -readonly [K in keyof Slot]: Slot[K] };

/**
 * Plans the bindings of a dispatch. All operands in a buffer that is written
 * share a slot, because WebGPU forbids to bind a buffer for reading and for
 * writing in one dispatch, even in disjoint ranges.
 *
 * @throws {TypeError} If an operand of the kernel has no view.
 */
export function planSlots(
  kernel: Kernel,
  views: Readonly<Record<string, GpuView | undefined>>,
  { maxBindingBytes, alignment }: BindingLimits,
): SlotPlan {
  const shared = new Map<Block, number>();
  for (const name in kernel.operands) {
    if (kernel.operands[name].access === "read_write") {
      shared.set(viewOf(kernel, name, views).buffer.block, -1);
    }
  }
  const slots: Draft[] = [];
  const slotOf: number[] = [];
  const begins: number[] = [];
  for (const name in kernel.operands) {
    const { access, vector, atomic = false } = kernel.operands[name];
    const view = viewOf(kernel, name, views);
    const type = storageTypeOf(kernel.operands[name].type, view.dtype);
    const { block } = view.buffer;
    const begin = view.byteOffset;
    const bytes = sizeOf(view.shape) * dtypeInfo(view.dtype).byteSize;
    const offset = begin - begin % alignment;
    const end = Math.ceil((begin + Math.max(bytes, 4)) / 16) * 16;
    const width = vector && begin % (4 * elementBytes(type)) === 0 ? 4 : 1;
    begins.push(begin);
    const index = shared.get(block) ?? -1;
    if (index === -1) {
      if (shared.has(block)) shared.set(block, slots.length);
      slotOf.push(slots.length);
      const parts = 1;
      slots.push({ block, access, type, width, atomic, offset, end, parts });
      continue;
    }
    slotOf.push(index);
    const slot = slots[index];
    if (access === "read_write") slot.access = access;
    if (type !== slot.type) slot.type = commonType(kernel, type, slot.type);
    if (width !== slot.width) slot.width = 1;
    if (atomic) slot.atomic = true;
    slot.offset = Math.min(slot.offset, offset);
    slot.end = Math.max(slot.end, end);
  }
  let key = slotOf.join();
  for (const slot of slots) {
    slot.parts = Math.ceil((slot.end - slot.offset) / maxBindingBytes);
    key +=
      `;${slot.access}.${slot.type}.${slot.width}.${slot.parts}.${slot.atomic}`;
  }
  const bases = begins.map((begin, operand) =>
    (begin - slots[slotOf[operand]].offset) /
    elementBytes(slots[slotOf[operand]].type)
  );
  return { slots, slotOf, bases, key };
}

/** How the elements of a dtype are stored that a kernel sees in a type. */
function storageTypeOf(type: StorageType, dtype: DType): StorageType {
  return type === "f32" && dtype === "float16" ? "f16" : type;
}

/** What elements of two types are read and written through in one buffer: their bits. */
function commonType(
  kernel: Kernel,
  a: StorageType,
  b: StorageType,
): StorageType {
  if (elementBytes(a) !== elementBytes(b)) {
    throw new TypeError(
      `Cannot run kernel "${kernel.name}": operands of types ${a} and ${b} live in one buffer that it writes`,
    );
  }
  return "u32";
}

function viewOf(
  kernel: Kernel,
  name: string,
  views: Readonly<Record<string, GpuView | undefined>>,
): GpuView {
  const view = views[name];
  if (view === undefined) {
    throw new TypeError(
      `Cannot run kernel "${kernel.name}": operand "${name}" is missing`,
    );
  }
  return view;
}
