/**
 * CIFAR-10 (Krizhevsky, "Learning Multiple Layers of Features from Tiny
 * Images", 2009).
 *
 * @module
 */

import { exists } from "@std/fs";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { DataError, NetworkError } from "../errors.ts";
import { cacheFolder, makeOnce } from "./cache.ts";
import type { ImageDataset, ImageFile, Split } from "./dataset.ts";
import {
  checkFile,
  download,
  type DownloadOptions,
  type RemoteFile,
} from "./download.ts";
import { readTar, type TarEntry } from "./tar.ts";

/** What {@linkcode openCifar10} can be told. */
export interface Cifar10Options extends DownloadOptions {
  /** The folder where the data set is kept; default: {@linkcode cacheFolder}. */
  readonly cache?: string;
}

/** The official archive of the binary version. */
const ARCHIVE: RemoteFile = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
};

/** A record: the label in one byte, then 32×32 pixels, first all red, then all green, then all blue. */
const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;

/**
 * Opens CIFAR-10: 50,000 images to train on and 10,000 to validate on, of 32×32
 * pixels and ten classes. The official archive (170 MB) is downloaded when it
 * is first asked for, and its hash is checked.
 *
 * @param split Which part.
 * @param options Where it is kept, progress and interruption.
 * @param archive Where it is downloaded from.
 * @returns The images.
 * @throws {NetworkError} If it has to be downloaded, and cannot be.
 * @throws {DataError} If the archive is another.
 *
 * @example
 * ```ts ignore
 * import { openCifar10 } from "@cram/tasks";
 *
 * const { classes, files } = await openCifar10("train", {
 *   onProgress: console.log,
 * });
 * console.log(classes, files.length);
 * ```
 */
export async function openCifar10(
  split: Split,
  options: Cifar10Options = {},
  archive: RemoteFile = ARCHIVE,
): Promise<ImageDataset> {
  const cache = options.cache ?? cacheFolder();
  const path = join(cache, "cifar-10-binary.tar");
  await makeOnce(path, async (temporary) => {
    const placed = `${path}.gz`;
    if (await exists(placed)) {
      await checkFile(placed, archive.sha256);
      await unpack(placed, temporary, options);
      return;
    }
    const packed = `${temporary}.gz`;
    try {
      await download(archive, packed, options);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      throw new NetworkError(
        `${error.message}; if the file is at hand, put it to "${placed}"; a folder named cifar10 is --data ./cifar10`,
        { cause: error.cause },
      );
    }
    await unpack(packed, temporary, options);
  });
  return listRecords(path, split);
}

async function unpack(
  packed: string,
  path: string,
  { onProgress, signal }: DownloadOptions,
): Promise<void> {
  onProgress?.(`Unpacking ${packed}`);
  await pipeline(
    createReadStream(packed),
    createGunzip(),
    createWriteStream(path),
    { signal },
  );
}

function listRecords(path: string, split: Split): ImageDataset {
  const batch = split === "train"
    ? /(data_batch_\d)\.bin$/
    : /(test_batch)\.bin$/;
  let classes: string[] | undefined;
  const files: ImageFile[] = [];
  for (const entry of readTar(path)) {
    const name = batch.exec(entry.name)?.[1];
    if (name !== undefined) files.push(...recordsOf(entry, path, name));
    if (entry.name.endsWith("batches.meta.txt")) {
      classes = new TextDecoder().decode(entry.read()).trim().split(/\s+/);
    }
  }
  const unnamed = files.find(({ label }) => label >= (classes?.length ?? 0));
  if (classes === undefined || files.length === 0 || unnamed !== undefined) {
    throw new DataError(
      `Cannot read CIFAR-10 of "${path}": it holds ${files.length} images of "${split}" and ${
        classes?.length ?? 0
      } names of classes; without the file, it is downloaded anew`,
    );
  }
  return { classes, files };
}

function* recordsOf(
  entry: TarEntry,
  path: string,
  name: string,
): Generator<ImageFile> {
  const bytes = entry.read();
  for (let start = 0; start + RECORD <= bytes.length; start += RECORD) {
    yield {
      path,
      offset: entry.offset + start + 1,
      length: PIXELS,
      name: `${name}:${start / RECORD}`,
      label: bytes[start],
      encoding: "cifar",
    };
  }
}
