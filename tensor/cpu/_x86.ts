/**
 * An assembler for the few instructions of 64-bit x86 processors with AVX-512
 * that _avx512.ts and what it imports use.
 *
 * Encodings are those of the Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 2: section 2.2 (REX), 2.3 (VEX), 2.7 (EVEX).
 *
 * @module
 */

/** The general registers by number. */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;

/** An operand in memory: base + index · scale + offset. */
export interface Memory {
  /** A general register. */
  readonly base: number;
  /** Another one; not RSP. */
  readonly index?: number;
  /** What it is multiplied by. Default: 1. */
  readonly scale?: 1 | 2 | 4 | 8;
  /** Bytes. Default: 0. */
  readonly offset?: number;
}

/** A number that stands in the code. */
export interface Constant {
  /** Where, in bytes. */
  readonly position: number;
}

/** A place in the code. */
export interface Label {
  /** Where it is, in bytes; -1 until it is known. */
  position: number;
  /** Where jumps to it end. */
  readonly jumps: number[];
}

/** When a jump is taken, by the last comparison of unsigned numbers. */
const CONDITIONS = { below: 2, notBelow: 3, equal: 4, notEqual: 5 } as const;

/** Operations of general registers: the opcode with a register, the digit with a constant. */
const ARITHMETIC = {
  add: { opcode: 0x03, digit: 0 },
  subtract: { opcode: 0x2b, digit: 5 },
  compare: { opcode: 0x3b, digit: 7 },
  and: { opcode: 0x23, digit: 4 },
} as const;

/** Operations of vectors: table, prefix and opcode. */
const VECTOR_OPERATIONS = {
  /** a + b */
  add: [1, 0, 0x58], // VADDPS
  subtract: [1, 0, 0x5c], // VSUBPS
  multiply: [1, 0, 0x59], // VMULPS
  divide: [1, 0, 0x5e], // VDIVPS
  /** The smaller one, b if either is NaN. */
  min: [1, 0, 0x5d], // VMINPS
  max: [1, 0, 0x5f], // VMAXPS
  /** Bits that both have. */
  and: [1, 1, 0xdb], // VPANDD
  xor: [1, 1, 0xef], // VPXORD
  /** The sum of whole numbers. */
  addWords: [1, 1, 0xfe], // VPADDD
  /** target + a · b, rounded once */
  multiplyAdd: [2, 1, 0xb8], // VFMADD231PS
  /** target - a · b */
  subtractProduct: [2, 1, 0xbc], // VFNMADD231PS
  /** target · a + b */
  multiplyThenAdd: [2, 1, 0xa8], // VFMADD213PS
  /** a · 2^b for whole b */
  scale: [2, 1, 0x2c], // VSCALEFPS
} as const;

/** How a vector instruction is encoded. */
interface Evex {
  readonly opcode: number;
  /** Which table the opcode is of: 1 for 0F, 2 for 0F38, 3 for 0F3A. */
  readonly map: 1 | 2 | 3;
  /** What stands for the prefix: 1 for 66, else 0. */
  readonly prefix: 0 | 1;
  /** The first vector register. */
  readonly register: number;
  /** The second one. Default: none. */
  readonly second?: number;
  /** The last operand; a constant stands for a vector of it. */
  readonly operand: number | Memory | Constant;
  /** Offsets of one byte count so many bytes. */
  readonly unit?: number;
  /** A mask register; 0 for none. */
  readonly mask?: number;
  /** Whether what the mask leaves out becomes 0. */
  readonly zeroing?: boolean;
  /** Whether a constant is the operand itself. */
  readonly isWhole?: boolean;
  /** A byte behind the instruction. */
  readonly immediate?: number;
}

/** Code as it is written, one instruction a method. */
export class Assembler {
  readonly #bytes: number[] = [];

  /** The code. All labels have been placed. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#bytes.length;
  }

  /** A place that is not known yet. */
  label(): Label {
    return { position: -1, jumps: [] };
  }

  /** The label is here. */
  place(label: Label): void {
    label.position = this.#bytes.length;
    for (const end of label.jumps) {
      this.#bytes.splice(end - 4, 4, ...int32(label.position - end));
    }
  }

  /** Jumps, or only under a condition. */
  jump(label: Label, condition?: keyof typeof CONDITIONS): void {
    this.#bytes.push(
      ...condition === undefined
        ? [0xe9]
        : [0x0f, 0x80 | CONDITIONS[condition]],
    );
    const end = this.#bytes.length + 4;
    label.jumps.push(end);
    this.#bytes.push(...int32(label.position - end));
  }

  /** Puts a register on the stack. */
  push(register: number): void {
    this.#bytes.push(...register < 8 ? [] : [0x41], 0x50 | register & 7);
  }

  /** Takes a register from the stack. */
  pop(register: number): void {
    this.#bytes.push(...register < 8 ? [] : [0x41], 0x58 | register & 7);
  }

  /** Returns to the caller, with vector registers as other code expects them. */
  return(): void {
    this.#bytes.push(0xc5, 0xf8, 0x77); // VZEROUPPER
    this.#bytes.push(0xc3);
  }

  /** Copies a register, or 8 bytes of memory into one. */
  move(register: number, from: number | Memory): void {
    this.#general(0x8b, register, from, true);
  }

  /** Copies 4 bytes, as an unsigned number. */
  moveWord(register: number, from: number | Memory): void {
    this.#general(0x8b, register, from, false);
  }

  /** Sets a register to a number of 32 bits without sign. */
  set(register: number, value: number): void {
    this.#bytes.push(...register < 8 ? [] : [0x41], 0xb8 | register & 7);
    this.#bytes.push(...int32(value));
  }

  /** Writes 8 bytes. */
  store(to: Memory, register: number): void {
    this.#general(0x89, register, to, true);
  }

  /** Computes with two registers, or with 8 bytes of memory; comparing changes nothing. */
  calculate(
    operation: keyof typeof ARITHMETIC,
    register: number,
    operand: number | Memory,
  ): void {
    this.#general(ARITHMETIC[operation].opcode, register, operand, true);
  }

  /** The same with a constant, also for 8 bytes in memory. */
  calculateConstant(
    operation: keyof typeof ARITHMETIC,
    target: number | Memory,
    value: number,
  ): void {
    this.#general(0x81, ARITHMETIC[operation].digit, target, true);
    this.#bytes.push(...int32(value));
  }

  /** Multiplies words: the lower 32 bits of the product. */
  multiplyWord(register: number, by: Memory): void {
    this.#general([0x0f, 0xaf], register, by, false); // IMUL
  }

  /** Adds words. */
  addWord(register: number, operand: number | Memory): void {
    this.#general(ARITHMETIC.add.opcode, register, operand, false);
  }

  /** Asks for a line of the cache, of the second level. */
  prefetch(from: Memory): void {
    this.#general([0x0f, 0x18], 2, from, false); // PREFETCHT1
  }

  /** Shifts a register of 64 bits to the right. */
  shiftRight(register: number, bits: number): void {
    this.#general(0xc1, 5, register, true);
    this.#bytes.push(bits);
  }

  /** Reads 16 bits of a general register, one of the first eight, as a mask. */
  setMask(mask: number, register: number): void {
    this.#bytes.push(0xc5, 0xf8, 0x92, 0xc0 | mask << 3 | register); // KMOVW
  }

  /** Has as many ones in a mask as a register, RCX at most, says: fewer than 16. */
  setMaskOfFirst(mask: number, count: number): void {
    this.set(RAX, -1);
    this.#bytes.push(0xc4, 0xe2, ~count << 3 & 0x78, 0xf5, 0xc0); // BZHI EAX, EAX, count
    this.setMask(mask, RAX);
  }

  /** Puts numbers between the code, or words as they are. */
  constants(values: readonly number[] | Uint32Array): Constant[] {
    const words = values instanceof Uint32Array
      ? values
      : Float32Array.from(values);
    const first = this.#bytes.length;
    this.#bytes.push(...new Uint8Array(words.buffer));
    return Array.from(words, (_, index) => ({ position: first + index * 4 }));
  }

  /** Clears a vector. */
  clear(vector: number): void {
    this.vectors("xor", vector, vector, vector);
  }

  /** Reads 16 numbers, those that the mask leaves out as zeros. */
  load(vector: number, from: Memory, mask: number = 0): void {
    // VMOVUPS
    this.#vector({
      ...{ opcode: 0x10, map: 1, prefix: 0, register: vector },
      ...{ operand: from, unit: 64, mask, zeroing: mask > 0 },
    });
  }

  /** Writes 16 numbers but for those that the mask leaves out. */
  storeVector(to: Memory, vector: number, mask: number = 0): void {
    // VMOVUPS
    this.#vector({
      ...{ opcode: 0x11, map: 1, prefix: 0, register: vector },
      ...{ operand: to, unit: 64, mask },
    });
  }

  /** Reads one number into all of a vector. */
  broadcast(vector: number, from: Memory | Constant): void {
    // VBROADCASTSS
    this.#vector({
      ...{ opcode: 0x18, map: 2, prefix: 1, register: vector },
      ...{ operand: from, unit: 4, isWhole: true },
    });
  }

  /** Computes with vectors; what a mask leaves out stays as it was. */
  vectors(
    operation: keyof typeof VECTOR_OPERATIONS,
    target: number,
    a: number,
    b: number | Constant,
    mask: number = 0,
  ): void {
    const [map, prefix, opcode] = VECTOR_OPERATIONS[operation];
    this.#vector({
      ...{ opcode, map, prefix, mask },
      ...{ register: target, second: a, operand: b },
    });
  }

  /** Rounds to whole numbers. */
  round(target: number, from: number): void {
    // VRNDSCALEPS
    this.#vector({
      ...{ opcode: 0x08, map: 3, prefix: 1, immediate: 0 },
      ...{ register: target, operand: from },
    });
  }

  /** Rearranges quarters of a vector: two bits of the order say which one comes next. */
  shuffleQuarters(target: number, from: number, order: number): void {
    // VSHUFF32X4
    this.#vector({
      ...{ opcode: 0x23, map: 3, prefix: 1, immediate: order },
      ...{ register: target, second: from, operand: from },
    });
  }

  /** Rearranges the numbers of each quarter. */
  shuffleNumbers(target: number, from: number, order: number): void {
    // VPERMILPS
    this.#vector({
      ...{ opcode: 0x04, map: 3, prefix: 1, immediate: order },
      ...{ register: target, operand: from },
    });
  }

  /** Copies a word to all of a vector. */
  broadcastWord(vector: number, register: number): void {
    // VPBROADCASTD
    this.#vector({
      ...{ opcode: 0x7c, map: 2, prefix: 1, register: vector },
      operand: register,
    });
  }

  /** Where a is less than b, as numbers without sign, of what another mask has. */
  below(mask: number, a: number, b: number, of: number = 0): void {
    // VPCMPUD
    this.#vector({
      ...{ opcode: 0x1e, map: 3, prefix: 1, immediate: 1, mask: of },
      ...{ register: mask, second: a, operand: b },
    });
  }

  /** Where a is less than b. */
  less(mask: number, a: number, b: number): void {
    // VCMPLTPS
    this.#vector({
      ...{ opcode: 0xc2, map: 1, prefix: 0, immediate: 1 },
      ...{ register: mask, second: a, operand: b },
    });
  }

  #general(
    opcode: number | readonly number[],
    register: number,
    operand: number | Memory,
    wide: boolean,
  ): void {
    const { base, index } = partsOf(operand);
    const rex = (wide ? 8 : 0) | (register >> 3) << 2 | (index >> 3) << 1 |
      base >> 3;
    if (rex !== 0) this.#bytes.push(0x40 | rex);
    this.#bytes.push(...[opcode].flat(), ...operandBytes(register, operand, 1));
  }

  #vector(code: Evex): void {
    const { register, second = 0, operand, unit = 1, mask = 0 } = code;
    const isRepeated = isConstant(operand) && !code.isWhole;
    const { base, index } = partsOf(operand);
    // A vector's fifth bit stands where an index register has its fourth.
    const x = typeof operand === "number" ? operand >> 4 : index >> 3;
    this.#bytes.push(
      0x62,
      (register >> 3 & 1 ^ 1) << 7 | (x & 1 ^ 1) << 6 |
        (base >> 3 & 1 ^ 1) << 5 | (register >> 4 & 1 ^ 1) << 4 | code.map,
      (second & 15 ^ 15) << 3 | 4 | code.prefix,
      (code.zeroing ? 0x80 : 0) | 0x40 | (isRepeated ? 0x10 : 0) |
        (second >> 4 & 1 ^ 1) << 3 | mask,
      code.opcode,
    );
    const rest = code.immediate === undefined ? [] : [code.immediate];
    if (isConstant(operand)) {
      const end = this.#bytes.length + 5 + rest.length;
      const field = (register & 7) << 3;
      this.#bytes.push(field | RBP, ...int32(operand.position - end));
    } else this.#bytes.push(...operandBytes(register, operand, unit));
    this.#bytes.push(...rest);
  }
}

function isConstant(
  operand: number | Memory | Constant,
): operand is Constant {
  return typeof operand !== "number" && "position" in operand;
}

/** The registers of an operand. */
function partsOf(
  operand: number | Memory | Constant,
): { base: number; index: number } {
  if (isConstant(operand)) return { base: 0, index: 0 };
  return typeof operand === "number"
    ? { base: operand, index: 0 }
    : { base: operand.base, index: operand.index ?? 0 };
}

/** ModR/M, SIB and displacement. */
function operandBytes(
  register: number,
  operand: number | Memory,
  unit: number,
): number[] {
  const field = (register & 7) << 3;
  if (typeof operand === "number") return [0xc0 | field | operand & 7];
  const { base, index, scale = 1, offset = 0 } = operand;
  const units = offset / unit;
  const isShort = Number.isInteger(units) && units >= -128 && units < 128;
  const mode = isShort ? 0x40 : 0x80;
  const displacement = isShort ? [units & 255] : int32(offset);
  if (index === undefined && (base & 7) !== RSP) {
    return [mode | field | base & 7, ...displacement];
  }
  const sib = Math.log2(scale) << 6 | ((index ?? RSP) & 7) << 3 | base & 7;
  return [mode | field | RSP, sib, ...displacement];
}

function int32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => value >> shift & 255);
}
