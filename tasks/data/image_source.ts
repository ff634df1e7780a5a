/**
 * Where images come from, by the words of the command line.
 *
 * @module
 */

import { openCifar10 } from "./cifar10.ts";
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
  /** The folder for what is downloaded or converted; default: {@linkcode cacheFolder}. */
  readonly cache?: string;
  /** Told, in words, how far a download or a conversion is. */
  readonly onProgress?: (message: string) => void;
  /** Ends a download or a conversion early. */
  readonly signal?: AbortSignal;
}

/**
 * Finds a data set. Nothing is read or downloaded before a split is opened.
 *
 * @param data `emoji` for the default data, {@linkcode openEmoji}; `cifar10` for {@linkcode openCifar10}, also where there is a folder of this name, which is `./cifar10`; or a folder, of which {@linkcode findImages} says what it may hold.
 * @param options The cache, progress and interruption.
 * @returns The data set.
 */
export function openImageSource(
  data: string = "emoji",
  options: ImageSourceOptions = {},
): Promise<ImageSource> {
  return Promise.resolve({ name: data, ...splitsOf(data, options) });
}

function splitsOf(
  data: string,
  options: ImageSourceOptions,
): Omit<ImageSource, "name"> {
  switch (data) {
    case "emoji":
      return {
        train: () => openEmoji("train"),
        validation: () => openEmoji("val"),
      };
    case "cifar10":
      return {
        train: () => openCifar10("train", options),
        validation: () => openCifar10("val", options),
      };
    default:
      return {
        train: () => openImages(data, "train", options),
        validation: () => findImages(data, "val", options),
      };
  }
}
