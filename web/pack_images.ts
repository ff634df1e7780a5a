/**
 * The default images of the project, packed for the page.
 *
 * @module
 */

import { EMOJI_CLASSES, openEmoji } from "@cram/tasks";
import { encodeImageSet, type LabelledImages } from "./image_set.ts";

/** Height and width of the images, in pixels: the largest that the page trains on. */
export const IMAGE_SIZE = 32;

/** What shows through transparent parts: as in what people draw and take photographs of. */
const BACKGROUND = "#ffffff";

/**
 * Packs the pictures of emoji.
 *
 * @param limit How many of each split; by default all.
 * @returns The file that the page reads.
 * @throws {DataError} If the npm packages with the pictures are neither in Deno's cache nor can be fetched.
 */
export async function packImages(
  limit?: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return await encodeImageSet({
    classes: EMOJI_CLASSES,
    size: IMAGE_SIZE,
    train: await packSplit("train", limit),
    validation: await packSplit("val", limit),
  });
}

async function packSplit(
  split: "train" | "val",
  limit?: number,
): Promise<LabelledImages> {
  // Loading it asks for permissions.
  const { default: sharp } = await import("sharp");
  const files = (await openEmoji(split)).files.slice(0, limit);
  const imageBytes = IMAGE_SIZE ** 2 * 3;
  const pixels = new Uint8Array(files.length * imageBytes);
  await Promise.all(files.map(async ({ path }, i) => {
    const image = await sharp(path)
      .flatten({ background: BACKGROUND })
      .resize(IMAGE_SIZE, IMAGE_SIZE)
      .toColourspace("srgb")
      .raw()
      .toBuffer();
    pixels.set(image, i * imageBytes);
  }));
  return { pixels, labels: Uint8Array.from(files, ({ label }) => label) };
}
