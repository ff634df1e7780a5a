/**
 * Images in folders, one folder for each class.
 *
 * @module
 */

import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { DataError } from "../errors.ts";
import type { ImageDataset, ImageFile } from "./dataset.ts";
import { isImage } from "./image_formats.ts";
import { printable } from "./printable.ts";

/**
 * Lists the images of a folder `CLASS/…/FILE`. Classes are numbered in the
 * order of their names, as torchvision's `ImageFolder` does. Symbolic links
 * are followed; files that are no images, and what is hidden by a name that
 * begins with ".", are passed over.
 *
 * @param folder The folder of the classes' folders.
 * @returns The images.
 * @throws {DataError} If there are no classes, or a class has no images.
 */
export async function openImageFolder(folder: string): Promise<ImageDataset> {
  const classes = (await list(folder)).folders;
  if (classes.length === 0) {
    throw new DataError(
      `Cannot read images of "${folder}": it has no folders of classes`,
    );
  }
  const files: ImageFile[] = [];
  for (const [label, name] of classes.entries()) {
    const paths = await findImageFiles(join(folder, name), []);
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
        name: printable(relative(folder, path)),
        label,
      });
    }
  }
  return { classes, files };
}

/** Lists the images under a folder, once each though links may lead back to a folder above. */
async function findImageFiles(
  folder: string,
  above: readonly string[],
): Promise<string[]> {
  const real = await realpath(folder);
  if (above.includes(real)) return [];
  const { folders, files } = await list(folder);
  const paths = files.filter(isImage).map((name) => join(folder, name));
  for (const name of folders) {
    paths.push(...await findImageFiles(join(folder, name), [...above, real]));
  }
  return paths;
}

/** What is in a folder and not hidden, sorted. */
async function list(
  folder: string,
): Promise<{ readonly folders: string[]; readonly files: string[] }> {
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const isFolder = entry.isSymbolicLink()
      ? await leadsToFolder(join(folder, entry.name))
      : entry.isDirectory();
    (isFolder ? folders : files).push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
}

/** A link that leads nowhere counts as a file, which is then counted as a broken image. */
async function leadsToFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
