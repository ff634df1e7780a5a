/**
 * Where images come from, by the words of the command line.
 *
 * @module
 */

import { findImages, type ImageDataset, openImages } from "./dataset.ts";
import { openEmoji } from "./emoji.ts";

/** A data set that can be opened. */
export interface ImageSource {
  /** What it is called: `emoji`, `cifar10`, or the folder. */
  readonly name: string;
  /**
   * Opens the images to train on.
   *
   * @returns The images.
   * @throws {DataError} If they are not there, or broken.
   * @throws {NetworkError} If they have to be downloaded, and cannot be.
   */
  train(): Promise<ImageDataset>;
  /**
   * Opens the images to validate on.
   *
   * @returns The images; `undefined` if the data set has none.
   * @throws {DataError} If they are broken.
   * @throws {NetworkError} If they have to be downloaded, and cannot be.
   */
  validation(): Promise<ImageDataset | undefined>;
}

/** What {@linkcode openImageSource} can be told. */
export interface ImageSourceOptions {
  /** Told, in words, how far a download or a conversion is. */
  readonly onProgress?: (message: string) => void;
  /** Ends a download or a conversion early; what is there of it is used the next time. */
  readonly signal?: AbortSignal;
}

/**
 * Finds a data set. Nothing is read or downloaded before a split is opened.
 *
 * @param data `emoji` for the default data, or a folder.
 * @param options Progress and interruption.
 * @returns The data set.
 */
export function openImageSource(
  data: string = "emoji",
  _options: ImageSourceOptions = {},
): Promise<ImageSource> {
  if (data === "emoji") {
    return Promise.resolve({
      name: data,
      train: () => openEmoji("train"),
      validation: () => openEmoji("val"),
    });
  }
  return Promise.resolve({
    name: data,
    train: () => openImages(data, "train"),
    validation: () => findImages(data, "val"),
  });
}
