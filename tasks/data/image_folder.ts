/**
 * Images in folders, one folder for each class.
 *
 * @module
 */

import { walk } from "@std/fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { DataError } from "../errors.ts";
import type { ImageDataset, ImageFile } from "./dataset.ts";
import { isImage } from "./image_formats.ts";

/**
 * Lists the images of a folder `CLASS/…/FILE`. Classes are numbered in the
 * order of their names, as torchvision's `ImageFolder` does; files that are no
 * images are passed over.
 *
 * @param folder The folder of the classes' folders.
 * @returns The images.
 * @throws {DataError} If there are no classes, or a class has no images.
 */
export async function openImageFolder(folder: string): Promise<ImageDataset> {
  const classes = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => !entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
  if (classes.length === 0) {
    throw new DataError(
      `Cannot read images of "${folder}": it has no folders of classes`,
    );
  }
  const files: ImageFile[] = [];
  for (const [label, name] of classes.entries()) {
    const paths: string[] = [];
    const entries = walk(join(folder, name), {
      includeDirs: false,
      followSymlinks: true,
    });
    for await (const { path } of entries) {
      if (isImage(path)) paths.push(path);
    }
    if (paths.length === 0) {
      throw new DataError(
        `Cannot read images of "${folder}": the folder of class "${name}" has none`,
      );
    }
    for (const path of paths.sort()) {
      files.push({
        path,
        offset: 0,
        length: undefined,
        name: relative(folder, path),
        label,
      });
    }
  }
  return { classes, files };
}
