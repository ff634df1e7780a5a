/**
 * Tar archives: where their files lie. Reads POSIX ustar with pax headers,
 * and GNU tar with long names and sizes in binary.
 *
 * @module
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { TarError } from "../errors.ts";
import { printable } from "./printable.ts";

/** A file in a tar archive. */
export interface TarEntry {
  /** Its path in the archive. */
  readonly name: string;
  /** Where its content begins, in bytes from the start of the archive. */
  readonly offset: number;
  /** The length of its content in bytes. */
  readonly size: number;
  /** Reads its content; only until the next entry is asked for. */
  readonly read: () => Uint8Array;
}

const BLOCK = 512;
/** Small files are read many at once, large ones are stepped over. */
const LARGE_READ = 64 * 1024;
const SMALL_READ = 2 * BLOCK;
/** The most bytes that a pax header or a long name may have. */
const MAX_HEADER = 1024 * 1024;

/**
 * Lists the files of a tar archive in their order, without reading what is in
 * them.
 *
 * @param path The archive.
 * @returns One entry for each ordinary file.
 * @throws {TarError} If the archive is cut off or a header is broken.
 */
export function* readTar(path: string): Generator<TarEntry, void, void> {
  const file = openSync(path, "r");
  try {
    yield* entriesOf(new Window(path, file));
  } finally {
    closeSync(file);
  }
}

/** A file seen through a buffer that moves along with the reader. */
class Window {
  readonly path: string;
  readonly size: number;
  /** How many bytes to read ahead. */
  ahead = LARGE_READ;
  readonly #file: number;
  #bytes = new Uint8Array(0);
  #start = 0;

  constructor(path: string, file: number) {
    this.path = path;
    this.#file = file;
    this.size = fstatSync(file).size;
  }

  /** Bytes of the file, which must not be kept. */
  read(offset: number, length: number): Uint8Array {
    if (offset + length > this.size) {
      throw new TarError(
        `Cannot read tar archive "${this.path}": it is cut off, bytes ${offset} to ${
          offset + length
        } are wanted of ${this.size}`,
      );
    }
    const from = offset - this.#start;
    if (from < 0 || from + length > this.#bytes.length) {
      const wanted = Math.min(
        Math.max(length, this.ahead),
        this.size - offset,
      );
      const bytes = new Uint8Array(wanted);
      for (let done = 0; done < wanted;) {
        const count = readSync(
          this.#file,
          bytes,
          done,
          wanted - done,
          offset + done,
        );
        if (count === 0) {
          throw new TarError(
            `Cannot read tar archive "${this.path}": it became shorter while it was read`,
          );
        }
        done += count;
      }
      this.#bytes = bytes;
      this.#start = offset;
      return bytes.subarray(0, length);
    }
    return this.#bytes.subarray(from, from + length);
  }
}

/** What extended headers say of the file after them. */
interface Extension {
  name?: string;
  size?: number;
}

function* entriesOf(window: Window): Generator<TarEntry, void, void> {
  let extension: Extension = {};
  for (let position = 0; position < window.size;) {
    const header = window.read(position, BLOCK);
    if (header.every((byte) => byte === 0)) return;
    checkChecksum(window, position, header);
    const type = String.fromCharCode(header[156]);
    const isExtension = "xgLK".includes(type);
    const size = (isExtension ? undefined : extension.size) ??
      parseNumber(window, position, header.subarray(124, 136));
    const offset = position + BLOCK;
    if (offset + size > window.size) {
      throw new TarError(
        `Cannot read tar archive "${window.path}": it is cut off, the entry at byte ${position} has ${size} bytes, and ${
          window.size - offset
        } are left`,
      );
    }
    position = offset + Math.ceil(size / BLOCK) * BLOCK;
    if (isExtension) {
      if (size > MAX_HEADER) {
        throw new TarError(
          `Cannot read tar archive "${window.path}": the extended header at byte ${
            offset - BLOCK
          } has ${size} bytes, at most ${MAX_HEADER} are expected`,
        );
      }
      const content = window.read(offset, size);
      if (type === "L") extension.name = textOf(content);
      if (type === "x") {
        Object.assign(extension, parsePax(window, offset, content));
      }
      continue;
    }
    const name = extension.name ?? nameOf(header);
    extension = {};
    // Links, folders and devices are no data; "7" is a file by POSIX.
    if (!["0", "\0", "7"].includes(type) || name.endsWith("/")) continue;
    window.ahead = size > LARGE_READ / 4 ? SMALL_READ : LARGE_READ;
    yield { name, offset, size, read: () => window.read(offset, size) };
  }
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function nameOf(header: Uint8Array): string {
  const name = textOf(header.subarray(0, 100));
  // GNU tar ends the magic with a space, and has other fields where POSIX has the prefix.
  const isPosix = textOf(header.subarray(257, 263)) === "ustar";
  const prefix = isPosix ? textOf(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A number in octal digits, or, with the first bit set, in binary. */
function parseNumber(
  window: Window,
  position: number,
  field: Uint8Array,
): number {
  let value = NaN;
  if (field[0] === 0x80) {
    value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  } else {
    const text = textOf(field).trim();
    if (/^[0-7]*$/.test(text)) value = parseInt(text || "0", 8);
  }
  if (!Number.isSafeInteger(value)) {
    throw new TarError(
      `Cannot read tar archive "${window.path}": the header at byte ${position} has no valid size`,
    );
  }
  return value;
}

function checkChecksum(
  window: Window,
  position: number,
  header: Uint8Array,
): void {
  const text = textOf(header.subarray(148, 156)).trim();
  const expected = /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
  let actual = 0;
  // The checksum itself counts as eight spaces.
  for (let i = 0; i < BLOCK; i++) {
    actual += i >= 148 && i < 156 ? 0x20 : header[i];
  }
  if (actual !== expected) {
    throw new TarError(
      `Cannot read tar archive "${window.path}": the header at byte ${position} is broken, its checksum is ${actual} where "${
        printable(text)
      }" is written`,
    );
  }
}

/** Records of the form `LENGTH KEY=VALUE\n`, where the length counts itself. */
function parsePax(
  window: Window,
  offset: number,
  content: Uint8Array,
): Extension {
  const result: Extension = {};
  for (let start = 0; start < content.length && content[start] !== 0;) {
    const space = content.indexOf(0x20, start);
    const length = Number(
      space < 0
        ? NaN
        : new TextDecoder().decode(content.subarray(start, space)),
    );
    const record = new TextDecoder().decode(
      content.subarray(space + 1, start + length - 1),
    );
    const separator = record.indexOf("=");
    if (
      !Number.isInteger(length) || start + length > content.length ||
      length <= space - start || separator < 0
    ) {
      throw new TarError(
        `Cannot read tar archive "${window.path}": the extended header at byte ${offset} has a broken record`,
      );
    }
    const value = record.slice(separator + 1);
    if (record.startsWith("path=")) result.name = value;
    if (record.startsWith("size=")) {
      result.size = Number(value);
      if (!Number.isSafeInteger(result.size) || result.size < 0) {
        throw new TarError(
          `Cannot read tar archive "${window.path}": the extended header at byte ${offset} gives the size "${
            printable(value)
          }"`,
        );
      }
    }
    start += length;
  }
  return result;
}
