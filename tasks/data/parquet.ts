/**
 * Images in Parquet files as Hugging Face writes them: a column of structs
 * `{bytes, path}` and a column of class numbers.
 *
 * @module
 */

import { exists } from "@std/fs";
import type { FileMetaData } from "hyparquet";
import { createHash } from "node:crypto";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { DataError } from "../errors.ts";
import { cacheFolder, makeOnce } from "./cache.ts";
import type { ImageDataset, ImageFile, Split } from "./dataset.ts";
import { isImage } from "./image_formats.ts";
import { TarWriter } from "./tar_writer.ts";
import { openWebDataset } from "./web_dataset.ts";

/** What {@linkcode openParquet} can be told. */
export interface ParquetOptions {
  /** The folder where converted files are kept; default: {@linkcode cacheFolder}. */
  readonly cache?: string;
  /** Told, in words, how far a conversion is. */
  readonly onProgress?: (message: string) => void;
  /** Ends a conversion early; files that are complete are kept. */
  readonly signal?: AbortSignal;
}

/** How the files of a split are called, the best first: of many data sets only the labels of `validation` are public. */
const NAMES: Readonly<Record<Split, readonly string[]>> = {
  train: ["train"],
  val: ["val", "validation", "test"],
};

/**
 * Lists the Parquet files of a split, in the data set's folder or in `data` in it.
 *
 * @param folder The folder of the data set.
 * @param split Which part of it.
 * @returns The paths of `SPLIT-*.parquet`, sorted; for `val` also of `validation-*.parquet` or else `test-*.parquet`.
 */
export async function findParquet(
  folder: string,
  split: Split,
): Promise<string[]> {
  for (const place of [folder, join(folder, "data")]) {
    if (!await exists(place, { isDirectory: true })) continue;
    const names = (await readdir(place))
      .filter((name) => name.endsWith(".parquet")).sort();
    for (const prefix of NAMES[split]) {
      const found = names.filter((name) => name.startsWith(`${prefix}-`));
      if (found.length > 0) return found.map((name) => join(place, name));
    }
  }
  return [];
}

/**
 * Lists the images of Parquet files. The bytes of an image are spread over
 * compressed pages there, so that files are converted once, row group by row
 * group, to WebDataset archives in the cache, which take about as much space
 * again. A file that has changed is converted anew.
 *
 * @param paths The files.
 * @param options The cache, progress and interruption.
 * @returns The images; classes have the names that the files give, or numbers.
 * @throws {DataError} If a file is broken, has no images or labels, or other classes than the first one.
 */
export async function openParquet(
  paths: readonly string[],
  options: ParquetOptions = {},
): Promise<ImageDataset> {
  const sources = await Promise.all(paths.map(openSource));
  const classes = sources[0].classes;
  const other = sources.find((source) => `${source.classes}` !== `${classes}`);
  if (other !== undefined) {
    throw new DataError(
      `Cannot read images of "${other.path}": its classes are not those of "${
        paths[0]
      }"`,
    );
  }
  const files: ImageFile[] = [];
  let classCount = 0;
  for (const [i, source] of sources.entries()) {
    const archive = await archiveOf(
      source,
      options,
      `${i + 1} of ${paths.length}`,
    );
    const images = await openWebDataset([archive], classes);
    classCount = Math.max(classCount, images.classes.length);
    for (const file of images.files) {
      files.push({
        ...file,
        name: source.path + file.name.slice(archive.length),
      });
    }
  }
  return {
    classes: classes ?? Array.from({ length: classCount }, (_, i) => `${i}`),
    files,
  };
}

/** A file and what its metadata say. */
interface Source {
  readonly path: string;
  readonly metadata: FileMetaData;
  readonly imageColumn: string;
  readonly labelColumn: string;
  readonly classes: string[] | undefined;
}

/** How `datasets` of Hugging Face describes a column. */
interface Feature {
  readonly _type?: string;
  readonly names?: string[];
}

async function openSource(path: string): Promise<Source> {
  const { asyncBufferFromFile, parquetMetadataAsync } = await import(
    "hyparquet"
  );
  const { metadata, columns } = await attempt(path, async () => {
    const metadata = await parquetMetadataAsync(
      await asyncBufferFromFile(path),
    );
    return { metadata, columns: topLevelColumns(metadata) };
  });
  const features = featuresOf(path, metadata);
  const find = (
    what: string,
    type: string,
    usual: readonly string[],
  ): string => {
    const found = [
      ...usual,
      ...columns.filter((name) => features[name]?._type === type),
    ].find((name) => columns.includes(name));
    if (found !== undefined) return found;
    throw new DataError(
      `Cannot read images of "${path}": it has no column of ${what}, only ${
        columns.map((name) => `"${name}"`).join(", ")
      }`,
    );
  };
  const labelColumn = find("labels", "ClassLabel", ["label", "labels"]);
  return {
    path,
    metadata,
    imageColumn: find("images", "Image", ["image", "img"]),
    labelColumn,
    classes: features[labelColumn]?.names,
  };
}

function featuresOf(
  path: string,
  { key_value_metadata: entries }: FileMetaData,
): Readonly<Record<string, Feature>> {
  const text = entries?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return {};
  try {
    return JSON.parse(text).info?.features ?? {};
  } catch (error) {
    throw new DataError(
      `Cannot read images of "${path}": its description by Hugging Face is no JSON`,
      { cause: error },
    );
  }
}

/** The schema is a tree that is written root first; the columns are the children of the root. */
function topLevelColumns({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  const skip = (at: number): number => {
    let next = at + 1;
    for (let i = 0; i < (schema[at].num_children ?? 0); i++) next = skip(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = skip(at)) {
    names.push(schema[at].name);
  }
  return names;
}

/** Converts a file unless that is done. */
async function archiveOf(
  source: Source,
  options: ParquetOptions,
  position: string,
): Promise<string> {
  const path = await realpath(source.path);
  const { size, mtimeMs } = await stat(path);
  const hash = createHash("sha256").update(`${path}\0${size}\0${mtimeMs}`)
    .digest("hex");
  const archive = join(
    options.cache ?? cacheFolder(),
    "parquet",
    `${hash.slice(0, 32)}.tar`,
  );
  await makeOnce(archive, async (temporary) => {
    options.onProgress?.(
      `Converting ${source.path} for random access (${position})`,
    );
    await using writer = await TarWriter.create(temporary);
    for await (const rows of rowGroupsOf(source)) {
      options.signal?.throwIfAborted();
      await writer.write(rows.flatMap((row) => filesOf(source, row)));
    }
  });
  return archive;
}

/** A row: where, and what is in it. */
interface Row {
  readonly index: number;
  readonly image: unknown;
  readonly label: unknown;
}

async function* rowGroupsOf(source: Source): AsyncGenerator<Row[]> {
  const [{ asyncBufferFromFile, parquetReadObjects }, { compressors }] =
    await Promise.all([import("hyparquet"), import("hyparquet-compressors")]);
  const { path, metadata, imageColumn, labelColumn } = source;
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const first = rowStart;
    rowStart += Number(group.num_rows);
    const rows = await attempt(path, async () =>
      parquetReadObjects({
        file: await asyncBufferFromFile(path),
        metadata,
        columns: [imageColumn, labelColumn],
        rowStart: first,
        rowEnd: rowStart,
        compressors,
        utf8: false,
      }));
    yield rows.map((row, i) => ({
      index: first + i,
      image: row[imageColumn],
      label: row[labelColumn],
    }));
    // Decompressing holds the thread up; Ctrl-C must still arrive.
    await setImmediate();
  }
}

/** The two files that a row becomes. */
function filesOf(
  { path, classes, imageColumn, labelColumn }: Source,
  { index, image, label }: Row,
): [string, Uint8Array][] {
  const { bytes, path: name } = (image ?? {}) as Record<string, unknown>;
  if (!(bytes instanceof Uint8Array)) {
    throw new DataError(
      `Cannot read images of "${path}": "${imageColumn}" of row ${index} holds no bytes`,
    );
  }
  const number = Number(label ?? NaN);
  const count = classes?.length ?? 1e9;
  if (!Number.isInteger(number) || number < 0 || number >= count) {
    throw new DataError(
      `Cannot read images of "${path}": "${labelColumn}" of row ${index} is ${label} where a class number ${
        classes ? `below ${count} ` : ""
      }is expected`,
    );
  }
  const extension = typeof name === "string" && isImage(name)
    ? name.slice(name.lastIndexOf(".")).toLowerCase()
    : ".jpg";
  const key = `${index}`.padStart(9, "0");
  return [
    [`${key}${extension}`, bytes],
    [`${key}.cls`, new TextEncoder().encode(`${number}`)],
  ];
}

/** Names the file in whatever the library finds wrong with it. */
async function attempt<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new DataError(
      `Cannot read images of "${path}": ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}
