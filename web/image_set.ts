/**
 * The images of the page: one file for both splits, written when the page is
 * built, read by it.
 *
 * @module
 */

import {
  encodeSafetensors,
  parseSafetensors,
  type SafetensorsData,
} from "@cram/tensor/safetensors";

/** Square images and their classes. */
export interface LabelledImages {
  /** Red, green and blue of each pixel, `[N, size, size, 3]`. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** The class of each image, `[N]`. */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** Images to train on and to validate with. */
export interface ImageSet {
  /** The names of the classes, in the order of the labels. */
  readonly classes: readonly string[];
  /** Height and width of all images, in pixels. */
  readonly size: number;
  /** What networks are trained on. */
  readonly train: LabelledImages;
  /** What they are measured with. */
  readonly validation: LabelledImages;
}

const SPLITS = ["train", "validation"] as const;

/** The images as a safetensors file, with the names of the classes in its metadata. */
export async function encodeImageSet(
  set: ImageSet,
): Promise<Uint8Array<ArrayBuffer>> {
  const { classes, size } = set;
  const tensors = SPLITS.flatMap((split): [string, SafetensorsData][] => {
    const { pixels, labels } = set[split];
    const shape = [labels.length, size, size, 3];
    return [
      [`${split}.pixels`, { dtype: "U8", shape, bytes: pixels }],
      [`${split}.labels`, {
        dtype: "U8",
        shape: [labels.length],
        bytes: labels,
      }],
    ];
  });
  return await encodeSafetensors(tensors, {
    metadata: { classes: JSON.stringify(classes) },
  });
}

/**
 * Reads what {@linkcode encodeImageSet} wrote.
 *
 * @throws {SafetensorsError} If it is no such file.
 */
export async function parseImageSet(bytes: Uint8Array): Promise<ImageSet> {
  const file = parseSafetensors(bytes);
  const read = async (name: string): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array((await file.read(name)).bytes);
  const [train, validation] = await Promise.all(
    SPLITS.map(async (split) => ({
      pixels: await read(`${split}.pixels`),
      labels: await read(`${split}.labels`),
    })),
  );
  return {
    classes: JSON.parse(file.metadata.get("classes") ?? "[]"),
    size: (await file.read("train.pixels")).shape[1],
    train,
    validation,
  };
}

/**
 * Makes images smaller: each pixel becomes the mean of those that it stands for.
 *
 * @param pixels Images `[N, from, from, 3]`.
 * @param from Their height and width.
 * @param to The new height and width, a divisor of `from`.
 * @returns Images `[N, to, to, 3]`.
 */
export function shrink(
  pixels: Uint8Array<ArrayBuffer>,
  from: number,
  to: number,
): Uint8Array<ArrayBuffer> {
  const factor = from / to;
  if (factor === 1) return pixels;
  // Rows of one image follow those of the one before.
  const rows = pixels.length / (3 * from) / factor;
  const result = new Uint8Array(rows * to * 3);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < to; column++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let y = row * factor; y < (row + 1) * factor; y++) {
          for (let x = column * factor; x < (column + 1) * factor; x++) {
            sum += pixels[(y * from + x) * 3 + channel];
          }
        }
        result[(row * to + column) * 3 + channel] = Math.round(
          sum / factor ** 2,
        );
      }
    }
  }
  return result;
}
