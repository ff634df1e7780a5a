/**
 * Which part of an image a network sees: random-resized crops and flips in
 * training, a centred crop in evaluation. Everything random is a function of
 * the seed, the epoch and the example, so that it does not matter which
 * worker does the work, nor when.
 *
 * @module
 */

import type { RandomSource } from "@cram/tensor";

/** How images are brought to the size of the network's input. */
export type Recipe = "imagenet" | "cifar";

/** What is done to images. */
export interface Transform {
  /**
   * `imagenet`: a random-resized crop in training (Szegedy et al., "Going
   * Deeper with Convolutions", CVPR 2015, with torchvision's ranges); in
   * evaluation the shorter side is resized to 8/7 of the size and the centre
   * is cut out. `cifar`: images of the size as they are (others are resized
   * and cut to it), in training shifted by up to 4 pixels over zeros.
   */
  readonly recipe: Recipe;
  /** Height and width of the network's input, in pixels. */
  readonly size: number;
  /** Whether the image is cropped at random and flipped with probability 1/2. */
  readonly augment: boolean;
}

/** A rectangle in pixels; `left` and `top` may be negative where zeros lie around. */
export interface Rectangle {
  /** The first column. */
  readonly left: number;
  /** The first row. */
  readonly top: number;
  /** The number of columns. */
  readonly width: number;
  /** The number of rows. */
  readonly height: number;
}

/** What to do with one image, in this order. */
export interface Plan {
  /** The part of the decoded image that is used. */
  readonly region: Rectangle;
  /** The size to which that is resized. */
  readonly scaled: { readonly width: number; readonly height: number };
  /** Where the network's input lies in the resized image; zeros lie around that. */
  readonly window: Rectangle;
  /** Whether left and right are exchanged at the end. */
  readonly flip: boolean;
}

const AREA = [0.08, 1] as const;
const LOG_RATIO = [Math.log(3 / 4), Math.log(4 / 3)] as const;
const ATTEMPTS = 10;
const SHIFT = 4;
/** 256 pixels of the shorter side for a crop of 224. */
const EVALUATION_SCALE = 256 / 224;

/**
 * Plans how an image becomes the network's input.
 *
 * @param transform What is done to images.
 * @param width The image's width in pixels, upright.
 * @param height The image's height in pixels, upright.
 * @param random The randomness of this image in this epoch.
 * @returns The plan.
 */
export function planTransform(
  transform: Transform,
  width: number,
  height: number,
  random: RandomSource,
): Plan {
  const { recipe, size, augment } = transform;
  if (recipe === "imagenet" && augment) {
    return {
      region: randomRegion(width, height, random),
      scaled: { width: size, height: size },
      window: { left: 0, top: 0, width: size, height: size },
      flip: random.uniform() < 0.5,
    };
  }
  const scaled = scaleShorterSide(width, height, evaluationSide(transform));
  const shift = (): number =>
    augment ? random.integer(2 * SHIFT + 1) - SHIFT : 0;
  return {
    region: { left: 0, top: 0, width, height },
    scaled,
    window: {
      left: halfToEven(scaled.width - size) + shift(),
      top: halfToEven(scaled.height - size) + shift(),
      width: size,
      height: size,
    },
    flip: augment && random.uniform() < 0.5,
  };
}

/**
 * To what the shorter side of images is resized in evaluation.
 *
 * @param transform What is done to images.
 * @returns The side in pixels.
 */
export function evaluationSide({ recipe, size }: Transform): number {
  return recipe === "imagenet" ? Math.round(size * EVALUATION_SCALE) : size;
}

/**
 * The size of an image whose shorter side is given; the longer one is rounded
 * as torchvision does.
 *
 * @param width The image's width in pixels.
 * @param height The image's height in pixels.
 * @param side The shorter side of the result.
 * @returns Width and height of the result.
 */
export function scaleShorterSide(
  width: number,
  height: number,
  side: number,
): { readonly width: number; readonly height: number } {
  return width <= height
    ? { width: side, height: Math.trunc(side * height / width) }
    : { width: Math.trunc(side * width / height), height: side };
}

/** Half of an integer; where that is none, the even one of its neighbours, as in Python. */
function halfToEven(n: number): number {
  const below = Math.floor(n / 2);
  return n % 2 === 0 || below % 2 === 0 ? below : below + 1;
}

/** A region of 8 % to 100 % of the image and an aspect ratio of 3:4 to 4:3; the centre if ten attempts do not fit. */
function randomRegion(
  width: number,
  height: number,
  random: RandomSource,
): Rectangle {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = width * height *
      (AREA[0] + (AREA[1] - AREA[0]) * random.uniform());
    const ratio = Math.exp(
      LOG_RATIO[0] + (LOG_RATIO[1] - LOG_RATIO[0]) * random.uniform(),
    );
    const w = Math.round(Math.sqrt(area * ratio));
    const h = Math.round(Math.sqrt(area / ratio));
    if (w >= 1 && h >= 1 && w <= width && h <= height) {
      return {
        left: random.integer(width - w + 1),
        top: random.integer(height - h + 1),
        width: w,
        height: h,
      };
    }
  }
  const ratio = width / height;
  const w = Math.min(width, Math.max(1, Math.round(height * 4 / 3)));
  const h = Math.min(height, Math.max(1, Math.round(width * 4 / 3)));
  const region = ratio < 3 / 4
    ? { width, height: h }
    : ratio > 4 / 3
    ? { width: w, height }
    : { width, height };
  return {
    left: Math.floor((width - region.width) / 2),
    top: Math.floor((height - region.height) / 2),
    ...region,
  };
}
