/**
 * Decoded images in files, as the workers read and write them: pixels behind
 * pixels, of which an index says where they lie. Each worker writes to a file
 * of its own, so that neither workers nor processes come in each other's way.
 */

import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Pixels } from "./resize.ts";

/** Where a decoded image lies. */
export interface StoredImage {
  /** The name of the file. */
  readonly shard: string;
  /** Where it begins, in bytes. */
  readonly position: number;
  /** The number of columns. */
  readonly width: number;
  /** The number of rows. */
  readonly height: number;
  /** The CRC-32 of its pixels. */
  readonly checksum: number;
}

/** The files of a folder. */
export class DecodedShards {
  readonly #folder: string;
  readonly #open = new Map<string, Promise<FileHandle>>();
  #own: { readonly name: string; length: number } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Reads an image; `undefined` if it is not there any more, or damaged. */
  async read(image: StoredImage): Promise<Pixels | undefined> {
    const { shard, position, width, height, checksum } = image;
    try {
      const file = await this.#file(shard, "r");
      const data = new Uint8Array(width * height * 3);
      const { bytesRead } = await file.read(data, 0, data.length, position);
      const isWhole = bytesRead === data.length && crc32(data) === checksum;
      return isWhole ? { width, height, data } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Appends an image. Only when that is done may an index name it. */
  async write({ width, height, data }: Pixels): Promise<StoredImage> {
    this.#own ??= { name: `${crypto.randomUUID()}.rgb`, length: 0 };
    const { name, length: position } = this.#own;
    this.#own.length += data.length;
    const file = await this.#file(name, "wx+");
    for (let done = 0; done < data.length;) {
      const { bytesWritten } = await file.write(
        data,
        done,
        data.length - done,
        position + done,
      );
      done += bytesWritten;
    }
    return { shard: name, position, width, height, checksum: crc32(data) };
  }

  #file(name: string, flags: string): Promise<FileHandle> {
    let file = this.#open.get(name);
    if (file === undefined) {
      file = open(join(this.#folder, name), flags);
      this.#open.set(name, file);
    }
    return file;
  }
}
