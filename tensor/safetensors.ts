/**
 * Tensors in files, in the safetensors format: a JSON header and plain bytes,
 * which every framework reads. See https://huggingface.co/docs/safetensors.
 *
 * Files are checked before anything of theirs is believed: a damaged or
 * hostile one gives a {@linkcode SafetensorsError}.
 *
 * @example There and back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tensor } from "@cram/tensor";
 * import { encodeSafetensors, parseSafetensors } from "@cram/tensor/safetensors";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const bytes = await encodeSafetensors([["w", tensor(device, [[1, 2]])]]);
 * const w = await parseSafetensors(bytes).tensor(device, "w");
 * assertEquals(w.shape, [1, 2]);
 * assertEquals([...await w.data()], [1, 2]);
 * ```
 *
 * @module
 */

import { writeFileAtomically } from "./_atomic_file.ts";
import { tensor as makeTensor } from "./creation.ts";
import type { Device } from "./device.ts";
import { type DType, type HostArray, hostArray } from "./dtype.ts";
import {
  checkDescription,
  formatHeader,
  headerLength,
  parseHeader,
  PREFIX_BYTES,
  quote,
  type SafetensorsDType,
  type SafetensorsEntry,
  SafetensorsError,
} from "./_safetensors_header.ts";
import { sizeOf } from "./shape.ts";
import { storageOf, Tensor } from "./tensor.ts";

export {
  type SafetensorsDType,
  type SafetensorsEntry,
  SafetensorsError,
} from "./_safetensors_header.ts";

/** A tensor as its bytes: row-major and little-endian. Types that tensors do not have can be read and written like this. */
export interface SafetensorsData {
  /** The value type, by the format's name. */
  readonly dtype: SafetensorsDType;
  /** The sizes of the axes. */
  readonly shape: readonly number[];
  /** The elements. */
  readonly bytes: Uint8Array;
}

/** Options of {@linkcode encodeSafetensors} and {@linkcode writeSafetensors}. */
export interface SafetensorsOptions {
  /** Texts to keep with the tensors. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The tensors to write, by name: a `Map`, or `Object.entries` of an object. */
export type SafetensorsTensors = Iterable<
  readonly [name: string, tensor: Tensor | SafetensorsData]
>;

const FORMAT_DTYPES: Readonly<Record<DType, SafetensorsDType>> = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  uint32: "U32",
  bool: "BOOL",
  uint8: "U8",
  float16: "F16",
  bfloat16: "BF16",
};

const DTYPES: ReadonlyMap<SafetensorsDType, DType> = new Map(
  Object.entries(FORMAT_DTYPES).map(([dtype, code]) => [code, dtype as DType]),
);

/** Where the bytes of a file come from. */
export interface SafetensorsSource {
  /** What messages call it. */
  readonly name: string;
  /** Reads a range of bytes, which lies within the file. */
  read(byteOffset: number, byteLength: number): Promise<Uint8Array>;
  /** Says that nothing more will be read. */
  close(): Promise<void>;
}

/**
 * An opened safetensors file. The header is checked and in memory; tensors are
 * read when they are asked for, one at a time.
 */
export class Safetensors implements AsyncDisposable {
  /** The tensors by name, in the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** The texts that were kept with the tensors. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly #source: SafetensorsSource;

  /**
   * Made by {@linkcode openSafetensors} and {@linkcode parseSafetensors}.
   *
   * @param source Where the bytes come from.
   * @param entries The tensors by name.
   * @param metadata The texts.
   */
  constructor(
    source: SafetensorsSource,
    entries: ReadonlyMap<string, SafetensorsEntry>,
    metadata: ReadonlyMap<string, string>,
  ) {
    this.#source = source;
    this.entries = entries;
    this.metadata = metadata;
  }

  /**
   * Reads a tensor of any type.
   *
   * @param name Its name.
   * @returns Type, shape and a copy of the bytes.
   * @throws {SafetensorsError} If there is none of that name, or the file got shorter.
   */
  async read(name: string): Promise<SafetensorsData> {
    const { dtype, shape, byteOffset, byteLength } = this.#entry(name);
    const bytes = await this.#source.read(byteOffset, byteLength);
    return { dtype, shape, bytes };
  }

  /**
   * Reads a tensor to a device.
   *
   * @param device Where it shall live.
   * @param name Its name.
   * @returns The tensor, with the shape and type that it has in the file; it belongs to the scope that is open when it was read.
   * @throws {SafetensorsError} If there is none of that name, if its type is one that tensors do not have (such as I64), or the file got shorter.
   * @throws {DTypeError} If the device does not have its type.
   * @throws {ShapeError} If it has more axes than tensors may have.
   */
  async tensor(device: Device, name: string): Promise<Tensor> {
    const entry = this.#entry(name);
    const dtype = DTYPES.get(entry.dtype);
    if (dtype === undefined) {
      throw new SafetensorsError(
        `Cannot make a tensor of ${
          quote(name)
        } of ${this.#source.name}: its dtype ${entry.dtype} is none of ${
          [...DTYPES.keys()].join(", ")
        }; read() gives its bytes`,
      );
    }
    const { bytes } = await this.read(name);
    const values: HostArray = hostArray(dtype, sizeOf(entry.shape));
    new Uint8Array(values.buffer).set(bytes);
    return makeTensor(device, values, { dtype, shape: entry.shape });
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#source.close();
  }

  /** The same as {@linkcode Safetensors.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #entry(name: string): SafetensorsEntry {
    const entry = this.entries.get(name);
    if (entry === undefined) {
      throw new SafetensorsError(
        `Cannot read tensor ${
          quote(name)
        } of ${this.#source.name}: it is none of the ${this.entries.size} there`,
      );
    }
    return entry;
  }
}

/**
 * Reads the header of a safetensors file in memory.
 *
 * @param bytes The whole file; it must stay as it is while tensors are read.
 * @returns The file.
 * @throws {SafetensorsError} If it is not a safetensors file.
 *
 * @example A file that is cut off
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { parseSafetensors, SafetensorsError } from "@cram/tensor/safetensors";
 *
 * assertThrows(() => parseSafetensors(new Uint8Array(7)), SafetensorsError, "7 bytes");
 * ```
 */
export function parseSafetensors(bytes: Uint8Array): Safetensors {
  const name = "the given bytes";
  const length = headerLength(name, bytes, bytes.length);
  const json = bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
  const { entries, metadata } = parseHeader(name, json, bytes.length);
  const source: SafetensorsSource = {
    name,
    read: (byteOffset, byteLength) =>
      Promise.resolve(bytes.slice(byteOffset, byteOffset + byteLength)),
    close: () => Promise.resolve(),
  };
  return new Safetensors(source, entries, metadata);
}

/**
 * Opens a safetensors file and reads its header, and nothing else yet.
 *
 * @param path Where it is.
 * @returns The file, for `await using`.
 * @throws {SafetensorsError} If it cannot be opened, with the platform's error as its cause, or is not a safetensors file.
 *
 * @example What PyTorch counted, which is an I64
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openSafetensors, writeSafetensors } from "@cram/tensor/safetensors";
 *
 * const path = await Deno.makeTempFile();
 * const bytes = new Uint8Array(BigInt64Array.of(3n).buffer);
 * await writeSafetensors(path, [["batches", { dtype: "I64", shape: [], bytes }]]);
 * await using file = await openSafetensors(path);
 * for (const [name, { dtype }] of file.entries) {
 *   if (dtype === "I64") assertEquals((await file.read(name)).bytes, bytes);
 * }
 * await Deno.remove(path);
 * ```
 */
export async function openSafetensors(path: string): Promise<Safetensors> {
  const { open } = await import("node:fs/promises");
  const name = quote(path);
  const file = await open(path).catch((cause) => {
    throw new SafetensorsError(
      `Cannot read ${name}: ${
        cause.code === "ENOENT" ? "no such file" : cause.message
      }`,
      { cause },
    );
  });
  const source: SafetensorsSource = {
    name,
    async read(byteOffset, byteLength) {
      const bytes = new Uint8Array(byteLength);
      let done = 0;
      while (done < byteLength) {
        const { bytesRead } = await file.read(
          bytes,
          done,
          Math.min(byteLength - done, MAX_READ_BYTES),
          byteOffset + done,
        );
        if (bytesRead === 0) {
          throw new SafetensorsError(
            `Cannot read ${name}: it ends at byte ${
              byteOffset + done
            }, before its tensors do`,
          );
        }
        done += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
  try {
    const { size } = await file.stat();
    const prefix = await source.read(0, Math.min(size, PREFIX_BYTES));
    const length = headerLength(name, prefix, size);
    const json = await source.read(PREFIX_BYTES, length);
    const { entries, metadata } = parseHeader(name, json, size);
    return new Safetensors(source, entries, metadata);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Platforms read at most 2 GiB at a time. */
const MAX_READ_BYTES = 2 ** 30;

/**
 * Writes tensors to a safetensors file in memory.
 *
 * @param tensors Tensors, or bytes, by name.
 * @param options Metadata.
 * @returns The bytes of the file.
 * @throws {SafetensorsError} If a name occurs twice or is `__metadata__`, or bytes do not fit their shape.
 * @throws {DisposedError} If a tensor was disposed of.
 *
 * @example With a text
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeSafetensors, parseSafetensors } from "@cram/tensor/safetensors";
 *
 * const bytes = await encodeSafetensors([], { metadata: { step: "7" } });
 * assertEquals(parseSafetensors(bytes).metadata.get("step"), "7");
 * ```
 */
export async function encodeSafetensors(
  tensors: SafetensorsTensors,
  options: SafetensorsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encode(tensors, options)) chunks.push(chunk);
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/**
 * Writes tensors to a safetensors file. The file appears, or takes the place
 * of the one before, when it is complete and on the disk; if anything fails,
 * nothing is left behind. Tensors are read from their devices one by one, and
 * must stay as they are until the end.
 *
 * @param path Where the file shall be; its directory must exist.
 * @param tensors Tensors, or bytes, by name.
 * @param options Metadata.
 * @throws {Error} If the file cannot be written: the platform's error, with its `code` and path.
 * @throws {SafetensorsError} If a name occurs twice or is `__metadata__`, or bytes do not fit their shape.
 * @throws {DisposedError} If a tensor was disposed of.
 *
 * @example A checkpoint
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, tensor } from "@cram/tensor";
 * import { openSafetensors, writeSafetensors } from "@cram/tensor/safetensors";
 *
 * await using device = await openDevice("reference");
 * using scope = device.scope();
 * const path = await Deno.makeTempFile();
 * await writeSafetensors(path, Object.entries({ w: tensor(device, [1, 2]) }));
 * await using file = await openSafetensors(path);
 * assertEquals([...await (await file.tensor(device, "w")).data()], [1, 2]);
 * await Deno.remove(path);
 * ```
 */
export async function writeSafetensors(
  path: string,
  tensors: SafetensorsTensors,
  options: SafetensorsOptions = {},
): Promise<void> {
  await writeFileAtomically(path, encode(tensors, options));
}

type Checked = ReadonlyMap<string, SafetensorsData | TensorToWrite>;

interface TensorToWrite {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly tensor: Tensor;
}

function checked(tensors: SafetensorsTensors): Checked {
  const result = new Map<string, SafetensorsData | TensorToWrite>();
  for (const [name, value] of tensors) {
    if (result.has(name)) {
      throw new SafetensorsError(
        `Cannot write tensor ${quote(name)}: the name occurs twice`,
      );
    }
    if (value instanceof Tensor) {
      storageOf(value);
      const dtype = FORMAT_DTYPES[value.dtype];
      const described = { dtype, shape: value.shape, tensor: value };
      checkDescription(name, described);
      result.set(name, described);
    } else {
      checkDescription(name, value, value.bytes.length);
      result.set(name, value);
    }
  }
  return result;
}

/** Checks everything at once, and gives the parts of the file one by one. */
function encode(
  tensors: SafetensorsTensors,
  { metadata = {} }: SafetensorsOptions,
): AsyncIterable<Uint8Array> {
  const values = checked(tensors);
  const { order, bytes } = formatHeader(values, metadata);
  return (async function* () {
    yield bytes;
    for (const name of order) {
      const value = values.get(name)!;
      yield "bytes" in value ? value.bytes : bytesOf(await value.tensor.data());
    }
  })();
}

function bytesOf(array: HostArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
