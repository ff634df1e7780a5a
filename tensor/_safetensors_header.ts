/**
 * The header of safetensors files: eight bytes of length, JSON, data.
 *
 * Files come from strangers: nothing here trusts them, and nothing is
 * allocated by what they say before it was compared with their size.
 *
 * https://huggingface.co/docs/safetensors
 */

import { formatShape } from "./shape.ts";

/** A safetensors file that is none, or a tensor that it does not have. */
export class SafetensorsError extends Error {
  /** The name of this error. */
  override readonly name: string = "SafetensorsError";
}

/** The value types of the format, by its own names. */
export type SafetensorsDType =
  | "BOOL"
  | "U8"
  | "I8"
  | "F8_E4M3"
  | "F8_E5M2"
  | "U16"
  | "I16"
  | "F16"
  | "BF16"
  | "U32"
  | "I32"
  | "F32"
  | "U64"
  | "I64"
  | "F64";

const BYTE_SIZES: Readonly<Record<SafetensorsDType, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

/** What a file says of one tensor. */
export interface SafetensorsEntry {
  /** The value type. */
  readonly dtype: SafetensorsDType;
  /** The sizes of the axes. */
  readonly shape: readonly number[];
  /** Where the tensor begins, in bytes from the start of the file. */
  readonly byteOffset: number;
  /** How many bytes it takes. */
  readonly byteLength: number;
}

/** What a file says of itself. */
export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
}

/** The bytes of the length of the JSON. */
export const PREFIX_BYTES = 8;

/** The limit that the format's own implementation has. */
const MAX_HEADER_BYTES = 100_000_000;

const METADATA = "__metadata__";

/**
 * The length of the JSON, from the first bytes of a file.
 *
 * @throws {SafetensorsError} If it cannot be.
 */
export function headerLength(
  file: string,
  prefix: Uint8Array,
  fileBytes: number,
): number {
  if (fileBytes < PREFIX_BYTES) {
    throw new SafetensorsError(
      `Cannot read ${file}: it has ${fileBytes} bytes, a safetensors file at least ${PREFIX_BYTES}`,
    );
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES);
  const length = view.getBigUint64(0, true);
  const room = fileBytes - PREFIX_BYTES;
  if (length > MAX_HEADER_BYTES || length > room) {
    throw new SafetensorsError(
      `Cannot read ${file}: its header would have ${length} bytes, there are ${room}, and ${MAX_HEADER_BYTES} are allowed`,
    );
  }
  return Number(length);
}

/**
 * Reads the JSON and checks all that it says.
 *
 * @throws {SafetensorsError} If the file is none that the format allows.
 */
export function parseHeader(
  file: string,
  json: Uint8Array,
  fileBytes: number,
): SafetensorsHeader {
  const dataStart = PREFIX_BYTES + json.length;
  const dataBytes = fileBytes - dataStart;
  const header = parseJson(file, json);
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) {
      metadata = parseMetadata(file, value);
    } else {
      entries.set(name, parseEntry(file, name, value, dataStart, dataBytes));
    }
  }
  checkLayout(file, entries, dataStart, dataBytes);
  return { metadata, entries };
}

function parseJson(
  file: string,
  bytes: Uint8Array,
): Readonly<Record<string, unknown>> {
  const problem = (text: string, options?: ErrorOptions): SafetensorsError =>
    new SafetensorsError(
      `Cannot read ${file}: its header of ${bytes.length} bytes ${text}`,
      options,
    );
  if (bytes[0] !== 0x7b) throw problem('does not begin with "{"');
  let fault: string | undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    fault = faultOf(text);
    if (fault === undefined) return JSON.parse(text);
  } catch (cause) {
    throw problem("is not JSON", { cause });
  }
  throw problem(fault);
}

/** A header has an object of objects of arrays. */
const MAX_DEPTH = 3;

/** What JSON.parse would let pass: a key that an object has twice, of which it keeps one, and depths that cost memory. */
function faultOf(text: string): string | undefined {
  const open: Set<string>[] = [];
  const colon = /\s*:/y;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case "{":
      case "[":
        if (open.length === MAX_DEPTH) {
          return `is nested more than ${MAX_DEPTH} deep`;
        }
        open.push(new Set());
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const begin = i;
        for (i++; i < text.length && text[i] !== '"'; i++) {
          if (text[i] === "\\") i++;
        }
        colon.lastIndex = i + 1;
        if (!colon.test(text)) break;
        const key: string = JSON.parse(text.slice(begin, i + 1));
        const keys = open.at(-1);
        if (keys?.has(key)) return `has ${quote(key)} twice`;
        keys?.add(key);
        break;
      }
    }
  }
  return undefined;
}

function parseMetadata(
  file: string,
  value: unknown,
): ReadonlyMap<string, string> {
  if (
    !isRecord(value) ||
    !Object.values(value).every((text) => typeof text === "string")
  ) {
    throw new SafetensorsError(
      `Cannot read ${file}: its metadata are not an object of strings`,
    );
  }
  return new Map(Object.entries(value as Record<string, string>));
}

function parseEntry(
  file: string,
  name: string,
  value: unknown,
  dataStart: number,
  dataBytes: number,
): SafetensorsEntry {
  const problem = (text: string): SafetensorsError =>
    new SafetensorsError(`Cannot read ${file}: tensor ${quote(name)} ${text}`);
  if (!isRecord(value)) throw problem("is not described by an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTE_SIZES, dtype)) {
    throw problem(
      `has dtype ${quote(dtype)}: expected one of ${
        Object.keys(BYTE_SIZES).join(", ")
      }`,
    );
  }
  if (!isSizes(shape)) {
    throw problem(`has shape ${quote(shape)}: expected sizes of at least 0`);
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw problem(`has data_offsets ${quote(offsets)}: expected two offsets`);
  }
  const [begin, end] = offsets;
  if (begin > end || end > dataBytes) {
    throw problem(
      `has data_offsets ${
        quote(offsets)
      }: expected them in ascending order within the ${dataBytes} bytes of data`,
    );
  }
  const byteLength = byteLengthOf(dtype as SafetensorsDType, shape);
  if (byteLength !== end - begin) {
    throw problem(
      `has ${end - begin} bytes of data: ${dtype} of shape ${
        formatShape(shape)
      } needs ${byteLength}`,
    );
  }
  return {
    dtype: dtype as SafetensorsDType,
    shape: Object.freeze([...shape]),
    byteOffset: dataStart + begin,
    byteLength,
  };
}

/** Checks that the tensors fill the data without overlaps and holes. */
function checkLayout(
  file: string,
  entries: ReadonlyMap<string, SafetensorsEntry>,
  dataStart: number,
  dataBytes: number,
): void {
  const sorted = [...entries].sort(([, a], [, b]) =>
    a.byteOffset - b.byteOffset || a.byteLength - b.byteLength
  );
  let end = dataStart;
  for (const [name, { byteOffset, byteLength }] of sorted) {
    if (byteOffset !== end) {
      throw new SafetensorsError(
        `Cannot read ${file}: tensor ${quote(name)} begins at byte ${
          byteOffset - dataStart
        } of the data, ${
          byteOffset < end ? "inside of another" : "behind a hole"
        }: the one before ends at ${end - dataStart}`,
      );
    }
    end += byteLength;
  }
  if (end !== dataStart + dataBytes) {
    throw new SafetensorsError(
      `Cannot read ${file}: it has ${dataBytes} bytes of data, its tensors take ${
        end - dataStart
      }`,
    );
  }
}

/** The bytes of a tensor; not a safe integer if there are too many. */
export function byteLengthOf(
  dtype: SafetensorsDType,
  shape: readonly number[],
): number {
  return shape.reduce((size, length) => size * length, BYTE_SIZES[dtype]);
}

/** A tensor that is to be written. */
interface Described {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
}

/**
 * Lays tensors out: wide elements first, so that all are aligned.
 *
 * @returns The names in the order of their data, and the bytes before it.
 */
export function formatHeader(
  tensors: ReadonlyMap<string, Described>,
  metadata: Readonly<Record<string, string>>,
): { order: string[]; bytes: Uint8Array } {
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== "string") {
      throw new SafetensorsError(
        `Cannot write metadata ${quote(key)}: ${quote(text)} is not a string`,
      );
    }
  }
  const sorted = [...tensors].sort(([, a], [, b]) =>
    BYTE_SIZES[b.dtype] - BYTE_SIZES[a.dtype]
  );
  const fields: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) fields.push([METADATA, metadata]);
  let end = 0;
  for (const [name, { dtype, shape }] of sorted) {
    const begin = end;
    end += byteLengthOf(dtype, shape);
    fields.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  const json = new TextEncoder().encode(
    `{${
      fields.map(([name, value]) =>
        `${JSON.stringify(name)}:${JSON.stringify(value)}`
      ).join()
    }}`,
  );
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX_BYTES + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, PREFIX_BYTES);
  return { order: sorted.map(([name]) => name), bytes };
}

/**
 * Checks what is to be written, before anything is.
 *
 * @throws {SafetensorsError} If a name is taken or a number of bytes does not fit.
 */
export function checkDescription(
  name: string,
  { dtype, shape }: Described,
  byteLength = byteLengthOf(dtype, shape),
): void {
  const problem = (text: string): SafetensorsError =>
    new SafetensorsError(`Cannot write tensor ${quote(name)}: ${text}`);
  if (name === METADATA) throw problem("the name is taken by the format");
  if (!Object.hasOwn(BYTE_SIZES, dtype)) {
    throw problem(`the format has no dtype ${quote(dtype)}`);
  }
  if (!isSizes(shape) || byteLengthOf(dtype, shape) !== byteLength) {
    throw problem(
      `${dtype} of shape ${
        formatShape(shape)
      } does not have ${byteLength} bytes`,
    );
  }
}

/** A value of a stranger's for a message: quoted, and not too long. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) &&
    value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
