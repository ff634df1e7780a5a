/**
 * Image files to pixels.
 *
 * @module
 */

import { type FileHandle, open } from "node:fs/promises";
import type Sharp from "sharp";
import type { ImageFile } from "./dataset.ts";
import { decodeJpeg } from "./jpeg.ts";
import type { Pixels } from "./resize.ts";

let loading: Promise<typeof Sharp> | undefined;

/** Loads sharp with the first image that needs it, because loading it asks for permissions. */
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
 * Decodes an image file: most JPEG files by libjpeg-turbo, everything else by
 * sharp (libvips). Grayscale, CMYK and 16-bit images become RGB with 8 bits,
 * and images that are stored turned are set upright. As with Pillow's
 * `convert("RGB")`, transparency is dropped: what shows is the colour that is
 * stored there. Colour profiles are passed over, as torchvision does, except
 * those of CMYK images.
 *
 * @param file Where the image lies.
 * @returns The image.
 * @throws If the file cannot be read or decoded.
 */
export async function decodeImage(
  file: Pick<ImageFile, "path" | "offset" | "length" | "encoding">,
): Promise<Pixels> {
  const bytes = await readBytes(file);
  if (file.encoding === "cifar") return fromPlanes(bytes);
  return await decodeJpeg(bytes) ?? await decodeBySharp(bytes);
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

/** Height and width of CIFAR's images. */
const CIFAR_SIDE = 32;

/** Pixels of an image that is stored one channel behind the other. */
function fromPlanes(bytes: Uint8Array): Pixels {
  const plane = CIFAR_SIDE * CIFAR_SIDE;
  if (bytes.length !== plane * 3) {
    throw new Error(`it has ${bytes.length} bytes instead of ${plane * 3}`);
  }
  const data = new Uint8Array(plane * 3);
  for (let i = 0; i < plane; i++) {
    data[i * 3] = bytes[i];
    data[i * 3 + 1] = bytes[plane + i];
    data[i * 3 + 2] = bytes[2 * plane + i];
  }
  return { width: CIFAR_SIDE, height: CIFAR_SIDE, data };
}

async function decodeBySharp(bytes: Uint8Array): Promise<Pixels> {
  if (bytes.length === 0) throw new Error("the file is empty");
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(bytes, {
      failOn: "error",
      ignoreIcc: true,
    })
      .autoOrient()
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } catch (error) {
    throw new Error(reasonOf(error, bytes));
  }
}

function reasonOf(error: unknown, bytes: Uint8Array): string {
  const [message] = String(error instanceof Error ? error.message : error)
    .split("\n");
  if (message.includes("unsupported image format")) {
    const begin = new TextDecoder().decode(bytes.subarray(0, 16));
    return `no image format that is known: it begins with ${
      JSON.stringify(begin)
    }`;
  }
  // libvips loses reasons when two images fail at the same moment.
  return message === "Unknown error" ? "it is cut off or damaged" : message;
}
