/**
 * Sets of labelled image files.
 *
 * @module
 */

import type { RandomSource } from "@cram/tensor";
import { exists } from "@std/fs";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { openImageFolder } from "./image_folder.ts";
import { findParquet, openParquet, type ParquetOptions } from "./parquet.ts";
import { findShards, openWebDataset, readClassNames } from "./web_dataset.ts";

/** Where one image file lies, and what it shows. */
export interface ImageFile {
  /** The file, or the archive that holds it. */
  readonly path: string;
  /** Where the image begins in it, in bytes. */
  readonly offset: number;
  /** The image's length in bytes; `undefined` for the whole file. */
  readonly length: number | undefined;
  /** What it is called in messages. */
  readonly name: string;
  /** The class, from 0. */
  readonly label: number;
  /** `cifar`: 32×32 pixels as they are, first all red, then all green, then all blue bytes; by default a file of any known format. */
  readonly encoding?: "cifar";
}

/** A set of labelled image files. */
export interface ImageDataset {
  /** The names of the classes; a label is an index of this list. */
  readonly classes: readonly string[];
  /** The files, in an order that depends on nothing but their names. */
  readonly files: readonly ImageFile[];
}

/** A part of a data set. */
export type Split = "train" | "val";

/**
 * Finds the images of a split: WebDataset shards `SPLIT-*.tar`, Parquet files
 * of Hugging Face `SPLIT-*.parquet`, or a folder `SPLIT` with a folder for
 * each class.
 *
 * @param folder The folder of the data set.
 * @param split Which part of it.
 * @param options Where converted Parquet files are kept, progress and interruption.
 * @returns The images, or `undefined` if the split is not there.
 * @throws {DataError} If the split is empty or broken.
 */
export async function findImages(
  folder: string,
  split: Split,
  options?: ParquetOptions,
): Promise<ImageDataset | undefined> {
  const shards = await findShards(folder, split);
  if (shards.length > 0) {
    return await openWebDataset(shards, await readClassNames(folder));
  }
  const tables = await findParquet(folder, split);
  if (tables.length > 0) return await openParquet(tables, options);
  const images = join(folder, split);
  if (await exists(images, { isDirectory: true })) {
    return await openImageFolder(images);
  }
  return undefined;
}

/**
 * Finds the images of a split that must be there.
 *
 * @param folder The folder of the data set.
 * @param split Which part of it.
 * @param options Where converted Parquet files are kept, progress and interruption.
 * @returns The images.
 * @throws {DataError} If the folder or the split is not there, empty or broken.
 */
export async function openImages(
  folder: string,
  split: Split,
  options?: ParquetOptions,
): Promise<ImageDataset> {
  if (!await exists(folder, { isDirectory: true })) {
    throw new DataError(`Cannot read images of "${folder}": no such folder`);
  }
  const images = await findImages(folder, split, options);
  if (images === undefined) {
    throw new DataError(
      `Cannot read images of "${folder}": expected a folder "${split}" with a folder for each class, archives "${split}-*.tar" or "${split}-*.parquet"`,
    );
  }
  return images;
}

/**
 * Draws some images of a data set.
 *
 * @param dataset The data set.
 * @param count How many; all of them if there are not so many.
 * @param random What the draw comes from.
 * @returns A data set of the same classes.
 */
export function sampleImages(
  dataset: ImageDataset,
  count: number,
  random: RandomSource,
): ImageDataset {
  const order = random.permutation(dataset.files.length).subarray(0, count);
  return { ...dataset, files: Array.from(order, (i) => dataset.files[i]) };
}

/**
 * Splits a data set into two at random; both keep its order.
 *
 * @param dataset The data set.
 * @param count How many images the second part has.
 * @param random What the draw comes from.
 * @returns The rest, and the images that were drawn, both of the same classes.
 */
export function holdOutImages(
  dataset: ImageDataset,
  count: number,
  random: RandomSource,
): [rest: ImageDataset, heldOut: ImageDataset] {
  const { files } = dataset;
  const drawn = new Set(random.permutation(files.length).subarray(0, count));
  const part = (isDrawn: boolean): ImageDataset => ({
    ...dataset,
    files: files.filter((_, i) => drawn.has(i) === isDrawn),
  });
  return [part(false), part(true)];
}
