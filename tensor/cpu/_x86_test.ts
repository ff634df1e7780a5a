import { assertEquals } from "@std/assert";
import {
  Assembler,
  R8,
  R9,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSP,
} from "./_x86.ts";

/** What GNU objdump 2.44 (`-M intel`) shows for the bytes that each writes. */
const INSTRUCTIONS: readonly [
  text: string,
  write: (code: Assembler) => void,
  bytes: string,
][] = [
  [
    "mov eax,DWORD PTR [rdi+0x4]",
    (code) => code.moveWord(RAX, { base: RDI, offset: 4 }),
    "8b4704",
  ],
  [
    "mov r13,QWORD PTR [rsp+0x8]",
    (code) => code.move(13, { base: RSP, offset: 8 }),
    "4c8b6c2408",
  ],
  [
    "mov QWORD PTR [rsp+0xc0],r14",
    (code) => code.store({ base: RSP, offset: 192 }, 14),
    "4c89b424c0000000",
  ],
  [
    "mov r8d,DWORD PTR [r12+0x0]",
    (code) => code.moveWord(R8, { base: 12 }),
    "458b442400",
  ],
  [
    "mov rbp,QWORD PTR [rbp+0x0]",
    (code) => code.move(RBP, { base: RBP }),
    "488b6d00",
  ],
  [
    "mov r10,QWORD PTR [r13+r9*8-0x80]",
    (code) => code.move(10, { base: 13, index: R9, scale: 8, offset: -128 }),
    "4f8b54cd80",
  ],
  ["mov edi,edi", (code) => code.moveWord(RDI, RDI), "8bff"],
  ["add rax,rdi", (code) => code.calculate("add", RAX, RDI), "4803c7"],
  [
    "add rdx,QWORD PTR [rsp+0x10]",
    (code) => code.calculate("add", RDX, { base: RSP, offset: 16 }),
    "4803542410",
  ],
  ["sub r9,r10", (code) => code.calculate("subtract", R9, 10), "4d2bca"],
  [
    "cmp r14,QWORD PTR [rsp+0xa8]",
    (code) => code.calculate("compare", 14, { base: RSP, offset: 168 }),
    "4c3bb424a8000000",
  ],
  [
    "add r13,0x100",
    (code) => code.calculateConstant("add", 13, 256),
    "4981c500010000",
  ],
  [
    "sub rsp,0xc8",
    (code) => code.calculateConstant("subtract", RSP, 200),
    "4881ecc8000000",
  ],
  [
    "cmp QWORD PTR [rsp+0x58],0x20",
    (code) => code.calculateConstant("compare", { base: RSP, offset: 88 }, 32),
    "48817c245820000000",
  ],
  [
    "sub QWORD PTR [r9+0x0],0x1",
    (code) => code.calculateConstant("subtract", { base: R9 }, 1),
    "4981690001000000",
  ],
  ["shr r14,0x2", (code) => code.shiftRight(14, 2), "49c1ee02"],
  ["mov ecx,0x7", (code) => code.set(RCX, 7), "b907000000"],
  ["mov r11d,0xffffffff", (code) => code.set(11, -1), "41bbffffffff"],
  ["push r12", (code) => code.push(12), "4154"],
  ["pop rbx", (code) => code.pop(RBX), "5b"],
  ["kmovw k2,eax", (code) => code.setMask(2, RAX), "c5f892d0"],
  [
    "mov eax,0xffffffff; bzhi eax,eax,ecx; kmovw k1,eax",
    (code) => code.setMaskOfFirst(1, RCX),
    "b8ffffffffc4e270f5c0c5f892c8",
  ],
  ["vpxord zmm17,zmm17,zmm17", (code) => code.clear(17), "62a17540efc9"],
  [
    "vmovups zmm24,ZMMWORD PTR [r13+0x40]",
    (code) => code.load(24, { base: 13, offset: 64 }),
    "62417c48104501",
  ],
  [
    "vmovups zmm25,ZMMWORD PTR [r13+r15*1+0x80]",
    (code) => code.load(25, { base: 13, index: 15, offset: 128 }),
    "62017c48104c3d02",
  ],
  [
    "vmovups zmm0,ZMMWORD PTR [rax+0x2000]",
    (code) => code.load(0, { base: RAX, offset: 8192 }),
    "62f17c48108000200000",
  ],
  [
    "vmovups zmm3{k1}{z},ZMMWORD PTR [rcx+0x0]",
    (code) => code.load(3, { base: RCX }, 1),
    "62f17cc9105900",
  ],
  [
    "vmovups ZMMWORD PTR [rcx+0x40]{k2},zmm30",
    (code) => code.storeVector({ base: RCX, offset: 64 }, 30, 2),
    "62617c4a117101",
  ],
  [
    "vmovups ZMMWORD PTR [rsp+0x10],zmm9",
    (code) => code.storeVector({ base: RSP, offset: 16 }, 9),
    "62717c48118c2410000000",
  ],
  [
    "vbroadcastss zmm26,DWORD PTR [rax+r14*4+0xc]",
    (code) =>
      code.broadcast(26, { base: RAX, index: 14, scale: 4, offset: 12 }),
    "62227d481854b003",
  ],
  [
    "vbroadcastss zmm31,DWORD PTR [rdi+0xc]",
    (code) => code.broadcast(31, { base: RDI, offset: 12 }),
    "62627d48187f03",
  ],
  [
    "vfmadd231ps zmm5,zmm26,zmm24",
    (code) => code.vectors("multiplyAdd", 5, 26, 24),
    "62922d40b8e8",
  ],
  [
    "vfmadd213ps zmm3,zmm7,zmm29",
    (code) => code.vectors("multiplyThenAdd", 3, 7, 29),
    "62924548a8dd",
  ],
  [
    "vfnmadd231ps zmm1,zmm2,zmm18",
    (code) => code.vectors("subtractProduct", 1, 2, 18),
    "62b26d48bcca",
  ],
  [
    "vaddps zmm23,zmm23,zmm25",
    (code) => code.vectors("add", 23, 23, 25),
    "6281444058f9",
  ],
  [
    "vaddps zmm31{k1},zmm31,zmm0",
    (code) => code.vectors("add", 31, 31, 0, 1),
    "6261044158f8",
  ],
  [
    "vsubps zmm0,zmm1,zmm30",
    (code) => code.vectors("subtract", 0, 1, 30),
    "629174485cc6",
  ],
  [
    "vmulps zmm16,zmm8,zmm15",
    (code) => code.vectors("multiply", 16, 8, 15),
    "62c13c4859c7",
  ],
  [
    "vdivps zmm7,zmm27,zmm7",
    (code) => code.vectors("divide", 7, 27, 7),
    "62f124405eff",
  ],
  [
    "vminps zmm4,zmm26,zmm4",
    (code) => code.vectors("min", 4, 26, 4),
    "62f12c405de4",
  ],
  [
    "vmaxps zmm1,zmm29,zmm1",
    (code) => code.vectors("max", 1, 29, 1),
    "62f114405fc9",
  ],
  [
    "vpandd zmm7{k2},zmm3,zmm3",
    (code) => code.vectors("and", 7, 3, 3, 2),
    "62f1654adbfb",
  ],
  [
    "vscalefps zmm1,zmm3,zmm2",
    (code) => code.vectors("scale", 1, 3, 2),
    "62f265482cca",
  ],
  ["vrndscaleps zmm2,zmm18,0x0", (code) => code.round(2, 18), "62b37d4808d200"],
  ["vcmpltps k2,zmm4,zmm29", (code) => code.less(2, 4, 29), "62915c48c2d501"],
  [
    ".float 1.0; vmulps zmm17,zmm9,DWORD PTR [rip-0xe]{1to16}",
    (code) => code.vectors("multiply", 17, 9, code.constants([1])[0]),
    "0000803f62e13458590df2ffffff",
  ],
  [
    ".long 2; vbroadcastss zmm17,DWORD PTR [rip-0xe]",
    (code) => code.broadcast(17, code.constants(Uint32Array.of(2))[0]),
    "0200000062e27d48180df2ffffff",
  ],
  [
    "imul eax,DWORD PTR [rdi+0x1c]",
    (code) => code.multiplyWord(RAX, { base: RDI, offset: 28 }),
    "0faf471c",
  ],
  ["add eax,edx", (code) => code.addWord(RAX, RDX), "03c2"],
  [
    "and r12,0xf",
    (code) => code.calculateConstant("and", 12, 15),
    "4981e40f000000",
  ],
  [
    "prefetcht1 BYTE PTR [rbx+0x40]",
    (code) => code.prefetch({ base: RBX, offset: 64 }),
    "0f185340",
  ],
  [
    "vpbroadcastd zmm21,eax",
    (code) => code.broadcastWord(21, RAX),
    "62e27d487ce8",
  ],
  [
    "vpcmpltud k1{k2},zmm0,zmm17",
    (code) => code.below(1, 0, 17, 2),
    "62b37d4a1ec901",
  ],
  [
    "vpaddd zmm1{k1},zmm0,zmm21",
    (code) => code.vectors("addWords", 1, 0, 21, 1),
    "62b17d49fecd",
  ],
  [
    "vshuff32x4 zmm4,zmm24,zmm24,0x4e",
    (code) => code.shuffleQuarters(4, 24, 0x4e),
    "62933d4023e04e",
  ],
  [
    "vpermilps zmm4,zmm24,0xb1",
    (code) => code.shuffleNumbers(4, 24, 0xb1),
    "62937d4804e0b1",
  ],
  ["vzeroupper; ret", (code) => code.return(), "c5f877c3"],
];

Deno.test("Assembler encodes instructions as the processor's manual says", () => {
  for (const [text, write, bytes] of INSTRUCTIONS) {
    const code = new Assembler();
    write(code);
    assertEquals(hex(code), bytes, text);
  }
});

Deno.test("Assembler jumps to labels before and behind", () => {
  const code = new Assembler();
  const [back, ahead] = [code.label(), code.label()];
  code.place(back);
  code.jump(ahead, "below");
  code.jump(ahead);
  code.jump(back, "notEqual");
  code.place(ahead);
  // jb +11; jmp +6; jne -17
  assertEquals(hex(code), "0f820b000000e9060000000f85efffffff");
});

function hex(code: Assembler): string {
  return Array.from(
    code.finish(),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}
