/** Images that are quickly learned. */

import { RandomSource } from "@cram/tensor";
import type { ImageSet, LabelledImages } from "../image_set.ts";

const SIZE = 32;
const CLASSES = ["Disc", "Square", "Cross"];

/** Whether a point of a shape around (0, 0), of radius 1, belongs to it. */
const SHAPES: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => x * x + y * y < 1,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.9,
  (x, y) =>
    Math.min(Math.abs(x), Math.abs(y)) < 0.3 &&
    Math.max(Math.abs(x), Math.abs(y)) < 1,
];

/** Shapes, each in a colour of its own with some noise, on white. */
export function shapes(train: number, validation: number): ImageSet {
  const random = new RandomSource(1n);
  return {
    classes: CLASSES,
    size: SIZE,
    train: draw(train, random),
    validation: draw(validation, random),
  };
}

function draw(count: number, random: RandomSource): LabelledImages {
  const pixels = new Uint8Array(count * SIZE ** 2 * 3).fill(255);
  const labels = new Uint8Array(count);
  for (let image = 0; image < count; image++) {
    const label = labels[image] = image % CLASSES.length;
    const at = (): number => SIZE * (0.4 + 0.2 * random.uniform());
    const [left, top, radius] = [at(), at(), 0.25 * SIZE];
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        if (!SHAPES[label]((x - left) / radius, (y - top) / radius)) continue;
        for (let channel = 0; channel < 3; channel++) {
          pixels[((image * SIZE + y) * SIZE + x) * 3 + channel] =
            (channel === label ? 180 : 20) + 60 * random.uniform();
        }
      }
    }
  }
  return { pixels, labels };
}
