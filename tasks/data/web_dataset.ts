/**
 * Images in WebDataset shards: tar archives in which the files of one example
 * stand together and share their name up to its first dot.
 *
 * @module
 */

import { exists } from "@std/fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { DataError } from "../errors.ts";
import type { ImageDataset, ImageFile, Split } from "./dataset.ts";
import { IMAGE_EXTENSIONS } from "./image_formats.ts";
import { printable } from "./printable.ts";
import { readTar } from "./tar.ts";

/**
 * Lists the shards of a split.
 *
 * @param folder The folder of the data set.
 * @param split Which part of it.
 * @returns The paths of `SPLIT-*.tar`, sorted.
 */
export async function findShards(
  folder: string,
  split: Split,
): Promise<string[]> {
  if (!await exists(folder, { isDirectory: true })) return [];
  return (await readdir(folder))
    .filter((name) => name.startsWith(`${split}-`) && name.endsWith(".tar"))
    .sort()
    .map((name) => join(folder, name));
}

/** What was found of an example so far. */
interface Example {
  key: string;
  image?: Pick<ImageFile, "offset" | "length" | "name">;
  label?: number;
}

/**
 * Lists the images of shards, each with a label in a file `KEY.cls`.
 *
 * @param shards The paths of the shards.
 * @param classes The names of the classes; without them, they are numbered.
 * @returns The images.
 * @throws {DataError} If an example lacks its image or label, or a label is no class.
 * @throws {TarError} If a shard is broken.
 */
export async function openWebDataset(
  shards: readonly string[],
  classes?: readonly string[],
): Promise<ImageDataset> {
  const files: ImageFile[] = [];
  let classCount = 0;
  for (const path of shards) {
    for (const { key, image, label } of readExamples(path)) {
      if (image === undefined || label === undefined) {
        throw new DataError(
          `Cannot read images of "${path}": example "${
            printable(key)
          }" has no ${image === undefined ? "image" : "label (.cls)"}`,
        );
      }
      if (classes !== undefined && label >= classes.length) {
        throw new DataError(
          `Cannot read images of "${path}": example "${
            printable(key)
          }" has the label ${label}, names are given for ${classes.length} classes`,
        );
      }
      classCount = Math.max(classCount, label + 1);
      files.push({ path, ...image, label });
    }
    // Reading a shard's headers holds the thread up; Ctrl-C must still arrive.
    await setImmediate();
  }
  if (files.length === 0) {
    throw new DataError(
      `Cannot read images of ${
        shards.map((path) => `"${path}"`).join(", ")
      }: there are none`,
    );
  }
  return {
    classes: classes ?? Array.from({ length: classCount }, (_, i) => `${i}`),
    files,
  };
}

/**
 * Reads the names of a data set's classes.
 *
 * @param folder The folder of the data set.
 * @returns The lines of `classes.txt`, if it is there.
 */
export async function readClassNames(
  folder: string,
): Promise<string[] | undefined> {
  const path = join(folder, "classes.txt");
  if (!await exists(path, { isFile: true })) return undefined;
  const text = await readFile(path, "utf8");
  return text.trimEnd().split("\n").map((line) => line.trim());
}

function* readExamples(path: string): Generator<Example, void, void> {
  let example: Example | undefined;
  for (const entry of readTar(path)) {
    const base = entry.name.slice(entry.name.lastIndexOf("/") + 1);
    const dot = base.indexOf(".", 1);
    if (dot < 0 || base.startsWith(".")) continue;
    const key = entry.name.slice(0, entry.name.length - base.length + dot);
    if (key !== example?.key) {
      if (example !== undefined) yield example;
      example = { key };
    }
    const extension = base.slice(dot).toLowerCase();
    const name = printable(entry.name);
    // Exactly an image: KEY.mask.png is none to classify.
    if (IMAGE_EXTENSIONS.includes(extension)) {
      const { offset, size } = entry;
      example.image = { offset, length: size, name: `${path}:${name}` };
    } else if (extension === ".cls") {
      example.label = parseLabel(path, name, entry.read());
    }
  }
  if (example !== undefined) yield example;
}

function parseLabel(path: string, name: string, content: Uint8Array): number {
  const text = new TextDecoder().decode(content.subarray(0, 32)).trim();
  if (!/^\d{1,9}$/.test(text)) {
    throw new DataError(
      `Cannot read images of "${path}": "${name}" holds "${
        printable(text)
      }" where a class number is expected`,
    );
  }
  return Number(text);
}
