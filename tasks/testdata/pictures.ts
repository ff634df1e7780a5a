/** Makes image files and data sets for tests. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

/** An image of one colour with a bright left half, so that turns and flips show. */
export function picture(
  width: number,
  height: number,
  color: readonly [number, number, number],
): sharp.Sharp {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const isLeft = i % width < width / 2;
    pixels.set(color.map((c) => isLeft ? c : c >> 2), i * 3);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

const COLORS: readonly (readonly [number, number, number])[] = [
  [250, 20, 20],
  [20, 250, 20],
  [20, 20, 250],
];

/** An ImageFolder of three colours, which a network learns in a few steps. */
export async function writeColorFolder(
  folder: string,
  split: string,
  imagesPerClass: number,
): Promise<void> {
  for (const [label, color] of COLORS.entries()) {
    const path = join(folder, split, `color${label}`);
    await mkdir(path, { recursive: true });
    for (let i = 0; i < imagesPerClass; i++) {
      const image = picture(12 + i, 10 + 2 * i, color);
      const bytes = await (i % 2 === 0 ? image.png() : image.jpeg()).toBuffer();
      await writeFile(
        join(path, `${i}.${i % 2 === 0 ? "png" : "JPEG"}`),
        bytes,
      );
    }
  }
}
