/**
 * Pictures of the image set on canvases, and back.
 *
 * @module
 */

import type { ImageSet } from "../image_set.ts";

/** Draws an image on a canvas of its own size. */
export function canvasOf(
  pixels: Uint8Array,
  size: number,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const data = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    for (let channel = 0; channel < 3; channel++) {
      data.data[i * 4 + channel] = pixels[i * 3 + channel];
    }
    data.data[i * 4 + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(data, 0, 0);
  return canvas;
}

/** One image of a split, `[size, size, 3]`. */
export function imageOf(
  { size, ...splits }: ImageSet,
  split: "train" | "validation",
  index: number,
): Uint8Array<ArrayBuffer> {
  const bytes = size ** 2 * 3;
  return splits[split].pixels.subarray(index * bytes, (index + 1) * bytes);
}

/** Reads a picture in the size of the image set, `[size, size, 3]`. */
export function pixelsOf(
  picture: HTMLCanvasElement,
  size: number,
): Uint8Array<ArrayBuffer> {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, size, size);
  const { data } = context.getImageData(0, 0, size, size);
  return Uint8Array.from(
    { length: size ** 2 * 3 },
    (_, i) => data[Math.floor(i / 3) * 4 + i % 3],
  );
}
