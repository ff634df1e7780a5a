/**
 * Decoded images, kept for later epochs and runs.
 *
 * @module
 */

import { appendFileSync, createReadStream, statfsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { OutputError } from "../errors.ts";
import type { StoredImage } from "./_decoded_shards.ts";
import { evaluationSide, type Transform } from "./augment.ts";
import type { ImageFile } from "./dataset.ts";

export type { StoredImage } from "./_decoded_shards.ts";

/** A decoded image, and the file that it was made of. */
export interface CacheEntry extends StoredImage {
  /** The length of the file, in bytes. */
  readonly sourceSize: number;
  /** When the file was changed, in milliseconds. */
  readonly sourceModified: number;
}

/** To be changed whenever other pixels come out of the same file. */
const VERSION = 1;

/** Bytes that are left to checkpoints and to others. */
const RESERVE = 2 ** 30;
/** After how many new bytes it is looked whether these are left. */
const CHECK_EVERY = 2 ** 26;

/**
 * Keeps decoded images in a folder. Images whose shorter side is longer than
 * that of evaluation (256 pixels for inputs of 224) are stored resized to it,
 * so that random-resized crops are taken from these smaller images; it makes
 * no difference to evaluation, to CIFAR's images, or whether an image was
 * stored already or is decoded for the first time.
 *
 * An image that a file changed under is decoded anew. Several processes may
 * use a folder at once, and be killed at any moment: each appends to files of
 * its own, and what is no complete entry is passed over. If nothing more can
 * be stored, or less than 1 GiB of the disk is free, the cache goes on with
 * what is there. It is emptied by removing the folder.
 *
 * @example Photographs that are decoded in the first epoch only
 * ```ts ignore
 * import { DecodedCache, ImageLoader, openImages } from "@cram/tasks";
 *
 * const transform = { recipe: "imagenet", size: 224, augment: true } as const;
 * using loader = new ImageLoader(await openImages("photos", "train"), {
 *   batchSize: 32,
 *   transform,
 *   seed: 1n,
 *   shuffle: true,
 *   workers: 2,
 *   maxBad: 0,
 *   cache: await DecodedCache.open("decoded", transform),
 * });
 * ```
 */
export class DecodedCache {
  /** The folder of the images of this size. */
  readonly folder: string;
  /** The longest that the shorter side of an image may be, in pixels. */
  readonly side: number;
  readonly #entries = new Map<string, CacheEntry>();
  readonly #index: string;
  readonly #onOff: ((reason: string) => void) | undefined;
  #stores = true;
  #unchecked = CHECK_EVERY;

  private constructor(
    folder: string,
    side: number,
    onOff?: (reason: string) => void,
  ) {
    this.folder = folder;
    this.side = side;
    // Sorted by name, later indexes come last.
    this.#index = join(folder, `${Date.now()}-${crypto.randomUUID()}.jsonl`);
    this.#onOff = onOff;
  }

  /**
   * Opens a folder of decoded images, or makes one.
   *
   * @param folder The folder; one in it is used for each size of images.
   * @param transform What will be done to images.
   * @param onOff Told, once, why no more images are stored.
   * @returns The cache.
   * @throws {OutputError} If the folder cannot be made or read.
   */
  static async open(
    folder: string,
    transform: Transform,
    onOff?: (reason: string) => void,
  ): Promise<DecodedCache> {
    const side = evaluationSide(transform);
    const path = resolve(folder, `v${VERSION}-${side}`);
    const cache = new DecodedCache(path, side, onOff);
    try {
      await mkdir(path, { recursive: true });
      for (const name of (await readdir(path)).sort()) {
        if (name.endsWith(".jsonl")) await cache.#readIndex(join(path, name));
      }
    } catch (error) {
      throw new OutputError(
        `Cannot keep decoded images in "${folder}": ${messageOf(error)}`,
      );
    }
    return cache;
  }

  /** How many images are stored. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whether images are stored that are not there yet. */
  get stores(): boolean {
    return this.#stores;
  }

  /**
   * Finds an image.
   *
   * @param file Where the image file lies.
   * @returns What was stored of it, perhaps before it was changed.
   */
  find(file: Pick<ImageFile, "path" | "offset">): CacheEntry | undefined {
    return this.#entries.get(keyOf(file));
  }

  /**
   * Enters images whose pixels are stored.
   *
   * @param images The files, and what was stored of them.
   */
  add(
    images: readonly {
      readonly file: Pick<ImageFile, "path" | "offset">;
      readonly entry: CacheEntry;
    }[],
  ): void {
    let lines = "";
    for (const { file, entry } of images) {
      const key = keyOf(file);
      this.#entries.set(key, entry);
      lines += JSON.stringify({ key, ...entry }) + "\n";
      this.#unchecked += entry.width * entry.height * 3;
    }
    if (lines === "" || !this.#stores) return;
    try {
      appendFileSync(this.#index, lines);
    } catch (error) {
      return this.turnOff(messageOf(error));
    }
    if (this.#unchecked < CHECK_EVERY) return;
    this.#unchecked = 0;
    const free = freeBytes(this.folder);
    if (free !== undefined && free < RESERVE) {
      this.turnOff("less than 1 GiB of the disk is free");
    }
  }

  /**
   * Stores no more images.
   *
   * @param reason Why.
   */
  turnOff(reason: string): void {
    if (!this.#stores) return;
    this.#stores = false;
    this.#onOff?.(reason);
  }

  async #readIndex(path: string): Promise<void> {
    const lines = createInterface({ input: createReadStream(path) });
    for await (const line of lines) {
      const entry = parseEntry(line);
      if (entry !== undefined) this.#entries.set(entry.key, entry);
    }
  }
}

function keyOf({ path, offset }: Pick<ImageFile, "path" | "offset">): string {
  return `${resolve(path)}:${offset}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A line of an index; `undefined` if the process was killed within. */
function parseEntry(
  line: string,
): CacheEntry & { readonly key: string } | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** `undefined` where one may not ask. */
function freeBytes(folder: string): number | undefined {
  try {
    const permission = { name: "sys", kind: "statfs" } as const;
    if (Deno.permissions.querySync(permission).state !== "granted") {
      return undefined;
    }
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
