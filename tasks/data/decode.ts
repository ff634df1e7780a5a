/**
 * Image files to pixels, by sharp (libvips).
 *
 * @module
 */

import type { RandomSource } from "@cram/tensor";
import { type FileHandle, open } from "node:fs/promises";
import type Sharp from "sharp";
import { cutWindow, planTransform, type Transform } from "./augment.ts";
import type { ImageFile } from "./dataset.ts";

let loading: Promise<typeof Sharp> | undefined;

/** Loads sharp with the first image, because loading it asks for permissions. */
function loadSharp(): Promise<typeof Sharp> {
  return loading ??= import("sharp").then(({ default: sharp }) => {
    // The workers of the loader are the threads; libvips needs none of its
    // own, and no image is decoded twice.
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  });
}

/**
 * Decodes an image file and makes it the network's input. Grayscale, CMYK and
 * 16-bit images become RGB with 8 bits, transparency is dropped, and images
 * that are stored turned are set upright.
 *
 * @param file Where the image lies.
 * @param transform What is done to it.
 * @param random The randomness of this image in this epoch.
 * @param target Where the pixels go, `[size, size, 3]` bytes.
 * @throws If the file cannot be read or decoded.
 */
export async function decodeImage(
  file: Pick<ImageFile, "path" | "offset" | "length">,
  transform: Transform,
  random: RandomSource,
  target: Uint8Array,
): Promise<void> {
  const [sharp, bytes] = await Promise.all([loadSharp(), readBytes(file)]);
  const image = sharp(bytes, { failOn: "error" });
  const { autoOrient: upright } = await image.metadata();
  const plan = planTransform(transform, upright.width, upright.height, random);
  const { region, scaled } = plan;
  image.autoOrient().removeAlpha().toColourspace("srgb");
  if (region !== undefined) image.extract(region);
  const { width, height } = region ?? upright;
  if (scaled.width !== width || scaled.height !== height) {
    image.resize({ ...scaled, fit: "fill", kernel: "linear" });
  }
  const pixels = await image.raw({ depth: "uchar" }).toBuffer();
  cutWindow(pixels, plan, target);
}

async function readBytes(
  { path, offset, length }: Pick<ImageFile, "path" | "offset" | "length">,
): Promise<Uint8Array> {
  await using file: FileHandle = await open(path);
  if (length === undefined) return await file.readFile();
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, offset);
  if (bytesRead < length) {
    throw new Error(
      `"${path}" ends within the image: ${bytesRead} of ${length} bytes were read`,
    );
  }
  return bytes;
}
