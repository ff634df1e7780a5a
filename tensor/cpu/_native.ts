/**
 * Machine code in this process, where that is possible: in Deno on 64-bit
 * Linux, with the permission to call foreign functions (`--allow-ffi`), on a
 * processor with AVX-512. Elsewhere WebAssembly does the same.
 *
 * @module
 */

/** What threads can call in this process. */
export interface NativeCode {
  /** The functions' names. */
  readonly names: readonly string[];
  /** Where each starts; nothing where there is no machine code. */
  readonly addresses: readonly bigint[];
  /** Where the kernels' memory starts. */
  readonly memory: bigint;
}

/** What assembly/_native.ts imports: functions, and whether they are there. */
type NativeImports = Record<string, number | ((words: number) => void)>;

/** A pointer of Deno's. */
type Pointer = object;

/** What of Deno is used; npm packages are compiled without its types. */
interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
  readonly permissions: {
    querySync?(descriptor: { name: "ffi" }): { readonly state: string };
  };
  readonly UnsafePointer: {
    of(bytes: Uint8Array): Pointer | null;
    create(address: bigint): Pointer | null;
    value(pointer: Pointer | null): bigint;
  };
  readonly UnsafePointerView: {
    getArrayBuffer(pointer: Pointer, byteLength: number): ArrayBuffer;
  };
  dlopen(
    library: string,
    symbols: Readonly<
      Record<string, { parameters: readonly string[]; result: string }>
    >,
  ): {
    // deno-lint-ignore no-explicit-any -- functions as `symbols` declares them
    readonly symbols: any;
    close(): void;
  };
}

/** What a thread's kernels import, while it is open. */
interface BoundCode {
  readonly imports: NativeImports;
  close(): void;
}

/** The C library of Linux. */
const LIBRARY = "libc.so.6";

/** What was loaded, the same for all devices. Not there until it was tried. */
let loaded: Promise<ReadonlyMap<string, bigint>> | undefined;

/**
 * Loads the code, once for all devices.
 *
 * @param memory The kernels' memory.
 * @param names The functions that kernels import.
 * @param isWanted Whether there is to be any.
 * @returns What threads can call, which may be nothing.
 */
export async function loadNative(
  memory: WebAssembly.Memory,
  names: readonly string[],
  isWanted: boolean,
): Promise<NativeCode> {
  const nothing = { names, addresses: [], memory: 0n };
  const { Deno } = globalThis as { Deno?: DenoNamespace };
  // Only a memory that threads share stays where it is when it grows.
  if (
    !isWanted || Deno === undefined || memory.buffer instanceof ArrayBuffer
  ) return nothing;
  try {
    if (!isPossible(Deno)) return nothing;
    const functions = await (loaded ??= load(Deno));
    return {
      names,
      addresses: names.map((name) => functions.get(name)!),
      memory: addressOf(Deno, memory.buffer),
    };
  } catch {
    // Another C library, a system that forbids new code, or something that is
    // called Deno and is not.
    return nothing;
  }
}

/** Whether the platform may have machine code. */
function isPossible({ build, permissions }: DenoNamespace): boolean {
  return build.os === "linux" && build.arch === "x86_64" &&
    // Not to ask: who did not give the permission has WebAssembly.
    permissions.querySync?.({ name: "ffi" }).state === "granted";
}

/** Where bytes are in this process. */
function addressOf(Deno: DenoNamespace, buffer: ArrayBufferLike): bigint {
  const pointer = Deno.UnsafePointer.of(new Uint8Array(buffer));
  return Deno.UnsafePointer.value(pointer);
}

/** Brings functions into executable memory. */
async function load(Deno: DenoNamespace): Promise<ReadonlyMap<string, bigint>> {
  if (!hasAvx512(Deno)) throw new Error("The processor has no AVX-512");
  // Apart, because only Deno needs it.
  const { writeAvx512 } = await import("./_avx512.ts");
  const { code, starts } = writeAvx512();
  const address = place(Deno, code);
  return new Map(
    Object.entries(starts)
      .map(([name, start]) => [name, address + BigInt(start)]),
  );
}

/** Whether the processor has AVX-512, and the system keeps its registers. */
function hasAvx512(Deno: DenoNamespace): boolean {
  const answer = new Uint32Array(3);
  const { imports: { query }, close } = bindNative({
    names: ["query"],
    addresses: [place(Deno, PROCESSOR_QUERY)],
    memory: addressOf(Deno, answer.buffer),
  });
  (query as (words: number) => void)(0);
  close();
  const [leaf1, leaf7, states] = answer;
  const osxsave = 1 << 27;
  const avx512fAndBmi2 = 1 << 16 | 1 << 8;
  const registers = 0xe6;
  return (leaf1 & osxsave) !== 0 &&
    (leaf7 & avx512fAndBmi2) === avx512fAndBmi2 &&
    (states & registers) === registers;
}

/**
 * A function `(unused, answer)` that stores three words: ECX of CPUID leaf 1,
 * EBX of leaf 7, and XCR0 if there is one (Intel 64 and IA-32 Architectures
 * Software Developer's Manual, volume 2, CPUID and XGETBV).
 */
// deno-fmt-ignore
const PROCESSOR_QUERY = new Uint8Array([
  0x53, // push rbx
  0xb8, 0x01, 0x00, 0x00, 0x00, // mov eax, 1
  0x0f, 0xa2, // cpuid
  0x89, 0x0e, // mov [rsi], ecx
  0xb8, 0x07, 0x00, 0x00, 0x00, // mov eax, 7
  0x31, 0xc9, // xor ecx, ecx
  0x0f, 0xa2, // cpuid
  0x89, 0x5e, 0x04, // mov [rsi+4], ebx
  0xf7, 0x06, 0x00, 0x00, 0x00, 0x08, // test dword [rsi], 1 << 27
  0x74, 0x08, // jz +8
  0x31, 0xc9, // xor ecx, ecx
  0x0f, 0x01, 0xd0, // xgetbv
  0x89, 0x46, 0x08, // mov [rsi+8], eax
  0x31, 0xc0, // xor eax, eax
  0x5b, // pop rbx
  0xc3, // ret
]);

/** Places code in memory that is never written to and executed at once. */
function place(Deno: DenoNamespace, code: Uint8Array): bigint {
  const library = Deno.dlopen(LIBRARY, {
    mmap: {
      parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
      result: "pointer",
    },
    mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  });
  const { symbols } = library;
  const [read, write, execute] = [1, 2, 4];
  const [isPrivate, isAnonymous] = [2, 0x20];
  const length = BigInt(code.length);
  const pointer = symbols.mmap(
    ...[null, length, read | write, isPrivate | isAnonymous, -1, 0n],
  );
  if (Deno.UnsafePointer.value(pointer) === 2n ** 64n - 1n) { // MAP_FAILED
    throw new Error("The system has no memory for code");
  }
  new Uint8Array(
    Deno.UnsafePointerView.getArrayBuffer(pointer, code.length),
  ).set(code);
  if (symbols.mprotect(pointer, length, read | execute) !== 0) {
    throw new Error("The system forbids new code");
  }
  library.close();
  return Deno.UnsafePointer.value(pointer);
}

/**
 * What kernels call. Sent to workers as text: it must not use names of this
 * module.
 *
 * Deno makes fast calls only to functions of libraries, not to addresses.
 * `bsearch` is one that calls what it is given: in an array of one element it
 * compares the key with that element once. So the code is called with the
 * key, words in memory, and the element, which is where memory starts. It takes
 * 7 ns; `Deno.UnsafeFnPointer` takes 870.
 */
export function bindNative(
  { names, addresses, memory }: NativeCode,
): BoundCode {
  if (addresses.length === 0) {
    const nothing = names.map((name) => [name, () => {}]);
    return {
      imports: { isNative: 0, ...Object.fromEntries(nothing) },
      close: () => {},
    };
  }
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const library = Deno.dlopen("libc.so.6", {
    bsearch: {
      parameters: ["u32", "pointer", "usize", "usize", "pointer"],
      result: "void",
    },
  });
  const { symbols: { bsearch } } = library;
  const element = Deno.UnsafePointer.create(memory);
  const functions = names.map((name, index) => {
    const code = Deno.UnsafePointer.create(addresses[index]);
    const call = (words: number) => bsearch(words, element, 1n, 1n, code);
    return [name, call];
  });
  return {
    imports: { isNative: 1, ...Object.fromEntries(functions) },
    close: () => library.close(),
  };
}
