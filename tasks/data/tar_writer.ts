/**
 * Writing tar archives.
 *
 * @module
 */

import { type FileHandle, open } from "node:fs/promises";

const BLOCK = 512;

/** Writes a tar archive (POSIX ustar), one file after the other. */
export class TarWriter implements AsyncDisposable {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Begins an archive; one that is there is written over. */
  static async create(path: string): Promise<TarWriter> {
    return new TarWriter(await open(path, "w"));
  }

  /**
   * Writes files.
   *
   * @param files Contents by name; a name has at most 100 bytes.
   */
  async write(
    files: Iterable<[name: string, content: Uint8Array]>,
  ): Promise<void> {
    const blocks: Uint8Array[] = [];
    for (const [name, content] of files) {
      const padding = -content.length & (BLOCK - 1);
      blocks.push(
        header(name, content.length),
        content,
        new Uint8Array(padding),
      );
    }
    await this.#file.writev(blocks);
  }

  /** Ends the archive. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.writev([new Uint8Array(2 * BLOCK)]);
    await this.#file.close();
  }
}

function header(name: string, size: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK);
  const put = (offset: number, text: string): void =>
    bytes.set(new TextEncoder().encode(text), offset);
  const octal = (number: number, digits: number): string =>
    `${number.toString(8).padStart(digits, "0")}\0`;
  put(0, name);
  put(100, octal(0o644, 7));
  put(124, octal(size, 11));
  put(136, octal(0, 11));
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\x0000");
  put(148, octal(bytes.reduce((sum, byte) => sum + byte, 0), 6));
  return bytes;
}
